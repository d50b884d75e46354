#include "support/text_client.hpp"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>

#include <array>
#include <cerrno>
#include <chrono>
#include <optional>
#include <stdexcept>
#include <utility>

#include "support/process.hpp"

namespace mas {
namespace {

constexpr auto patience_ms =
    static_cast<int>(std::chrono::duration_cast<std::chrono::milliseconds>(patience).count());

}  // namespace

TextClient::TextClient(std::uint16_t port)
    : socket_(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(port);
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  if (::connect(socket_.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0)
    throw std::runtime_error("cannot connect to port " + std::to_string(port));
}

short TextClient::wait_for(short events) {
  pollfd watched{socket_.get(), events, 0};
  for (;;) {
    const int ready = ::poll(&watched, 1, patience_ms);
    if (ready > 0) return watched.revents;
    if (ready == 0)
      throw std::runtime_error("the server does not go on; received so far: " +
                               received_.substr(0, 1000));
    if (errno != EINTR) throw std::runtime_error("poll failed");
  }
}

bool TextClient::receive() {
  std::array<char, 64 * 1024> chunk{};
  const auto got = ::recv(socket_.get(), chunk.data(), chunk.size(), MSG_DONTWAIT);
  if (got > 0) received_.append(chunk.data(), static_cast<std::size_t>(got));
  if (got < 0 && errno != EAGAIN && errno != EINTR)
    throw std::runtime_error("the server broke the connection");
  return got != 0;
}

void TextClient::send(std::string_view bytes) {
  while (!bytes.empty()) {
    const auto sent =
        ::send(socket_.get(), bytes.data(), bytes.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
    if (sent >= 0) {
      bytes.remove_prefix(static_cast<std::size_t>(sent));
    } else if (errno == EAGAIN) {
      if ((wait_for(POLLIN | POLLOUT) & POLLIN) != 0 && !receive())
        throw std::runtime_error("the server closed while it was sent to");
    } else if (errno != EINTR) {
      throw std::runtime_error("the server does not take what is sent");
    }
  }
}

std::string TextClient::read_line() {
  for (;;) {
    const auto end = received_.find('\n', searched_);
    if (end != std::string::npos) {
      std::string line = received_.substr(0, end);
      received_.erase(0, end + 1);
      searched_ = 0;
      return line;
    }
    searched_ = received_.size();
    wait_for(POLLIN);
    if (!receive())
      throw std::runtime_error("the server closed after '" + received_.substr(0, 1000) + "'");
  }
}

std::vector<std::string> TextClient::read_lines(std::size_t count) {
  std::vector<std::string> lines;
  while (lines.size() < count) lines.push_back(read_line());
  return lines;
}

std::string TextClient::read_to_end() {
  do wait_for(POLLIN);
  while (receive());
  searched_ = 0;
  return std::exchange(received_, {});
}

std::string TextClient::ask(std::string_view line) {
  send(std::string(line) + "\n");
  return read_line();
}

void TextClient::half_close() { ::shutdown(socket_.get(), SHUT_WR); }

void TextClient::reset() {
  const linger at_once{.l_onoff = 1, .l_linger = 0};
  ::setsockopt(socket_.get(), SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
  socket_.reset();
}

std::string ask_until_served(std::uint16_t port, std::string_view line) {
  constexpr int pause_ms = 20;
  std::optional<TextClient> client;
  std::string last = "no connection";
  const auto give_up = std::chrono::steady_clock::now() + patience;
  while (std::chrono::steady_clock::now() < give_up) {
    try {
      if (!client) client.emplace(port);
      last = client->ask(line);
      if (last != reply_busy) return last;
    } catch (const std::runtime_error& error) {
      last = error.what();
      client.reset();
    }
    ::poll(nullptr, 0, pause_ms);
  }
  throw std::runtime_error("not served in time: " + last);
}

}  // namespace mas
