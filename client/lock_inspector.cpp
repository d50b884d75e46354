#include "client/lock_inspector.hpp"

#include <netdb.h>
#include <poll.h>

#include <algorithm>
#include <array>
#include <memory>
#include <utility>

#include "net/clock.hpp"
#include "service/process.hpp"
#include "wire/lock_messages.hpp"

namespace mas {
namespace {

constexpr int queued_messages_max = 10;
/// A broker that has more to do leaves questions unanswered.
constexpr milliseconds ask_again_after{500};
/// Between two looks whether the connection is there.
constexpr milliseconds connect_poll{5};

}  // namespace

LockInspector::LockInspector(std::unique_ptr<zmq::context_t> context, ZmqSocket socket,
                             std::string cluster)
    : context_(std::move(context)),
      socket_(std::move(socket)),
      cluster_(std::move(cluster)),
      instance_(random_instance()) {}

Result<LockInspector> LockInspector::dial(const HostPort& broker, std::string cluster) {
  addrinfo hints{};
  hints.ai_socktype = SOCK_STREAM;
  hints.ai_flags = AI_NUMERICSERV;
  addrinfo* found = nullptr;
  if (const int error =
          ::getaddrinfo(broker.host.c_str(), std::to_string(broker.port).c_str(), &hints, &found);
      error != 0) {
    return fail(Error::lost, "cannot find {}: {}", broker.host, ::gai_strerror(error));
  }
  const std::unique_ptr<addrinfo, void (*)(addrinfo*)> addresses(found, ::freeaddrinfo);
  std::array<char, NI_MAXHOST> numeric{};
  if (const int error = ::getnameinfo(found->ai_addr, found->ai_addrlen, numeric.data(),
                                      numeric.size(), nullptr, 0, NI_NUMERICHOST);
      error != 0) {
    return fail(Error::lost, "cannot find {}: {}", broker.host, ::gai_strerror(error));
  }
  auto context = std::make_unique<zmq::context_t>(1);
  auto socket = ZmqSocket::dealer(
      *context, {static_cast<std::int64_t>(lock_message_bytes_max), queued_messages_max});
  if (auto dialled = socket.connect(found->ai_family == AF_INET6
                                        ? fmt::format("tcp://[{}]:{}", numeric.data(), broker.port)
                                        : fmt::format("tcp://{}:{}", numeric.data(), broker.port));
      !dialled) {
    return pass_on(dialled);
  }
  return LockInspector(std::move(context), std::move(socket), std::move(cluster));
}

Result<LockReport> LockInspector::ask(LockInspect question, MonoTime deadline) {
  question.number = ++number_;
  Bytes frame;
  encode(frame, Envelope{0, cluster_, instance_, any_instance}, question);
  auto ask_at = MonoTime::min();
  for (;;) {
    auto now = mono_now();
    if (now >= deadline) return fail(Error::lost, "no lock broker answers");
    if (now >= ask_at) {
      ask_at = socket_.send(frame) == Sent::yes ? now + ask_again_after : now + connect_poll;
    }
    while (socket_.receive(answer_)) {
      Decoder in(answer_.bytes());
      const auto from = decode_envelope(in);
      if (!from || from->cluster != cluster_ || from->to != instance_) continue;
      LockReport report;
      if (static_cast<LockMessage>(from->type) != LockMessage::report) continue;
      if (const auto read = decode(in, report); !read) return pass_on(read);
      if (report.number == question.number) return report;
    }
    const auto left = std::chrono::ceil<milliseconds>(std::min(ask_at, deadline) - now).count();
    pollfd watched{.fd = socket_.descriptor(), .events = POLLIN, .revents = 0};
    if (!socket_.readable()) {
      ::poll(&watched, 1, static_cast<int>(std::clamp<std::int64_t>(left, 0, 1000)));
    }
  }
}

}  // namespace mas
