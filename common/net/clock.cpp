#include "net/clock.hpp"

#include <ctime>

namespace mas {
namespace {

nanoseconds read_clock(clockid_t clock) {
  timespec now{};
  ::clock_gettime(clock, &now);
  return seconds{now.tv_sec} + nanoseconds{now.tv_nsec};
}

}  // namespace

MonoTime mono_now() { return MonoTime{read_clock(CLOCK_BOOTTIME)}; }
WallTime wall_now() { return WallTime{read_clock(CLOCK_REALTIME)}; }

}  // namespace mas
