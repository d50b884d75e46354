#include "base/byte_reader.hpp"

namespace mas {

std::uint32_t ByteReader::u32_at_most(std::uint32_t most) {
  const auto value = u32();
  if (value <= most) return value;
  ok_ = false;
  return 0;
}

std::uint64_t ByteReader::varint() {
  std::uint64_t value = 0;
  for (unsigned shift = 0; shift < 64; shift += 7) {
    const auto byte = u8();
    if (!ok_) return 0;
    const std::uint64_t bits = byte & 0x7fU;
    if (shift == 63 && bits > 1) break;
    value |= bits << shift;
    if ((byte & 0x80U) == 0) return value;
  }
  ok_ = false;
  return 0;
}

ByteView ByteReader::take(std::size_t size) {
  if (!ok_ || left() < size) {
    ok_ = false;
    return {};
  }
  const auto view = bytes_.subspan(offset_, size);
  offset_ += size;
  return view;
}

}  // namespace mas
