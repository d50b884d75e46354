#pragma once

#include <bit>
#include <cstdint>
#include <cstring>
#include <span>
#include <string_view>
#include <type_traits>
#include <vector>

namespace mas {

static_assert(std::endian::native == std::endian::little,
              "files and messages are little-endian and are read in place");

inline constexpr std::size_t KiB = 1024;
inline constexpr std::size_t MiB = 1024 * KiB;

/// A growing buffer of raw bytes; encoders append to one that their caller owns.
using Bytes = std::vector<std::uint8_t>;
/// Somebody else's bytes, valid as long as they keep them.
using ByteView = std::span<const std::uint8_t>;

[[nodiscard]] inline ByteView as_bytes(std::string_view text) {
  return {reinterpret_cast<const std::uint8_t*>(text.data()), text.size()};
}
[[nodiscard]] inline std::string_view as_text(ByteView bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

/// Appends raw bytes.
inline void append(Bytes& out, ByteView bytes) {
  if (bytes.empty()) return;  // its data() may be null, which memcpy must not be given
  const auto at = out.size();
  out.resize(at + bytes.size());
  std::memcpy(out.data() + at, bytes.data(), bytes.size());
}

/// Appends an integer or a double as little-endian bytes of its own width.
template <typename T>
requires std::is_arithmetic_v<T> || std::is_enum_v<T>
void append_le(Bytes& out, T value) {
  const auto at = out.size();
  out.resize(at + sizeof value);
  std::memcpy(out.data() + at, &value, sizeof value);
}

/// Appends an unsigned integer as LEB128 (7 bits a byte, lowest first), 1 to 10 bytes.
inline void append_varint(Bytes& out, std::uint64_t value) {
  while (value >= 0x80) {
    out.push_back(static_cast<std::uint8_t>(value | 0x80));
    value >>= 7;
  }
  out.push_back(static_cast<std::uint8_t>(value));
}

/// Folds signed into unsigned so that small magnitudes stay small (Protocol Buffers' zigzag).
[[nodiscard]] constexpr std::uint64_t zigzag(std::int64_t value) {
  return (static_cast<std::uint64_t>(value) << 1) ^ static_cast<std::uint64_t>(value >> 63);
}
[[nodiscard]] constexpr std::int64_t unzigzag(std::uint64_t value) {
  return static_cast<std::int64_t>(value >> 1) ^ -static_cast<std::int64_t>(value & 1);
}

/// Appends a text of at most 255 bytes behind its length in one byte.
inline void append_short_text(Bytes& out, std::string_view text) {
  out.push_back(static_cast<std::uint8_t>(text.size()));
  append(out, as_bytes(text));
}

}  // namespace mas
