#pragma once

#include <functional>
#include <memory>
#include <string>

#include "base/result.hpp"
#include "locks/lock_link.hpp"
#include "net/event_loop.hpp"
#include "service/gateway_link.hpp"
#include "service/options.hpp"

namespace mas {

/// What a worker program gets to work with.
struct WorkerContext {
  EventLoop& loop;
  GatewayLink& gateways;
  LockLink& locks;
  const WorkerIdentity& identity;
  const std::string& data_dir;
};

/// What one kind of worker does; all that workers have in common (dialling, hello, heartbeats,
/// credit, leases, drain) is run_worker's. Called in the loop's thread, one call at a time.
class Worker {
 public:
  Worker() = default;
  Worker(const Worker&) = delete;
  Worker& operator=(const Worker&) = delete;
  virtual ~Worker() = default;

  /// See GatewayLink::Handlers. A request that cannot be decoded is dropped.
  virtual void on_request(InstanceId gateway, WorkerMessage type, Decoder& in) = 0;
  virtual void on_gateway_lost(InstanceId /*gateway*/) {}
  virtual void on_members() {}
  virtual void on_lock_event(const LockEvent& event) = 0;
  /// After all that came in this turn: send answers, go on with long work (a bounded slice; then
  /// ask for another turn with loop.post()).
  virtual void on_turn_end() {}
  /// About every 50 ms: deadlines.
  virtual void on_tick() {}
  /// Nothing is unanswered or half done, so that a drain may end.
  [[nodiscard]] virtual bool idle() const = 0;
  /// The last call before the goodbye to the lock broker: write and release what is held.
  virtual void finish() {}
  /// Appends to the /metrics page.
  virtual void metrics(std::string& /*page*/) const {}
};

/// A worker program: its rows beyond the common ones, and its worker.
struct WorkerProgram {
  std::string name;     ///< `mas-ingest`
  std::string summary;  ///< heads --help
  Pool pool = Pool::ingest;
  std::uint32_t credit = 0;
  std::uint64_t credit_bytes = 0;
  std::function<void(Options&)> add_options;
  /// Error: the program ends with one clear line and exit status 2.
  std::function<Result<std::unique_ptr<Worker>>(WorkerContext&)> make;
};

/// main() of every worker: parses options, starts logging, dials the gateways and the lock broker,
/// runs until SIGTERM or SIGINT, drains (no new work, answers what it has, releases its locks) and
/// returns 0; returns 2 for bad options.
[[nodiscard]] int run_worker(int argc, const char* const* argv, const WorkerProgram& program);

}  // namespace mas
