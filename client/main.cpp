// The command line client: a table of its commands, each a file of its own.
#include <fmt/format.h>

#include <array>
#include <cstdio>
#include <exception>
#include <string_view>

#include "client/agent.hpp"
#include "client/bench.hpp"
#include "client/lock.hpp"
#include "client/locks.hpp"
#include "client/ping.hpp"
#include "client/up.hpp"

namespace {

struct Command {
  std::string_view name;
  std::string_view summary;
  int (*run)(int argc, const char* const* argv);  ///< argv[0] is the command's name
};

constexpr std::array<Command, 6> commands{{
    {"up", "run the whole system on this machine until Ctrl-C", mas::run_up},
    {"agent", "log this host's metrics every few seconds", mas::run_agent},
    {"ping", "ask whether a gateway serves (exit 0) or not (exit 1)", mas::run_ping},
    {"lock", "run a command while a lock is held, across machines", mas::run_lock},
    {"locks", "show who holds which lock, and who waits", mas::run_locks},
    {"bench", "measure a part of the system (mas bench locks)", mas::run_bench},
}};

void print_help(std::FILE* out) {
  fmt::print(out,
             "mas, the Metrics & Alert Server, from the command line\n\n"
             "usage: mas COMMAND [OPTIONS]\n\n");
  for (const Command& command : commands)
    fmt::print(out, "  {:<8} {}\n", command.name, command.summary);
  fmt::print(out,
             "\n`mas COMMAND --help` lists a command's options with their defaults.\n\n"
             "A first try, in two terminals:\n"
             "  mas up\n"
             "  printf 'LOG cpu 1\\nQUERY cpu MAX 60\\n' | nc -N 127.0.0.1 12345\n");
}

int run(int argc, const char* const* argv) {
  const std::string_view word = argc > 1 ? argv[1] : "";
  for (const Command& command : commands)
    if (word == command.name) return command.run(argc - 1, argv + 1);
  if (word == "--help" || word == "-h" || word == "help") {
    print_help(stdout);
    return 0;
  }
  if (word == "--version") {
    fmt::print("mas {}\n", MAS_VERSION);
    return 0;
  }
  if (word.empty())
    print_help(stderr);
  else
    fmt::print(stderr, "mas: no such command: {} (see mas --help)\n", word);
  return 2;
}

}  // namespace

int main(int argc, char** argv) {
  try {
    return run(argc, argv);
  } catch (const std::exception& error) {
    fmt::print(stderr, "mas: {}\n", error.what());
    return 1;
  }
}
