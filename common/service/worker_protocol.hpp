#pragma once

#include <cstdint>
#include <vector>

#include "base/time_types.hpp"
#include "wire/worker_messages.hpp"

namespace mas {

/// How often each side of a link between gateway and worker speaks at least.
inline constexpr nanoseconds heartbeat_interval = milliseconds{250};
/// A side not heard of for this long is taken for dead: eight heartbeats, so that a busy machine
/// does not lose workers, and still less than a lock's lease.
inline constexpr nanoseconds silence_max = milliseconds{2000};
/// Between two hellos to a gateway that has not answered.
inline constexpr nanoseconds hello_interval = milliseconds{500};

/// A worker's side of its link to one gateway: introduces itself, keeps alive, notices a gateway
/// that restarted or fell silent, drains. No socket, clock or thread. Thread-safety: one owner.
class WorkerProtocol {
 public:
  /// What the shell has to do now, in this order.
  struct Step {
    InstanceId lost = any_instance;  ///< this gateway is gone: answers to it lead nowhere
    bool told = false;               ///< it said so itself
    bool deliver = false;            ///< the message is a request of the gateway's
    bool hello = false;              ///< send one
    bool heartbeat = false;
    bool goodbye = false;
  };

  /// A message came, its envelope addressed to this worker or to anyone.
  [[nodiscard]] Step on_message(WorkerMessage type, InstanceId from, MonoTime now);
  /// Call at least every heartbeat_interval.
  [[nodiscard]] Step on_time(MonoTime now);
  /// No new work from now on.
  [[nodiscard]] Step drain();

  /// The gateway, or any_instance while there is none.
  [[nodiscard]] InstanceId gateway() const { return gateway_; }
  /// Draining, and nothing more will come.
  [[nodiscard]] bool drained() const {
    return draining_ && (farewell_ || gateway_ == any_instance);
  }

 private:
  InstanceId gateway_ = any_instance;
  MonoTime heard_{};
  MonoTime spoken_{};
  MonoTime hello_at_{};  ///< when the last hello went out; the epoch: never
  bool draining_ = false;
  bool farewell_ = false;
};

}  // namespace mas
