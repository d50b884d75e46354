#include <spdlog/spdlog.h>
#include <sys/resource.h>

#include "gateway/gateway_loop.hpp"
#include "service/http_server.hpp"
#include "service/logging.hpp"
#include "service/options.hpp"
#include "service/process.hpp"

namespace {

constexpr const char* program = "mas-gateway";

/// As many descriptors as the system lets us have: one for each connection, and some for the rest.
void raise_descriptor_limit() {
  rlimit limit{};
  if (::getrlimit(RLIMIT_NOFILE, &limit) != 0) return;
  limit.rlim_cur = limit.rlim_max;
  if (::setrlimit(RLIMIT_NOFILE, &limit) != 0) spdlog::warn("descriptor limit not raised");
}

}  // namespace

int main(int argc, char** argv) {
  mas::GatewayOptions gateway;
  std::uint16_t http_port = 0;

  mas::Options options(program,
                       "The gateway of mas: takes the commands of clients (text on one port, "
                       "MessagePack on another) and hands each to a worker of its pool.");
  options.text(gateway.bind, "bind", "address that the ports listen on");
  options.port(gateway.text_port, "text-port", "port for text clients");
  options.port(gateway.native_port, "native-port", "port for MessagePack clients over ZeroMQ");
  options.port(gateway.workers_port, "workers-port", "port that workers dial");
  options.port(gateway.events_port, "events-port", "port that publishes fired alerts");
  options.port(http_port, "http-port", "port for /healthz, /readyz and /metrics", true);
  options.text(gateway.cluster, "cluster", "name that all processes of one system share");
  options.count(gateway.text_limits.connections_max, "connections", 1, 1'000'000,
                "text connections at a time");
  options.count(gateway.text_limits.pending_max, "pipeline", 1, 1'000'000,
                "unanswered requests of one connection, above which it is not read");
  options.duration(gateway.dispatcher_limits.log_timeout, "log-timeout", mas::milliseconds{100},
                   mas::seconds{60}, "a LOG without an answer by then is a 503");
  options.duration(gateway.dispatcher_limits.request_timeout, "request-timeout",
                   mas::milliseconds{100}, mas::seconds{600},
                   "the same for NEW-ALERT and for the first sign of a QUERY");
  if (const auto status = options.parse(argc, argv)) return *status;
  if (gateway.cluster.size() > mas::cluster_name_bytes_max) {
    return mas::refuse(program, "--cluster: too long");
  }
  mas::start_logging(program, options.log_level());
  raise_descriptor_limit();

  mas::EventLoop loop;
  mas::GatewayLoop gateway_loop(loop, gateway);
  if (const auto bound = gateway_loop.listen(); !bound) {
    return mas::refuse(program, bound.error().text);
  }
  std::unique_ptr<mas::HttpServer> http;
  if (http_port != 0) {
    auto started = mas::HttpServer::start(loop, gateway.bind, http_port,
                                          {.ready = [&] { return gateway_loop.ready(); },
                                           .metrics = [&] { return gateway_loop.metrics(); }});
    if (!started) return mas::refuse(program, started.error().text);
    http = *std::move(started);
  }
  loop.on_terminate([&] { gateway_loop.drain(); });
  spdlog::info("started bind={} text={} native={} workers={} events={} http={}", gateway.bind,
               gateway.text_port, gateway.native_port, gateway.workers_port, gateway.events_port,
               http_port);
  loop.run();
  spdlog::info("stopped");
  return 0;
}
