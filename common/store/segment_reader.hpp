#pragma once

#include <cstdint>
#include <optional>

#include "base/bytes.hpp"
#include "base/result.hpp"
#include "store/file_system.hpp"
#include "store/segment_format.hpp"

namespace mas {

/// A block's place in its segment, and what its header says.
struct BlockPlace {
  std::uint64_t offset = 0;
  BlockHeader header;
};

/// Reads one segment through a window of its bytes, forward mostly. The file is lent to each call,
/// so that the caller may close and reopen it between. Thread-safety: one owner.
class SegmentReader {
 public:
  /// Reads at least the largest block in one step.
  static constexpr std::size_t window_bytes_max = 256 * KiB;
  static_assert(window_bytes_max >= block_bytes_max);

  /// Only the first `bytes` bytes are read; `step` is what one read asks for.
  explicit SegmentReader(std::uint64_t bytes, std::size_t step = window_bytes_max)
      : bytes_(bytes), step_(step) {}

  /// The header; afterwards next_block() stands at the first block. A take-over's of more seals
  /// than the window takes is read in one step of its own (segment_header_bytes_max at most), whose
  /// memory is given back before this returns. Errors: Error::torn, Error::unsupported, Error::io.
  [[nodiscard]] Result<SegmentHeader> read_header(File& file);

  /// The next block whose checksum is right; nothing at the end, which is either that of the
  /// segment or that of its valid part: see end_error(). Errors: Error::io.
  [[nodiscard]] Result<std::optional<BlockPlace>> next_block(File& file);

  /// Where the next block begins: all bytes before it are valid.
  [[nodiscard]] std::uint64_t offset() const { return offset_; }
  /// Bytes to read that no valid block holds, after next_block() has returned nothing.
  [[nodiscard]] std::uint64_t bytes_left() const { return bytes_ - offset_; }
  /// Why next_block() has ended before the segment's end, if it has.
  [[nodiscard]] const std::optional<Error>& end_error() const { return end_error_; }

  /// The bytes of a block that next_block() has found, checked again; valid until the next call.
  /// Errors: Error::torn when the file has changed since, Error::io.
  [[nodiscard]] Result<ByteView> block(File& file, std::uint64_t offset, std::size_t bytes);

  /// Gives the window's memory back; the next call reads anew.
  void drop_window();
  [[nodiscard]] bool has_window() const { return !window_.empty(); }

 private:
  /// As many as there are of the `bytes` bytes at `offset`.
  Result<ByteView> view(File& file, std::uint64_t offset, std::size_t bytes);

  std::uint64_t bytes_;
  std::size_t step_;
  std::uint64_t offset_ = 0;
  std::optional<Error> end_error_;
  Bytes window_;
  std::uint64_t window_offset_ = 0;
};

}  // namespace mas
