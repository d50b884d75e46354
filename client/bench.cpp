#include "client/bench.hpp"

#include <fmt/format.h>

#include <string_view>

#include "client/bench_locks.hpp"
#include "service/process.hpp"

namespace mas {

int run_bench(int argc, const char* const* argv) {
  const std::string_view what = argc > 1 ? argv[1] : "";
  if (what == "locks") return run_bench_locks(argc - 1, argv + 1);
  if (what == "--help" || what == "-h") {
    fmt::print("usage: mas bench locks [OPTIONS]\n\n  locks  the lock broker\n");
    return 0;
  }
  return refuse("mas bench", what.empty() ? "what? (mas bench locks)"
                                          : fmt::format("nothing to measure called {}", what));
}

}  // namespace mas
