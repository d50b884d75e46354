#include "service/worker.hpp"

#include <spdlog/spdlog.h>
#include <unistd.h>

#include <array>
#include <cstdio>
#include <filesystem>

#include "net/clock.hpp"
#include "service/epoch_memory.hpp"
#include "service/http_server.hpp"
#include "service/logging.hpp"
#include "service/process.hpp"
#include "store/posix_file.hpp"

namespace mas {
namespace {

constexpr nanoseconds tick_interval = milliseconds{50};
/// A drain ends by then, whatever is still unanswered; below the 10 s that docker gives.
constexpr nanoseconds drain_max = seconds{8};

std::string worker_name(const std::string& program) {
  std::array<char, 65> host{};
  ::gethostname(host.data(), host.size() - 1);
  return fmt::format("{}@{}:{}", program, host.data(), ::getpid()).substr(0, worker_name_bytes_max);
}

/// The steps of an orderly end, taken one after the other as each is done.
enum class Ending : std::uint8_t { no, draining, leaving };

}  // namespace

int run_worker(int argc, const char* const* argv, const WorkerProgram& program) {
  HostPort gateway{"127.0.0.1", 5556};
  HostPort broker{"127.0.0.1", 5558};
  std::string data_dir = "./data";
  std::string cluster = "mas";
  std::string http_bind = "127.0.0.1";
  std::uint16_t http_port = 0;
  std::uint32_t weight = 1;
  std::string instance_text;

  Options options(program.name, program.summary);
  options.address(gateway, "gateway",
                  "workers' port of the gateways; every address behind the name");
  options.address(broker, "locks", "port of the lock broker");
  options.text(data_dir, "data", "data directory, shared by all workers");
  options.text(cluster, "cluster", "name that all processes of one system share");
  options.count(weight, "weight", 1, 1000, "share of the pool's work, relative to the others");
  options.text(instance_text, "instance",
               "id of this life of the process, hex; for who tells the lock broker of its end");
  options.text(http_bind, "http-bind", "address of the HTTP port");
  options.port(http_port, "http-port", "port for /healthz, /readyz and /metrics", true);
  program.add_options(options);
  if (const auto status = options.parse(argc, argv)) return *status;
  if (cluster.size() > cluster_name_bytes_max) return refuse(program.name, "--cluster: too long");
  const auto instance = parse_instance(instance_text);
  if (!instance && !instance_text.empty()) {
    return refuse(program.name, fmt::format("--instance: '{}' is not 1 to 16 hex digits, or is 0",
                                            instance_text));
  }
  start_logging(program.name, options.log_level());

  std::error_code made;
  std::filesystem::create_directories(data_dir, made);
  if (made || ::access(data_dir.c_str(), W_OK | X_OK) != 0) {
    return refuse(program.name, fmt::format("--data: cannot write to {}: {}", data_dir,
                                            made ? made.message() : "no permission"));
  }

  EventLoop loop;
  const WorkerIdentity identity{.pool = program.pool,
                                .name = worker_name(program.name),
                                .cluster = cluster,
                                .instance = instance ? *instance : random_instance(),
                                .weight = weight,
                                .credit = program.credit,
                                .credit_bytes = program.credit_bytes};
  std::unique_ptr<Worker> worker;
  LockLinkOptions lock_options;
  lock_options.host = broker.host;
  lock_options.port = broker.port;
  lock_options.session.cluster = cluster;
  lock_options.session.instance = identity.instance;
  lock_options.session.worker = identity.name;
  PosixFileSystem files;
  EpochMemory epochs(files, data_dir);
  lock_options.known_broker = [&epochs] {
    const auto latest = epochs.latest();
    if (!latest) spdlog::warn("cannot read what broker was last error={}", latest.error().text);
    return latest ? *latest : BrokerEpoch{};
  };
  lock_options.on_broker = [&epochs](const BrokerEpoch& seen) {
    // Only a broker that loses its own file would miss it, so work goes on.
    if (const auto kept = epochs.remember(seen); !kept) {
      spdlog::warn("cannot note the broker's epoch error={}", kept.error().text);
    }
  };
  bool locks_closed = false;
  LockLink locks(loop, lock_options, [&](const LockEvent& event) {
    if (std::holds_alternative<LockSessionClosed>(event)) locks_closed = true;
    worker->on_lock_event(event);
  });
  GatewayLink gateways(loop, gateway, identity,
                       {.on_request = [&](InstanceId from, WorkerMessage type,
                                          Decoder& in) { worker->on_request(from, type, in); },
                        .on_lost = [&](InstanceId from) { worker->on_gateway_lost(from); },
                        .on_members = [&] { worker->on_members(); }});
  WorkerContext context{loop, gateways, locks, identity, data_dir};
  auto made_worker = program.make(context);
  if (!made_worker) return refuse(program.name, made_worker.error().text);
  worker = *std::move(made_worker);

  std::unique_ptr<HttpServer> http;
  if (http_port != 0) {
    auto started = HttpServer::start(
        loop, http_bind, http_port,
        {.ready = [&] { return locks.lease_valid() && gateways.gateways_linked() > 0; },
         .metrics =
             [&] {
               std::string page;
               append_metric(page, "mas_gateways_linked", "gauge", "gateways that know this worker",
                             static_cast<double>(gateways.gateways_linked()));
               append_metric(page, "mas_lease_valid", "gauge", "1 while the lock lease is valid",
                             locks.lease_valid() ? 1 : 0);
               worker->metrics(page);
               return page;
             }});
    if (!started) return refuse(program.name, started.error().text);
    http = *std::move(started);
  }

  auto ending = Ending::no;
  MonoTime end_by{};
  loop.on_terminate([&] {
    spdlog::info("draining");
    ending = Ending::draining;
    end_by = mono_now() + drain_max;
    gateways.drain();
  });
  const auto go_on_ending = [&] {
    const bool late = mono_now() >= end_by;
    if (ending == Ending::draining && ((gateways.drained() && worker->idle()) || late)) {
      if (late) spdlog::warn("drain not over in time; what is unanswered stays so");
      worker->finish();
      locks.goodbye();
      ending = Ending::leaving;
    }
    if (ending == Ending::leaving && (locks_closed || late)) loop.stop();
  };
  loop.every(tick_interval, [&] {
    gateways.set_ready(ending == Ending::no && locks.lease_valid());
    worker->on_tick();
  });
  loop.at_turn_end([&] {
    worker->on_turn_end();
    if (ending != Ending::no) go_on_ending();
  });
  spdlog::info("started instance={:016x} gateway={}:{} locks={}:{} data={}", identity.instance,
               gateway.host, gateway.port, broker.host, broker.port, data_dir);
  loop.run();
  spdlog::info("stopped");
  return 0;
}

}  // namespace mas
