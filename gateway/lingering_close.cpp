#include "gateway/lingering_close.hpp"

#include <utility>

#include "base/bytes.hpp"

namespace mas {
namespace {

constexpr std::size_t read_bytes_max = 64 * KiB;

}  // namespace

LingeringClose::LingeringClose() : discarded_(read_bytes_max) {}
LingeringClose::~LingeringClose() = default;

void LingeringClose::take(asio::ip::tcp::socket socket, MonoTime now) {
  if (sockets_.size() >= sockets_max) return;
  asio::error_code error;
  socket.cancel(error);  // what its connection waited for
  socket.shutdown(asio::ip::tcp::socket::shutdown_send, error);
  if (error) return;  // the client is gone already
  const auto number = next_++;
  auto& leaving =
      sockets_.emplace(number, Leaving{std::move(socket), now + patience}).first->second;
  wait(number, leaving);
}

void LingeringClose::wait(std::uint64_t number, Leaving& leaving) {
  leaving.socket.async_wait(asio::ip::tcp::socket::wait_read,
                            [this, number](const asio::error_code& error) {
                              const auto found = sockets_.find(number);
                              if (found == sockets_.end()) return;
                              if (!error && discard(found->second)) {
                                to_wait_.push_back(number);
                              } else {
                                sockets_.erase(found);
                              }
                            });
}

bool LingeringClose::discard(Leaving& leaving) {
  asio::error_code error;
  leaving.socket.read_some(asio::buffer(discarded_), error);
  return !error || error == asio::error::would_block;
}

void LingeringClose::end_turn() {
  for (const auto number : std::exchange(to_wait_, {})) {
    if (const auto found = sockets_.find(number); found != sockets_.end()) {
      wait(number, found->second);
    }
  }
}

void LingeringClose::on_time(MonoTime now) {
  std::erase_if(sockets_, [now](const auto& one) { return one.second.until <= now; });
}

}  // namespace mas
