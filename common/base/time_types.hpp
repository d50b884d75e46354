#pragma once

#include <chrono>
#include <cstdint>

namespace mas {

using std::chrono::milliseconds;
using std::chrono::nanoseconds;
using std::chrono::seconds;

namespace detail {
/// Tags, not clocks: they have no now(). Only shells read clocks (net/clock).
struct WallTimeline {
  using duration = nanoseconds;
  using rep = duration::rep;
  using period = duration::period;
  using time_point = std::chrono::time_point<WallTimeline>;
  static constexpr bool is_steady = false;
};
struct MonoTimeline {
  using duration = nanoseconds;
  using rep = duration::rep;
  using period = duration::period;
  using time_point = std::chrono::time_point<MonoTimeline>;
  static constexpr bool is_steady = true;
};
}  // namespace detail

/// A moment in UTC, nanoseconds since 1970-01-01T00:00:00Z without leap seconds (POSIX time), from
/// 1677 to 2262. What samples are stamped with. Does not compare with MonoTime.
using WallTime = std::chrono::time_point<detail::WallTimeline, nanoseconds>;

/// A moment on this host's CLOCK_BOOTTIME: never steps back, and counts while the host is
/// suspended, as leases need. For deadlines and timers.
using MonoTime = std::chrono::time_point<detail::MonoTimeline, nanoseconds>;

/// Nanoseconds since the epoch, and back: the form that files and messages hold.
[[nodiscard]] constexpr std::int64_t to_int(WallTime time) {
  return time.time_since_epoch().count();
}
[[nodiscard]] constexpr WallTime wall_time(std::int64_t nanoseconds_since_epoch) {
  return WallTime{nanoseconds{nanoseconds_since_epoch}};
}

}  // namespace mas
