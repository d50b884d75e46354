#include "gateway/native_server.hpp"

#include <spdlog/spdlog.h>

#include <algorithm>
#include <utility>

#include "net/clock.hpp"

namespace mas {
namespace {

/// Set in the numbers of native clients, so that they never equal a text connection's.
constexpr std::uint64_t native_mark = std::uint64_t{1} << 63U;
constexpr int queued_messages_max = 10'000;
constexpr int messages_per_turn_max = 256;
/// libzmq tells nobody that a peer has gone: what it left is forgotten after this.
constexpr nanoseconds silent_peer_max = seconds{60};
/// Of a drain: how long the last replies may take to leave the machine.
constexpr milliseconds last_replies_max{500};

}  // namespace

NativeServer::NativeServer(EventLoop& loop, Intake& intake)
    : loop_(loop),
      intake_(intake),
      socket_(ZmqSocket::router(loop.zmq(), {.message_bytes_max = native_request_bytes_max,
                                             .queued_messages_max = queued_messages_max})) {}

Result<void> NativeServer::listen(const std::string& address, std::uint16_t port) {
  auto bound = socket_.bind(address, port);
  if (bound) {
    watch_ = loop_.watch(socket_, [this] { receive(); });
    loop_.every(silent_peer_max, [this] { forget_silent(mono_now()); });
  }
  return bound;
}

bool NativeServer::is_native(std::uint64_t client) { return (client & native_mark) != 0; }

NativeClient* NativeServer::find(std::uint64_t client) {
  const auto found = clients_.find(client);
  if (found == clients_.end()) return nullptr;
  marked_.push_back(client);
  return &found->second.client;
}

void NativeServer::receive() {
  ZmqMessage message;
  for (int left = messages_per_turn_max; left > 0 && socket_.receive(message); --left) {
    const auto [entry, is_new] = numbers_.try_emplace(message.peer, next_client_ | native_mark);
    const auto number = entry->second;
    if (is_new) {
      ++next_client_;
      clients_.emplace(number, Peer{message.peer, NativeClient(number, intake_)});
    }
    marked_.push_back(number);
    const auto taken = clients_.at(number).client.on_request(
        message.bytes(), {.wall = wall_now(), .mono = mono_now()});
    if (!taken) spdlog::debug("native request dropped: {}", taken.error().text);
  }
}

void NativeServer::end_turn() {
  std::vector<std::uint64_t> again;
  for (const auto number : std::exchange(marked_, {})) {
    const auto found = clients_.find(number);
    if (found == clients_.end()) continue;
    auto& peer = found->second;
    while (const auto* frame = peer.client.next_reply()) {
      const auto sent = socket_.send_to(peer.routing_id, *frame);
      if (sent == Sent::full) {
        again.push_back(number);  // a slow reader: at the next turn
        break;
      }
      if (sent == Sent::unreachable) {
        peer.client.abandon();
        numbers_.erase(peer.routing_id);
        clients_.erase(found);
        break;
      }
      peer.client.on_sent();
    }
  }
  marked_.insert(marked_.end(), again.begin(), again.end());
}

void NativeServer::stop() {
  watch_.reset();
  socket_.linger(last_replies_max);
}

bool NativeServer::idle() const {
  return std::all_of(clients_.begin(), clients_.end(),
                     [](const auto& peer) { return peer.second.client.idle(); });
}

void NativeServer::forget_silent(MonoTime now) {
  for (auto peer = clients_.begin(); peer != clients_.end();) {
    const auto& client = peer->second.client;
    if (client.idle() && now - client.heard() >= silent_peer_max) {
      numbers_.erase(peer->second.routing_id);
      peer = clients_.erase(peer);
    } else {
      ++peer;
    }
  }
}

}  // namespace mas
