#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

namespace mas {

/// The longest line that a client may send, its end (`\n` or `\r\n`) not counted.
inline constexpr std::size_t line_bytes_max = 1024;

/// Cuts the bytes of one connection into lines. A line ends at `\n`; a `\r` right before it, or
/// right before the end of the stream, belongs to the end. A line that is too long is reported
/// once, as soon as that is certain, and skipped up to its `\n`. What is left at the end of the
/// stream is a line too.
///
///   splitter.feed(bytes);
///   while (auto line = splitter.next()) use(*line);
///
/// Lines that arrive whole are views into the fed bytes; only one that is spread over several
/// pieces is copied, into a buffer of at most 1,025 bytes that is kept.
/// Thread-safety: one owner.
class LineSplitter {
 public:
  struct Line {
    std::string_view text;  ///< without its end; empty when too long
    bool too_long = false;

    friend bool operator==(const Line&, const Line&) = default;
  };

  /// The next bytes of the stream, to be kept unchanged until next() has given nothing. The bytes
  /// fed before are used up by then.
  void feed(std::string_view bytes);
  /// The next line, or nothing until more is fed. A line is valid until the next call of anything.
  [[nodiscard]] std::optional<Line> next();
  /// The start of a line that has neither ended nor been given out.
  [[nodiscard]] bool holds() const { return !held_is_out_ && !held_.empty(); }
  /// Takes back what is not looked at yet, to be fed again later.
  [[nodiscard]] std::string_view take_rest() { return std::exchange(fed_, {}); }
  /// The line that the end of the stream ends, once next() has given nothing. Nothing when the
  /// stream ended with `\n`, was empty, or ended inside a line that was reported as too long.
  [[nodiscard]] std::optional<Line> finish();

 private:
  std::string_view fed_;      ///< what is not looked at yet
  std::string held_;          ///< the start of a line whose end is not fed yet
  bool held_is_out_ = false;  ///< held_ was given out as a line and is over
  bool skipping_ = false;     ///< inside a line that was reported as too long
};

}  // namespace mas
