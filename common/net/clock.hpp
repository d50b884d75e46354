#pragma once

#include "base/time_types.hpp"

namespace mas {

/// The only two places where time is read. Thread-safe.
[[nodiscard]] MonoTime mono_now();
[[nodiscard]] WallTime wall_now();

}  // namespace mas
