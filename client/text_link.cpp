#include "client/text_link.hpp"

#include <netdb.h>
#include <poll.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <memory>
#include <system_error>

#include "net/clock.hpp"

namespace mas {
namespace {

std::string reason(int error) { return std::generic_category().message(error); }

/// Waits until the socket can do `events`; 0, or the errno that says why not.
int wait_for(int socket, short events, MonoTime deadline) {
  for (;;) {
    const auto left = std::chrono::ceil<milliseconds>(deadline - mono_now()).count();
    if (left <= 0) return ETIMEDOUT;
    pollfd watched{.fd = socket, .events = events, .revents = 0};
    const int timeout_ms = static_cast<int>(std::min<std::int64_t>(left, 60'000));
    const int ready = ::poll(&watched, 1, timeout_ms);
    if (ready > 0) return 0;
    if (ready < 0 && errno != EINTR) return errno;
  }
}

/// 0, or the errno that says why the address does not answer.
int connect_to(const UniqueFd& socket, const addrinfo& address, MonoTime deadline) {
  if (::connect(socket.get(), address.ai_addr, address.ai_addrlen) == 0) return 0;
  if (errno != EINPROGRESS) return errno;
  if (const int error = wait_for(socket.get(), POLLOUT, deadline); error != 0) return error;
  int error = 0;
  socklen_t size = sizeof error;
  if (::getsockopt(socket.get(), SOL_SOCKET, SO_ERROR, &error, &size) != 0) return errno;
  return error;
}

}  // namespace

Result<TextLink> TextLink::dial(const std::string& host, std::uint16_t port, MonoTime deadline) {
  addrinfo hints{};
  hints.ai_socktype = SOCK_STREAM;
  hints.ai_flags = AI_NUMERICSERV;
  addrinfo* found = nullptr;
  if (const int error = ::getaddrinfo(host.c_str(), std::to_string(port).c_str(), &hints, &found);
      error != 0)
    return fail(Error::lost, "cannot find {}: {}", host, ::gai_strerror(error));
  const std::unique_ptr<addrinfo, void (*)(addrinfo*)> addresses(found, ::freeaddrinfo);

  int error = EADDRNOTAVAIL;
  for (const addrinfo* at = addresses.get(); at != nullptr; at = at->ai_next) {
    UniqueFd socket(
        ::socket(at->ai_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, at->ai_protocol));
    error = socket ? connect_to(socket, *at, deadline) : errno;
    if (error == 0) return TextLink(std::move(socket));
  }
  return fail(Error::lost, "cannot reach {}:{}: {}", host, port, reason(error));
}

Result<void> TextLink::send(std::string_view text, MonoTime deadline) {
  while (!text.empty()) {
    const auto sent = ::send(socket_.get(), text.data(), text.size(), MSG_NOSIGNAL);
    if (sent >= 0) {
      text.remove_prefix(static_cast<std::size_t>(sent));
    } else if (errno == EAGAIN) {
      if (const int error = wait_for(socket_.get(), POLLOUT, deadline); error != 0)
        return fail(Error::lost, "cannot send: {}", reason(error));
    } else if (errno != EINTR) {
      return fail(Error::lost, "cannot send: {}", reason(errno));
    }
  }
  return {};
}

Result<std::string> TextLink::read_line(MonoTime deadline) {
  std::size_t searched = 0;
  for (;;) {
    if (const auto end = received_.find('\n', searched); end != std::string::npos) {
      std::string line = received_.substr(0, end);
      received_.erase(0, end + 1);
      if (line.ends_with('\r')) line.pop_back();
      return line;
    }
    searched = received_.size();
    if (searched > line_bytes_max) return fail(Error::lost, "a reply without an end");

    std::array<char, 16 * 1024> chunk{};
    const auto got = ::recv(socket_.get(), chunk.data(), chunk.size(), 0);
    if (got > 0) {
      received_.append(chunk.data(), static_cast<std::size_t>(got));
    } else if (got == 0) {
      return fail(Error::lost, "the server closed the connection");
    } else if (errno == EAGAIN) {
      if (const int error = wait_for(socket_.get(), POLLIN, deadline); error != 0)
        return fail(Error::lost, "no reply: {}", reason(error));
    } else if (errno != EINTR) {
      return fail(Error::lost, "no reply: {}", reason(errno));
    }
  }
}

}  // namespace mas
