#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/unique_fd.hpp"

namespace mas {

/// A client of the text port on 127.0.0.1. All calls block, but not beyond the tests' patience;
/// then, and when the connection ends too early, they throw std::runtime_error.
class TextClient {
 public:
  explicit TextClient(std::uint16_t port);

  /// Sends the bytes as they are, in one write where the system takes them. Replies that arrive
  /// meanwhile are read, so that neither side waits for the other.
  void send(std::string_view bytes);
  /// The next line without its `\n`, byte for byte otherwise.
  std::string read_line();
  std::vector<std::string> read_lines(std::size_t count);
  /// All that comes until the server closes.
  std::string read_to_end();
  /// A request and its reply.
  std::string ask(std::string_view line);

  /// Closes the writing side, as `nc -N` does at the end of its input.
  void half_close();
  /// Vanishes: the server sees a reset.
  void reset();

 private:
  /// Waits until the socket can do one of `events`, gives those it can.
  short wait_for(short events);
  /// Reads what is there; false at the end of the stream.
  bool receive();

  UniqueFd socket_;
  std::string received_;
  std::size_t searched_ = 0;
};

/// Asks again, on a new connection each time that the old one failed, until the reply is not a 503;
/// gives that reply. For what recovers by itself. Between two tries it waits by poll(2) on the
/// connection, which wakes it when the server closes. A LOG that got no reply is asked again too,
/// so use it for one only where storing it twice does no harm.
std::string ask_until_served(std::uint16_t port, std::string_view line);

inline constexpr std::string_view reply_busy = "503 The server is busy, try again later";

}  // namespace mas
