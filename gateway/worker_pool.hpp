#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "base/time_types.hpp"
#include "wire/worker_messages.hpp"

namespace mas {

/// One link of one worker to this gateway; a number never used again. A worker that dials anew is
/// a new link.
using WorkerId = std::uint32_t;

struct PooledWorker {
  WorkerId id = 0;
  InstanceId instance = any_instance;
  Pool pool = Pool::ingest;
  std::string name;
  std::uint32_t weight = 1;
  std::uint32_t credit = 0;  ///< requests that may still be sent
  std::uint64_t credit_bytes = 0;
  std::uint32_t outstanding = 0;  ///< requests sent and not answered
  bool ready = false;
  bool draining = false;
  MonoTime heard{};

  /// Whether new work may go to it at all; credit is another matter.
  [[nodiscard]] bool serves() const { return ready && !draining; }
};

/// The live workers of all pools: who serves, who drains, who has credit. Events in, state out; no
/// socket, clock or thread. Thread-safety: one owner.
class WorkerPool {
 public:
  /// A worker introduced itself over a new link (or again over a known one). Gives the older link
  /// of the same worker, which is dead by that; its caller fails what was under way there first.
  std::optional<WorkerId> on_hello(WorkerId id, InstanceId instance, const Hello& hello,
                                   MonoTime now);
  void on_heard(WorkerId id, MonoTime now);
  void on_heartbeat(WorkerId id, bool ready);
  void on_goodbye(WorkerId id);
  /// The link is dead: forgotten at once.
  void remove(WorkerId id);
  /// Links not heard of for silence_max.
  [[nodiscard]] std::vector<WorkerId> silent(MonoTime now) const;

  /// Null when the link is not known (any more). Valid until the next event.
  [[nodiscard]] const PooledWorker* find(WorkerId id) const;
  /// Takes credit for one message; false when there is not enough, then nothing is taken.
  [[nodiscard]] bool take_credit(WorkerId id, std::uint32_t requests, std::uint64_t bytes);
  void return_credit(WorkerId id, std::uint32_t requests, std::uint64_t bytes);

  /// The workers of a pool that serve, by instance.
  [[nodiscard]] const std::vector<WorkerId>& serving(Pool pool) const;
  /// Goes up whenever serving(pool) changes.
  [[nodiscard]] std::uint64_t version(Pool pool) const;
  [[nodiscard]] const std::map<WorkerId, PooledWorker>& all() const { return workers_; }

 private:
  struct Serving {
    std::vector<WorkerId> ids;
    std::uint64_t version = 0;
  };
  [[nodiscard]] static std::size_t index_of(Pool pool) {
    return static_cast<std::size_t>(pool) - 1;
  }
  void gather(Pool pool);

  std::map<WorkerId, PooledWorker> workers_;
  std::array<Serving, pool_count> serving_;
};

}  // namespace mas
