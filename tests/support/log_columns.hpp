#pragma once

#include <string_view>

#include "wire/worker_messages.hpp"

namespace mas {

/// Owns the columns of a LogBatch.
class LogColumns {
 public:
  void add(std::string_view id, WallTime stamp, double value) {
    append_short_text(ids_, id);
    append_le(stamps_, to_int(stamp));
    append_le(values_, value);
  }
  /// Valid until the next add().
  [[nodiscard]] LogBatch batch(std::uint64_t number) const {
    return {.batch = number, .ids = ids_, .stamps = stamps_, .values = values_};
  }

 private:
  Bytes ids_;
  Bytes stamps_;
  Bytes values_;
};

}  // namespace mas
