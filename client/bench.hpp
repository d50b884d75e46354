#pragma once

namespace mas {

/// `mas bench WHAT`: measures a part of the system; `locks` so far.
[[nodiscard]] int run_bench(int argc, const char* const* argv);

}  // namespace mas
