#include <spdlog/spdlog.h>

#include "lockbroker/epoch_file.hpp"
#include "lockbroker/lockbroker_loop.hpp"
#include "service/http_server.hpp"
#include "service/logging.hpp"
#include "service/options.hpp"
#include "service/process.hpp"
#include "store/posix_file.hpp"

namespace {

constexpr const char* program = "mas-lockbroker";

}  // namespace

int main(int argc, char** argv) {
  mas::LockbrokerOptions broker;
  std::string state = "mas-data/lockbroker";
  mas::nanoseconds lease_ttl = broker.lease_ttl;
  mas::nanoseconds minimum_hold = broker.minimum_hold;
  std::uint16_t http_port = 0;

  mas::Options options(program,
                       "The lock broker of mas: says which worker may write or read what.");
  options.text(broker.bind, "bind", "address that the ports listen on");
  options.port(broker.port, "locks-port", "port that workers dial for locks");
  options.text(state, "state", "directory of the epoch file; one broker at a time");
  options.text(broker.cluster, "cluster", "name that all processes of one system share");
  options.duration(lease_ttl, "lease-ttl", mas::milliseconds{500}, mas::seconds{600},
                   "silence that ends a worker's session and its locks");
  options.duration(minimum_hold, "minimum-hold", mas::milliseconds{0}, mas::seconds{10},
                   "how long a writer keeps a lock that another writer wants");
  options.port(http_port, "http-port", "port for /healthz, /readyz and /metrics", true);
  if (const auto status = options.parse(argc, argv)) return *status;
  if (broker.cluster.size() > mas::cluster_name_bytes_max) {
    return mas::refuse(program, "--cluster: too long");
  }
  broker.lease_ttl = std::chrono::duration_cast<mas::milliseconds>(lease_ttl);
  broker.minimum_hold = std::chrono::duration_cast<mas::milliseconds>(minimum_hold);
  mas::start_logging(program, options.log_level());

  mas::PosixFileSystem files;
  auto epochs = mas::EpochFile::open(files, state);
  if (!epochs) return mas::refuse(program, epochs.error().text);

  mas::EventLoop loop;
  mas::LockbrokerLoop locks(loop, broker, *epochs);
  if (const auto started = locks.start(); !started) {
    return mas::refuse(program, started.error().text);
  }
  std::unique_ptr<mas::HttpServer> http;
  if (http_port != 0) {
    auto started = mas::HttpServer::start(
        loop, broker.bind, http_port,
        {.ready = [&] { return locks.ready(); }, .metrics = [&] { return locks.metrics(); }});
    if (!started) return mas::refuse(program, started.error().text);
    http = *std::move(started);
  }
  loop.on_terminate([&] { locks.drain(); });
  loop.run();
  spdlog::info("stopped");
  return 0;
}
