#pragma once

#include "base/time_types.hpp"

namespace mas {

/// When periods end. The ends are the multiples of the period since the epoch, whatever the moment
/// at which a process started and however long a check took, so nothing drifts and a take-over
/// keeps to the same ends. No clock: the time is told. Thread-safety: plain value.
class Schedule {
 public:
  /// `period` is positive; a period is judged `lag` after its end, when every sample stamped in it
  /// is stored or refused.
  Schedule(nanoseconds period, nanoseconds lag) : period_(period), lag_(lag) {}

  /// The latest end that may be judged at `now`.
  [[nodiscard]] WallTime due(WallTime now) const;
  /// When the period that ends at `end` is to be judged.
  [[nodiscard]] WallTime judged_at(WallTime end) const { return end + lag_; }

 private:
  nanoseconds period_;
  nanoseconds lag_;
};

}  // namespace mas
