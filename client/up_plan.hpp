#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/result.hpp"
#include "client/supervisor.hpp"

namespace mas {

/// What `mas up` was asked for; the defaults are those of its options.
struct UpOptions {
  std::string data = "./data";
  std::string bind = "127.0.0.1";  ///< numeric, IPv4 or IPv6
  std::uint16_t text_port = 12345;
  std::uint16_t native_port = 5555;
  std::uint16_t workers_port = 5556;
  std::uint16_t events_port = 5557;
  std::uint16_t locks_port = 5558;
  std::uint16_t http_port = 8080;
  std::uint32_t ingest = 1;  ///< worker processes in the pool; 0 is legal, its commands get 503
  std::uint32_t query = 1;
  std::uint32_t alerter = 1;
  nanoseconds alert_period = seconds(60);
  std::string log_level = "info";
  nanoseconds partition = std::chrono::hours(24);
  std::string cluster = "mas";
};

/// More worker processes of one kind than a machine has any use for: a slip of the finger.
inline constexpr std::uint32_t workers_per_pool_max = 256;

/// One of the ports that the system listens on.
struct NamedPort {
  std::string_view option;  ///< `--text-port`; static
  std::uint16_t port = 0;
};
[[nodiscard]] std::vector<NamedPort> ports_of(const UpOptions& options);

/// Error::invalid names the option that makes no sense: an address that is none, a port twice, a
/// partition that is not whole seconds.
Result<void> validate(const UpOptions& options);

/// A process to run.
struct ChildCommand {
  Supervisor::Role role = Supervisor::Role::worker;
  std::string program;                 ///< file name of a binary beside `mas`
  std::vector<std::string> arguments;  ///< without the program's name
};
/// The processes in the order of starting: lock broker, gateway, workers.
[[nodiscard]] std::vector<ChildCommand> plan_children(const UpOptions& options);

/// The address under which this machine reaches what is bound to `bind`: loopback for the
/// wildcards, else itself.
[[nodiscard]] std::string reachable_address(const std::string& bind);

/// True when the gateway can be asked whether every pool has a worker; with an empty pool it never
/// will, so the system is ready when the gateway runs.
[[nodiscard]] bool every_pool_has_workers(const UpOptions& options);

/// `mas is ready: ...` with the addresses, one line without its end.
[[nodiscard]] std::string ready_line(const UpOptions& options);

}  // namespace mas
