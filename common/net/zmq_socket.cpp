#include "net/zmq_socket.hpp"

#include <algorithm>
#include <cerrno>
#include <random>

namespace mas {
namespace {

constexpr int connect_timeout_ms = 2000;
constexpr int handshake_timeout_ms = 2000;
constexpr int reconnect_ms = 100;

/// libzmq 4.3.5 no longer jitters its reconnects (4.3.4 did), so a fleet would redial in step.
int reconnect_with_jitter() {
  static thread_local std::minstd_rand random(std::random_device{}());
  return reconnect_ms + static_cast<int>(random() % reconnect_ms);
}

/// What `call` gives, once no signal has interrupted it: libzmq looks for commands of its own
/// thread by poll(2), also where it does not wait, and gives up with EINTR (zmq_recv,
/// zmq_getsockopt).
template <typename Call>
auto uninterrupted(Call call) {
  for (;;) {
    try {
      return call();
    } catch (const zmq::error_t& error) {
      if (error.num() != EINTR) throw;
    }
  }
}

}  // namespace

ZmqSocket::ZmqSocket(zmq::context_t& context, zmq::socket_type type, ZmqLimits limits)
    : socket_(context, type), router_(type == zmq::socket_type::router) {
  socket_.set(zmq::sockopt::linger, 0);
  socket_.set(zmq::sockopt::immediate, true);
  socket_.set(zmq::sockopt::ipv6, true);
  socket_.set(zmq::sockopt::maxmsgsize, limits.message_bytes_max);
  socket_.set(zmq::sockopt::sndhwm, limits.queued_messages_max);
  socket_.set(zmq::sockopt::rcvhwm, limits.queued_messages_max);
  socket_.set(zmq::sockopt::connect_timeout, connect_timeout_ms);
  socket_.set(zmq::sockopt::handshake_ivl, handshake_timeout_ms);
  socket_.set(zmq::sockopt::reconnect_ivl, reconnect_with_jitter());
  if (router_) socket_.set(zmq::sockopt::router_mandatory, true);
}

ZmqSocket ZmqSocket::router(zmq::context_t& context, ZmqLimits limits) {
  return {context, zmq::socket_type::router, limits};
}
ZmqSocket ZmqSocket::dealer(zmq::context_t& context, ZmqLimits limits) {
  return {context, zmq::socket_type::dealer, limits};
}
ZmqSocket ZmqSocket::xpub(zmq::context_t& context, ZmqLimits limits) {
  return {context, zmq::socket_type::xpub, limits};
}

Result<void> ZmqSocket::bind(const std::string& address, std::uint16_t port) {
  const auto endpoint = fmt::format("tcp://{}:{}", address, port);
  try {
    socket_.bind(endpoint);
  } catch (const zmq::error_t& error) {
    return fail(Error::io, "cannot listen on {}: {}", endpoint, error.what());
  }
  return {};
}

Result<void> ZmqSocket::connect(const std::string& endpoint) {
  try {
    socket_.connect(endpoint);
  } catch (const zmq::error_t& error) {
    return fail(Error::io, "cannot dial {}: {}", endpoint, error.what());
  }
  return {};
}

Sent ZmqSocket::send_frame(ByteView bytes, zmq::send_flags flags) {
  ++uses_;
  try {
    const auto sent = uninterrupted([&] {
      return socket_.send(zmq::const_buffer(bytes.data(), bytes.size()),
                          flags | zmq::send_flags::dontwait);
    });
    return sent ? Sent::yes : Sent::full;
  } catch (const zmq::error_t& error) {
    // EHOSTUNREACH: a ROUTER without that peer. Anything else (ETERM at shutdown) ends the same.
    return Sent::unreachable;
  }
}

void ZmqSocket::linger(milliseconds at_most) {
  socket_.set(zmq::sockopt::linger, static_cast<int>(at_most.count()));
}

Sent ZmqSocket::send(ByteView body) { return send_frame(body, zmq::send_flags::none); }

Sent ZmqSocket::send_to(const RoutingId& peer, ByteView body) {
  const auto addressed = send_frame(as_bytes(peer), zmq::send_flags::sndmore);
  if (addressed != Sent::yes) return addressed;
  return send_frame(body, zmq::send_flags::none);
}

Sent ZmqSocket::publish(std::string_view topic, ByteView body) {
  const auto addressed = send_frame(as_bytes(topic), zmq::send_flags::sndmore);
  if (addressed != Sent::yes) return addressed;
  return send_frame(body, zmq::send_flags::none);
}

bool ZmqSocket::receive(ZmqMessage& message) {
  ++uses_;
  const std::size_t frames_expected = router_ ? 2 : 1;
  for (;;) {
    std::size_t frames = 0;
    bool more = true;
    while (more) {
      const auto received =
          uninterrupted([&] { return socket_.recv(message.body, zmq::recv_flags::dontwait); });
      if (!received) return false;
      more = message.body.more();
      if (router_ && frames == 0) {
        message.peer.assign(static_cast<const char*>(message.body.data()), message.body.size());
      }
      ++frames;
    }
    if (frames == frames_expected) return true;
  }
}

int ZmqSocket::descriptor() const { return socket_.get(zmq::sockopt::fd); }
bool ZmqSocket::readable() const {
  return (uninterrupted([&] { return socket_.get(zmq::sockopt::events); }) & ZMQ_POLLIN) != 0;
}

}  // namespace mas
