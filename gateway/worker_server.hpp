#pragma once

#include <map>
#include <memory>
#include <string>
#include <unordered_map>

#include "base/result.hpp"
#include "gateway/dispatcher.hpp"
#include "net/event_loop.hpp"
#include "net/zmq_socket.hpp"
#include "service/repeat_limit.hpp"

namespace mas {

/// The workers' port: frames between the ROUTER and the dispatcher. Thread-safety: the loop's
/// thread.
class WorkerServer {
 public:
  WorkerServer(EventLoop& loop, Dispatcher& dispatcher);

  /// Error::io when the address cannot be bound.
  Result<void> listen(const std::string& address, std::uint16_t port);
  /// Sends what the dispatcher has for workers.
  void end_turn();
  /// For the end of a drain: what is sent in this turn is the last, and still leaves.
  void stop();

 private:
  void receive();
  void forget_strangers();

  EventLoop& loop_;
  Dispatcher& dispatcher_;
  ZmqSocket socket_;
  std::unique_ptr<EventLoop::Watch> watch_;
  std::unordered_map<RoutingId, WorkerId> ids_;
  std::unordered_map<WorkerId, RoutingId> peers_;
  WorkerId next_id_ = 1;
  std::vector<Dispatcher::Message> messages_;
  RepeatLimit warnings_;
};

}  // namespace mas
