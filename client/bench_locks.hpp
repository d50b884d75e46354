#pragma once

namespace mas {

/// `mas bench locks`: measures a lock broker, one that it starts for the run unless told which, and
/// prints a table. What each row means is in docs/benchmarks.md.
[[nodiscard]] int run_bench_locks(int argc, const char* const* argv);

}  // namespace mas
