#include "client/up_plan.hpp"

#include <arpa/inet.h>

#include <algorithm>
#include <array>
#include <initializer_list>

#include "wire/envelope.hpp"

namespace mas {
namespace {

bool is_ipv6(const std::string& address) {
  std::array<unsigned char, sizeof(in6_addr)> ignored{};
  return ::inet_pton(AF_INET6, address.c_str(), ignored.data()) == 1;
}

bool is_ipv4(const std::string& address) {
  std::array<unsigned char, sizeof(in_addr)> ignored{};
  return ::inet_pton(AF_INET, address.c_str(), ignored.data()) == 1;
}

std::string endpoint(const std::string& address, std::uint16_t port) {
  if (is_ipv6(address)) return fmt::format("[{}]:{}", address, port);
  return fmt::format("{}:{}", address, port);
}

}  // namespace

std::vector<NamedPort> ports_of(const UpOptions& options) {
  return {{"--text-port", options.text_port},       {"--native-port", options.native_port},
          {"--workers-port", options.workers_port}, {"--events-port", options.events_port},
          {"--locks-port", options.locks_port},     {"--http-port", options.http_port}};
}

Result<void> validate(const UpOptions& options) {
  if (!is_ipv4(options.bind) && !is_ipv6(options.bind))
    return fail(Error::invalid, "--bind: '{}' is not a numeric address such as 127.0.0.1",
                options.bind);
  if (options.partition % seconds(1) != nanoseconds(0))
    return fail(Error::invalid, "--partition: not whole seconds");
  if (options.cluster.size() > cluster_name_bytes_max)
    return fail(Error::invalid, "--cluster: too long");
  auto ports = ports_of(options);
  std::stable_sort(ports.begin(), ports.end(),
                   [](const NamedPort& a, const NamedPort& b) { return a.port < b.port; });
  const auto twice =
      std::adjacent_find(ports.begin(), ports.end(),
                         [](const NamedPort& a, const NamedPort& b) { return a.port == b.port; });
  if (twice != ports.end())
    return fail(Error::invalid, "{} and {} are both {}: each needs a port of its own",
                twice->option, (twice + 1)->option, twice->port);
  return {};
}

std::vector<ChildCommand> plan_children(const UpOptions& options) {
  const auto port = [](std::uint16_t number) { return std::to_string(number); };
  std::vector<ChildCommand> children;
  children.push_back({Supervisor::Role::lockbroker,
                      "mas-lockbroker",
                      {"--bind", options.bind, "--locks-port", port(options.locks_port), "--state",
                       options.data + "/lockbroker", "--cluster", options.cluster, "--log-level",
                       options.log_level}});
  children.push_back(
      {Supervisor::Role::gateway,
       "mas-gateway",
       {"--bind", options.bind, "--text-port", port(options.text_port), "--native-port",
        port(options.native_port), "--workers-port", port(options.workers_port), "--events-port",
        port(options.events_port), "--http-port", port(options.http_port), "--cluster",
        options.cluster, "--log-level", options.log_level}});

  const auto address = reachable_address(options.bind);
  // No HTTP port, so that MAS_HTTP_PORT, which is the gateway's here, does not reach them as
  // theirs.
  const ChildCommand worker{
      Supervisor::Role::worker,
      "",
      {"--gateway", endpoint(address, options.workers_port), "--locks",
       endpoint(address, options.locks_port), "--data", options.data, "--http-port", "0",
       "--cluster", options.cluster, "--log-level", options.log_level}};
  const auto add_pool = [&](const char* program, std::uint32_t count,
                            std::initializer_list<std::string> own_arguments) {
    ChildCommand one = worker;
    one.program = program;
    one.arguments.insert(one.arguments.end(), own_arguments);
    children.insert(children.end(), count, one);
  };
  const auto time = [](nanoseconds length) { return fmt::format("{}ns", length.count()); };
  add_pool("mas-ingest", options.ingest, {"--partition", time(options.partition)});
  add_pool("mas-query", options.query, {});
  add_pool("mas-alerter", options.alerter, {"--alert-period", time(options.alert_period)});
  return children;
}

std::string reachable_address(const std::string& bind) {
  if (bind == "0.0.0.0") return "127.0.0.1";
  std::array<unsigned char, sizeof(in6_addr)> address{};
  if (::inet_pton(AF_INET6, bind.c_str(), address.data()) == 1 &&
      std::all_of(address.begin(), address.end(), [](unsigned char byte) { return byte == 0; }))
    return "::1";
  return bind;
}

bool every_pool_has_workers(const UpOptions& options) {
  return options.ingest > 0 && options.query > 0 && options.alerter > 0;
}

std::string ready_line(const UpOptions& options) {
  const auto at = [&options](std::uint16_t port) { return endpoint(options.bind, port); };
  return fmt::format(
      "mas is ready: commands {}, native {}, workers {}, events {}, locks {}, http http://{}",
      at(options.text_port), at(options.native_port), at(options.workers_port),
      at(options.events_port), at(options.locks_port), at(options.http_port));
}

}  // namespace mas
