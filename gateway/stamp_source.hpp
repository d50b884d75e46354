#pragma once

#include "base/time_types.hpp"

namespace mas {

/// Stamps what a gateway reads: wall clock time, but strictly increasing, also when many lines come
/// within one reading of the clock and when the clock is set back. Then stamps go on by a
/// nanosecond each until the clock has caught up. Thread-safety: one owner.
class StampSource {
 public:
  /// The stamp of a line that is read when the wall clock shows `reading`.
  [[nodiscard]] WallTime next(WallTime reading);

 private:
  WallTime last_ = WallTime::min();
};

}  // namespace mas
