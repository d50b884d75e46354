#pragma once

#include <cstdint>
#include <cstring>
#include <string_view>

#include "base/bytes.hpp"

namespace mas {

/// Reads little-endian fields from untrusted bytes. It cannot overrun, and once a read has failed
/// it stays failed and gives zeros, so a decoder reads a whole header and asks ok() once, before
/// it uses any of it. (Prometheus' tsdb `Decbuf`.) Thread-safety: one owner.
class ByteReader {
 public:
  explicit ByteReader(ByteView bytes) : bytes_(bytes) {}

  [[nodiscard]] bool ok() const { return ok_; }
  /// Bytes consumed so far; after a failure, where it happened.
  [[nodiscard]] std::size_t offset() const { return offset_; }
  [[nodiscard]] std::size_t left() const { return bytes_.size() - offset_; }
  /// True when all was read and nothing failed.
  [[nodiscard]] bool done() const { return ok_ && left() == 0; }

  [[nodiscard]] std::uint8_t u8() { return fixed<std::uint8_t>(); }
  [[nodiscard]] std::uint16_t u16() { return fixed<std::uint16_t>(); }
  [[nodiscard]] std::uint32_t u32() { return fixed<std::uint32_t>(); }
  [[nodiscard]] std::uint64_t u64() { return fixed<std::uint64_t>(); }
  [[nodiscard]] std::int64_t i64() { return fixed<std::int64_t>(); }
  [[nodiscard]] double f64() { return fixed<double>(); }
  /// Like u32() but fails above `most`.
  [[nodiscard]] std::uint32_t u32_at_most(std::uint32_t most);
  /// LEB128; fails when longer than 10 bytes or beyond 64 bits.
  [[nodiscard]] std::uint64_t varint();
  /// The next `size` bytes, in place.
  [[nodiscard]] ByteView take(std::size_t size);
  /// A text behind its length in one byte, in place (see append_short_text).
  [[nodiscard]] std::string_view short_text() { return as_text(take(u8())); }

  /// Marks the input as bad; used by decoders that find a value out of its range.
  void fail() { ok_ = false; }

 private:
  template <typename T>
  [[nodiscard]] T fixed() {
    T value{};
    if (!ok_ || left() < sizeof value) {
      ok_ = false;
      return value;
    }
    std::memcpy(&value, bytes_.data() + offset_, sizeof value);
    offset_ += sizeof value;
    return value;
  }

  ByteView bytes_;
  std::size_t offset_ = 0;
  bool ok_ = true;
};

}  // namespace mas
