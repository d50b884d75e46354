#include "gateway/event_server.hpp"

namespace mas {
namespace {

constexpr int queued_events_max = 10'000;
/// Subscribers send nothing but subscriptions, a topic each.
constexpr std::int64_t message_bytes_max = 1 * KiB;

}  // namespace

EventServer::EventServer(EventLoop& loop, Dispatcher& dispatcher)
    : loop_(loop),
      dispatcher_(dispatcher),
      socket_(ZmqSocket::xpub(loop.zmq(), {.message_bytes_max = message_bytes_max,
                                           .queued_messages_max = queued_events_max})) {}

Result<void> EventServer::listen(const std::string& address, std::uint16_t port) {
  auto bound = socket_.bind(address, port);
  // Subscriptions are read so that they do not pile up; libzmq has noted them already.
  if (bound) {
    watch_ = loop_.watch(socket_, [this] {
      ZmqMessage subscription;
      while (socket_.receive(subscription)) continue;
    });
  }
  return bound;
}

void EventServer::end_turn() {
  events_.clear();
  dispatcher_.take_events(events_);
  for (const auto& event : events_) static_cast<void>(socket_.publish(event.topic, event.body));
}

}  // namespace mas
