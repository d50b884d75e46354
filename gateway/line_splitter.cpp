#include "gateway/line_splitter.hpp"

#include "base/check.hpp"

namespace mas {
namespace {

/// The line of all bytes before its `\n` or the end of the stream.
[[nodiscard]] LineSplitter::Line ended(std::string_view bytes) {
  if (bytes.ends_with('\r')) bytes.remove_suffix(1);
  if (bytes.size() > line_bytes_max) return {{}, true};
  return {bytes, false};
}

/// Whether a line that begins with `size` bytes, the last of them `last`, is too long, however it
/// goes on. A `\r` may still turn out to belong to the end.
[[nodiscard]] bool is_hopeless(std::size_t size, char last) {
  return size > line_bytes_max + 1 || (size == line_bytes_max + 1 && last != '\r');
}

}  // namespace

void LineSplitter::feed(std::string_view bytes) {
  MAS_CHECK(fed_.empty());
  fed_ = bytes;
}

std::optional<LineSplitter::Line> LineSplitter::next() {
  if (held_is_out_) {
    held_.clear();
    held_is_out_ = false;
  }
  while (!fed_.empty()) {
    const std::size_t newline = fed_.find('\n');
    const bool has_end = newline != std::string_view::npos;
    const std::string_view piece = fed_.substr(0, newline);
    fed_.remove_prefix(has_end ? newline + 1 : fed_.size());
    if (skipping_) {
      skipping_ = !has_end;
      continue;
    }
    if (has_end && held_.empty()) return ended(piece);
    if (!piece.empty() && is_hopeless(held_.size() + piece.size(), piece.back())) {
      held_.clear();
      skipping_ = !has_end;
      return Line{{}, true};
    }
    held_.append(piece);
    if (!has_end) break;
    held_is_out_ = true;
    return ended(held_);
  }
  return std::nullopt;
}

std::optional<LineSplitter::Line> LineSplitter::finish() {
  MAS_CHECK(fed_.empty());
  if (held_is_out_ || held_.empty()) return std::nullopt;
  held_is_out_ = true;
  return ended(held_);
}

}  // namespace mas
