#include "support/zmq_client.hpp"

#include <fmt/format.h>

#include <stdexcept>

namespace mas {
namespace {

constexpr milliseconds patience_max{20'000};

}  // namespace

ZmqClient::ZmqClient(zmq::socket_type type, std::uint16_t port) : socket_(context_, type) {
  socket_.set(zmq::sockopt::linger, 0);
  if (type == zmq::socket_type::sub) socket_.set(zmq::sockopt::subscribe, "");
  socket_.connect(fmt::format("tcp://127.0.0.1:{}", port));
}

ZmqClient ZmqClient::dealer(std::uint16_t port) { return {zmq::socket_type::dealer, port}; }
ZmqClient ZmqClient::subscriber(std::uint16_t port) { return {zmq::socket_type::sub, port}; }

void ZmqClient::send(std::string_view bytes) {
  socket_.send(zmq::buffer(bytes), zmq::send_flags::none);
}

void ZmqClient::send(std::string_view first, std::string_view second) {
  socket_.send(zmq::buffer(first), zmq::send_flags::sndmore);
  socket_.send(zmq::buffer(second), zmq::send_flags::none);
}

std::string ZmqClient::receive() {
  auto bytes = receive_within(patience_max);
  if (!bytes) throw std::runtime_error("nothing came from the ZeroMQ port");
  return *std::move(bytes);
}

std::optional<std::string> ZmqClient::receive_within(milliseconds patience) {
  socket_.set(zmq::sockopt::rcvtimeo, static_cast<int>(patience.count()));
  zmq::message_t message;
  if (!socket_.recv(message)) return std::nullopt;
  return message.to_string();
}

}  // namespace mas
