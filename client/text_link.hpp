#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "base/result.hpp"
#include "base/time_types.hpp"
#include "base/unique_fd.hpp"

namespace mas {

/// A TCP connection that speaks in lines, for programs that do one thing at a time: every call
/// blocks, but never beyond its deadline. After an error it is of no further use.
/// Thread-safety: one owner.
class TextLink {
 public:
  /// A line of a peer that sends no end of it is not collected beyond this.
  static constexpr std::size_t line_bytes_max = 16 * 1024 * 1024;

  /// Connects to the first address behind `host` (a name, an IPv4 or IPv6 address) that answers.
  /// Looking a name up is the system's matter and has its own limits, not the deadline's.
  /// Error::lost names host, port and reason.
  [[nodiscard]] static Result<TextLink> dial(const std::string& host, std::uint16_t port,
                                             MonoTime deadline);

  /// Sends all of it. Error::lost when the peer is gone or takes nothing until the deadline.
  Result<void> send(std::string_view text, MonoTime deadline);

  /// The next line without its end (`\n` or `\r\n`). Error::lost at the end of the stream and at
  /// the deadline.
  Result<std::string> read_line(MonoTime deadline);

 private:
  explicit TextLink(UniqueFd socket) : socket_(std::move(socket)) {}

  UniqueFd socket_;
  std::string received_;  ///< beyond the last line that was read
};

}  // namespace mas
