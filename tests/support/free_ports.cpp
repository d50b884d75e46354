#include "support/free_ports.hpp"

#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <stdexcept>

namespace mas {
namespace {

constexpr std::uint32_t first_port = 10'000;
constexpr std::uint32_t port_count = 22'000;  // Linux gives 32768 to 60999 to outgoing connections

/// A socket bound to the port, if nobody else has it.
UniqueFd bind_to(int type, std::uint16_t port) {
  UniqueFd socket(::socket(AF_INET, type | SOCK_CLOEXEC, 0));
  if (type == SOCK_STREAM) {
    const int yes = 1;
    ::setsockopt(socket.get(), SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes);
  }
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(port);
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  if (::bind(socket.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0)
    return UniqueFd{};
  return socket;
}

}  // namespace

FreePorts::FreePorts(std::size_t count) {
  // Processes start at different places, so that they seldom meet.
  const auto start = static_cast<std::uint32_t>(::getpid()) * 97U;
  for (std::uint32_t step = 0; step < port_count && ports_.size() < count; ++step) {
    const auto port = static_cast<std::uint16_t>(first_port + (start + step) % port_count);
    UniqueFd reservation = bind_to(SOCK_DGRAM, port);
    if (!reservation || !bind_to(SOCK_STREAM, port)) continue;
    ports_.push_back(port);
    reservations_.push_back(std::move(reservation));
  }
  if (ports_.size() < count) throw std::runtime_error("not enough free ports");
}

}  // namespace mas
