#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>

#include "base/time_types.hpp"

namespace mas {

/// Keeps a warning that comes again and again from flooding the log: each cause is said at once,
/// then at most once a period, with how often it was held back. Thread-safety: one owner.
class RepeatLimit {
 public:
  explicit RepeatLimit(nanoseconds period = seconds{10}) : period_(period) {}

  /// Nothing: keep it for now. Else say it; the number is how often it was kept since it was said
  /// last. `now` never decreases.
  [[nodiscard]] std::optional<std::uint64_t> allows(std::string_view cause, MonoTime now);

 private:
  /// Causes come from code, not from clients, so there are few; beyond this they share one place.
  static constexpr std::size_t causes_max = 64;
  struct Said {
    MonoTime at;
    std::uint64_t kept = 0;
  };

  nanoseconds period_;
  std::map<std::string, Said, std::less<>> causes_;
};

}  // namespace mas
