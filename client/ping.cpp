#include "client/ping.hpp"

#include <fmt/format.h>

#include <cstdio>

#include "client/http_probe.hpp"
#include "net/clock.hpp"
#include "service/options.hpp"

namespace mas {

int run_ping(int argc, const char* const* argv) {
  HostPort server{"127.0.0.1", 8080};
  std::string path = "/readyz";
  nanoseconds timeout = seconds(2);
  Options options("mas ping", "Ask a process's HTTP port whether it serves: exit 0, or 1 if not.");
  options.address(server, "server", "HTTP port to ask");
  options.text(path, "path", "/readyz: every pool has a worker; /healthz: the process runs");
  options.duration(timeout, "timeout", milliseconds(10), std::chrono::hours(1),
                   "how long the answer may take");
  if (const auto exit_code = options.parse(argc, argv)) return *exit_code;

  const auto status = http_status(server.host, server.port, path, mono_now() + timeout);
  if (!status) {
    fmt::print("{}\n", status.error().text);
    return 1;
  }
  fmt::print("{}:{} answers {} to {}\n", server.host, server.port, *status, path);
  return *status == 200 ? 0 : 1;
}

}  // namespace mas
