#pragma once

#include <asio.hpp>
#include <cstdint>
#include <memory>
#include <unordered_map>
#include <vector>

#include "base/time_types.hpp"

namespace mas {

/// Connections that the gateway ends while their clients may still be sending. The kernel answers
/// bytes that nobody reads with a reset, which takes the last replies out of the client's hands
/// (RFC 2525, section 2.17). So the writing side is closed, and what still comes is thrown away
/// until the client closes too or patience ends. Thread-safety: the loop's thread.
class LingeringClose {
 public:
  LingeringClose();
  LingeringClose(const LingeringClose&) = delete;
  LingeringClose& operator=(const LingeringClose&) = delete;
  ~LingeringClose();

  /// All that its client is to get is written. Beyond `sockets_max` it is closed at once.
  void take(asio::ip::tcp::socket socket, MonoTime now);
  /// Waits on for those that were read in this turn: one read each a turn, so that clients that
  /// keep sending do not hold up the others.
  void end_turn();
  /// Closes those whose clients have had their time; call about every 50 ms.
  void on_time(MonoTime now);
  [[nodiscard]] std::size_t size() const { return sockets_.size(); }

  static constexpr std::size_t sockets_max = 1'000;
  static constexpr nanoseconds patience = seconds{1};

 private:
  struct Leaving {
    asio::ip::tcp::socket socket;
    MonoTime until;
  };

  void wait(std::uint64_t number, Leaving& leaving);
  /// False when the client has closed or the connection is broken.
  [[nodiscard]] bool discard(Leaving& leaving);

  std::unordered_map<std::uint64_t, Leaving> sockets_;
  std::vector<std::uint64_t> to_wait_;  ///< at the turn's end
  std::uint64_t next_ = 0;
  std::vector<char> discarded_;
};

}  // namespace mas
