#pragma once

#include <memory>
#include <string>
#include <unordered_map>

#include "base/result.hpp"
#include "gateway/native_client.hpp"
#include "net/event_loop.hpp"
#include "net/zmq_socket.hpp"

namespace mas {

/// The native port: frames in and out of each peer's NativeClient. Thread-safety: the loop's
/// thread.
class NativeServer {
 public:
  NativeServer(EventLoop& loop, Intake& intake);

  /// Error::io when the address cannot be bound.
  Result<void> listen(const std::string& address, std::uint16_t port);

  /// Whether an Origin's client came by this port.
  [[nodiscard]] static bool is_native(std::uint64_t client);
  /// The client that an Origin names, to be told something; null when it is gone.
  [[nodiscard]] NativeClient* find(std::uint64_t client);
  /// Sends replies; forgets peers that have long been silent.
  void end_turn();
  /// For a drain: reads no more; what was read is still answered.
  void stop();
  /// Every request that was read is answered.
  [[nodiscard]] bool idle() const;
  [[nodiscard]] std::size_t peers() const { return clients_.size(); }

 private:
  struct Peer {
    RoutingId routing_id;
    NativeClient client;
  };
  void receive();
  void forget_silent(MonoTime now);

  EventLoop& loop_;
  Intake& intake_;
  ZmqSocket socket_;
  std::unique_ptr<EventLoop::Watch> watch_;
  std::unordered_map<RoutingId, std::uint64_t> numbers_;
  std::unordered_map<std::uint64_t, Peer> clients_;
  std::vector<std::uint64_t> marked_;  ///< something happened to them in this turn
  std::uint64_t next_client_ = 0;
};

}  // namespace mas
