#include "gateway/worker_server.hpp"

#include <spdlog/spdlog.h>

#include "net/clock.hpp"
#include "wire/worker_messages.hpp"

namespace mas {
namespace {

/// Per worker, above all that its credit allows to be under way, and its heartbeats.
constexpr int queued_messages_max = 100'000;
/// Bounds a turn's share, so that clients are read and answered in between.
constexpr int messages_per_turn_max = 256;
constexpr nanoseconds forget_interval = seconds{10};
/// Of a drain: how long the last messages may take to leave the machine.
constexpr milliseconds last_messages_max{500};

}  // namespace

WorkerServer::WorkerServer(EventLoop& loop, Dispatcher& dispatcher)
    : loop_(loop),
      dispatcher_(dispatcher),
      socket_(ZmqSocket::router(loop.zmq(), {.message_bytes_max = worker_message_bytes_max,
                                             .queued_messages_max = queued_messages_max})) {}

Result<void> WorkerServer::listen(const std::string& address, std::uint16_t port) {
  auto bound = socket_.bind(address, port);
  if (bound) {
    watch_ = loop_.watch(socket_, [this] { receive(); });
    loop_.every(forget_interval, [this] { forget_strangers(); });
  }
  return bound;
}

void WorkerServer::receive() {
  ZmqMessage message;
  for (int left = messages_per_turn_max; left > 0 && socket_.receive(message); --left) {
    const auto [entry, is_new] = ids_.try_emplace(message.peer, next_id_);
    if (is_new) peers_.emplace(next_id_++, message.peer);
    const auto taken = dispatcher_.on_message(entry->second, message.bytes(), mono_now());
    if (taken) continue;
    // Anyone can send any number of them.
    if (const auto kept = warnings_.allows("dropped", mono_now())) {
      spdlog::warn("worker's message dropped kept_back={}: {}", *kept, taken.error().text);
    }
  }
}

void WorkerServer::stop() {
  watch_.reset();
  socket_.linger(last_messages_max);
}

/// Whoever has spoken has a number, and libzmq tells nobody that a peer has gone. One that is no
/// worker, or no longer, gets another number should it speak again.
void WorkerServer::forget_strangers() {
  std::erase_if(ids_, [this](const auto& known) {
    const bool strange = dispatcher_.workers().find(known.second) == nullptr;
    if (strange) peers_.erase(known.second);
    return strange;
  });
}

void WorkerServer::end_turn() {
  // Losing a worker makes more to send (its queries go to others): until there is nothing.
  for (;;) {
    messages_.clear();
    dispatcher_.take_messages(messages_);
    if (messages_.empty()) return;
    for (const auto& message : messages_) {
      const auto peer = peers_.find(message.to);
      if (peer == peers_.end()) continue;  // lost by an earlier message of this round
      if (socket_.send_to(peer->second, message.frame) == Sent::yes) continue;
      // Gone, or so far behind that credit has failed to bound its queue: no longer a worker.
      spdlog::warn("worker unreachable link={}", message.to);
      ids_.erase(peer->second);
      peers_.erase(peer);
      dispatcher_.on_unreachable(message.to, mono_now());
    }
    dispatcher_.end_turn(mono_now());
  }
}

}  // namespace mas
