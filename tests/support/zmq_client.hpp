#pragma once

#include <cstdint>
#include <msgpack.hpp>
#include <optional>
#include <string>
#include <string_view>
#include <tuple>
#include <zmq.hpp>

#include "base/time_types.hpp"

namespace mas {

/// What a program of somebody else's would use to speak to the ZeroMQ ports: libzmq and MessagePack
/// as they come, none of our own code. Waiting calls throw std::runtime_error after 20 s.
/// Thread-safety: one owner.
class ZmqClient {
 public:
  [[nodiscard]] static ZmqClient dealer(std::uint16_t port);
  /// Subscribed to everything, from the moment at which the publisher hears of it.
  [[nodiscard]] static ZmqClient subscriber(std::uint16_t port);

  void send(std::string_view bytes);
  /// As one message of two frames.
  void send(std::string_view first, std::string_view second);
  /// The next frame's bytes.
  [[nodiscard]] std::string receive();
  /// Empty where none comes in time.
  [[nodiscard]] std::optional<std::string> receive_within(milliseconds patience);

  /// One array of these fields.
  template <typename... Fields>
  void send_fields(const Fields&... fields) {
    msgpack::sbuffer buffer;
    msgpack::pack(buffer, std::make_tuple(fields...));
    send(std::string_view(buffer.data(), buffer.size()));
  }

 private:
  ZmqClient(zmq::socket_type type, std::uint16_t port);

  zmq::context_t context_;
  zmq::socket_t socket_;
};

/// A reply of the native port.
struct NativeAnswer {
  std::uint64_t version = 0;
  std::uint64_t request = 0;
  int code = 0;
  bool last = false;
  std::string body;  ///< words, or the rows of a query's answer

  MSGPACK_DEFINE(version, request, code, last, body)
};

/// An event of the events port, in the frame that follows its topic.
struct AlertEvent {
  std::uint64_t version = 0;
  std::uint64_t sequence = 0;
  std::string event;
  std::string id;
  std::string op;
  std::int64_t window_ns = 0;
  double limit = 0;
  std::int64_t period_start = 0;
  std::int64_t period_end = 0;

  MSGPACK_DEFINE(version, sequence, event, id, op, window_ns, limit, period_start, period_end)
};

/// `bytes` as one of the above; throws where they are none.
template <typename Message>
[[nodiscard]] Message unpacked(const std::string& bytes) {
  return msgpack::unpack(bytes.data(), bytes.size()).get().as<Message>();
}

}  // namespace mas
