#pragma once

#include <cstdint>
#include <string>
#include <zmq.hpp>

#include "base/bytes.hpp"
#include "base/result.hpp"
#include "base/time_types.hpp"

namespace mas {

/// How a ROUTER names one of its peers: made by libzmq, new for every connection.
using RoutingId = std::string;

/// One received message. `body` owns its bytes; views of a decoder point into it.
struct ZmqMessage {
  RoutingId peer;  ///< ROUTER only
  zmq::message_t body;

  [[nodiscard]] ByteView bytes() const {
    return {static_cast<const std::uint8_t*>(body.data()), body.size()};
  }
};

/// What became of a message that was to be sent; nothing ever blocks or is dropped silently.
enum class Sent : std::uint8_t {
  yes,
  full,         ///< the peer's queue is at its high-water mark
  unreachable,  ///< no such peer (any more), or not connected
};

/// Bounds of one socket, set before bind or connect: libzmq's own defaults queue without a limit
/// or drop silently.
struct ZmqLimits {
  std::int64_t message_bytes_max = 0;  ///< a larger one costs its sender the connection
  int queued_messages_max = 0;         ///< high-water mark each way; above what credit allows
};

/// A ZeroMQ socket set on purpose: ROUTER_MANDATORY and non-blocking sends, IMMEDIATE, LINGER 0,
/// bounded handshakes and messages. One frame is one message. Thread-safety: one owner, one
/// thread. Errors of libzmq come out as Result or Sent; it throws only when out of resources at
/// construction.
class ZmqSocket {
 public:
  [[nodiscard]] static ZmqSocket router(zmq::context_t& context, ZmqLimits limits);
  [[nodiscard]] static ZmqSocket dealer(zmq::context_t& context, ZmqLimits limits);
  /// Publishes [topic, body]; a subscriber that does not keep up loses messages at its mark.
  [[nodiscard]] static ZmqSocket xpub(zmq::context_t& context, ZmqLimits limits);

  /// Error::io names the address when it cannot be bound.
  Result<void> bind(const std::string& address, std::uint16_t port);
  /// `endpoint` is numeric, `tcp://127.0.0.1:5556`: libzmq would resolve a name in its I/O thread,
  /// which stalls every socket meanwhile (libzmq#2961), and takes only its first address (#2297).
  Result<void> connect(const std::string& endpoint);

  /// Lets what is queued leave after the socket's end, for so long at most (not at all unless
  /// told): the end of the context waits for it. For a drain.
  void linger(milliseconds at_most);

  /// DEALER.
  [[nodiscard]] Sent send(ByteView body);
  /// ROUTER.
  [[nodiscard]] Sent send_to(const RoutingId& peer, ByteView body);
  /// XPUB.
  [[nodiscard]] Sent publish(std::string_view topic, ByteView body);
  /// False when nothing is waiting. Messages of any other number of frames are skipped.
  [[nodiscard]] bool receive(ZmqMessage& message);

  /// For event_loop alone: the descriptor is edge-triggered, so readable() is asked again after
  /// every receive and send (zmq_getsockopt, ZMQ_FD).
  [[nodiscard]] int descriptor() const;
  [[nodiscard]] bool readable() const;
  /// Changes with each send and receive.
  [[nodiscard]] std::uint64_t uses() const { return uses_; }

 private:
  ZmqSocket(zmq::context_t& context, zmq::socket_type type, ZmqLimits limits);
  [[nodiscard]] Sent send_frame(ByteView bytes, zmq::send_flags flags);

  zmq::socket_t socket_;
  bool router_;
  std::uint64_t uses_ = 0;
};

}  // namespace mas
