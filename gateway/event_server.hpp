#pragma once

#include <memory>
#include <string>

#include "base/result.hpp"
#include "gateway/dispatcher.hpp"
#include "net/event_loop.hpp"
#include "net/zmq_socket.hpp"

namespace mas {

/// The events port: fired alerts to subscribers, [metric id, event]. A subscriber that does not
/// keep up misses some, which it sees by their sequence numbers. Thread-safety: the loop's thread.
class EventServer {
 public:
  EventServer(EventLoop& loop, Dispatcher& dispatcher);

  /// Error::io when the address cannot be bound.
  Result<void> listen(const std::string& address, std::uint16_t port);
  /// Publishes what the dispatcher has.
  void end_turn();

 private:
  EventLoop& loop_;
  Dispatcher& dispatcher_;
  ZmqSocket socket_;
  std::unique_ptr<EventLoop::Watch> watch_;
  std::vector<Dispatcher::Event> events_;
};

}  // namespace mas
