#include "client/obituary_link.hpp"

#include <fmt/format.h>
#include <spdlog/spdlog.h>

#include "service/process.hpp"
#include "wire/lock_messages.hpp"

namespace mas {
namespace {

/// One for each process that dies while the broker takes nothing in; more are not worth keeping.
constexpr int queued_messages_max = 1000;

}  // namespace

ObituaryLink::ObituaryLink(const std::string& address, std::uint16_t port, std::string cluster)
    : cluster_(std::move(cluster)), instance_(random_instance()) {
  socket_.emplace(ZmqSocket::dealer(
      context_, {static_cast<std::int64_t>(lock_message_bytes_max), queued_messages_max}));
  const bool ipv6 = address.find(':') != std::string::npos;
  const auto connected = socket_->connect(ipv6 ? fmt::format("tcp://[{}]:{}", address, port)
                                               : fmt::format("tcp://{}:{}", address, port));
  if (connected) return;
  spdlog::warn("lock broker cannot be dialled error={}", connected.error().text);
  socket_.reset();
}

void ObituaryLink::tell(InstanceId gone) {
  if (!socket_ || gone == any_instance) return;
  Bytes frame;
  encode(frame, Envelope{0, cluster_, instance_, any_instance}, LockDeparted{gone});
  if (socket_->send(frame) != Sent::yes) spdlog::debug("lock broker not told instance={:x}", gone);
}

}  // namespace mas
