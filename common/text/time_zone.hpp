#pragma once

#include "base/time_types.hpp"

namespace mas {

/// What the clocks on the wall show in some place: the rule for times that name no zone.
/// Thread-safety: const members may be called from several threads.
class TimeZone {
 public:
  virtual ~TimeZone() = default;

  /// The moment, in seconds since 1970-01-01T00:00:00Z, at which the local clock shows
  /// `shown`, given as seconds since the local clock's own 1970-01-01T00:00:00. Of a time that is
  /// shown twice (clocks set back) the first; a time that is never shown (clocks set forward) is
  /// read as if they had not been set yet. Years 0 to 10000.
  [[nodiscard]] virtual seconds utc_from_local(seconds shown) const = 0;

 protected:
  TimeZone() = default;
  TimeZone(const TimeZone&) = default;
  TimeZone& operator=(const TimeZone&) = default;
};

/// A zone that never changes; UTC when nothing is said.
class FixedZone final : public TimeZone {
 public:
  explicit FixedZone(seconds east_of_utc = seconds{0}) : east_of_utc_(east_of_utc) {}
  [[nodiscard]] seconds utc_from_local(seconds shown) const override {
    return shown - east_of_utc_;
  }

 private:
  seconds east_of_utc_;
};

}  // namespace mas
