#pragma once

namespace mas {

/// `mas ping`: asks a process's HTTP port once and says the answer in a line on stdout. The exit
/// code is 0 when the answer is 200, 1 when it is another or none, 2 for a bad option. For health
/// checks of containers.
[[nodiscard]] int run_ping(int argc, const char* const* argv);

}  // namespace mas
