#include "base/byte_reader.hpp"

#include <limits>

#include "base/bytes.hpp"
#include "support/catch.hpp"

using namespace mas;

TEST_CASE("a byte reader gives back what was appended, in order") {
  Bytes bytes;
  append_le(bytes, std::uint16_t{0xbeef});
  append_le(bytes, -2.5);
  append_varint(bytes, 300);
  append_varint(bytes, std::numeric_limits<std::uint64_t>::max());
  append_short_text(bytes, "cpu");

  ByteReader in(bytes);
  CHECK(in.u16() == 0xbeef);
  CHECK(in.f64() == -2.5);
  CHECK(in.varint() == 300);
  CHECK(in.varint() == std::numeric_limits<std::uint64_t>::max());
  CHECK(in.short_text() == "cpu");
  CHECK(in.done());
}

TEST_CASE("a byte reader that ran out stays failed and gives zeros") {
  Bytes bytes;
  append_le(bytes, std::uint32_t{7});
  append_le(bytes, std::uint8_t{1});
  // An exact-size copy on the heap, so that a sanitizer sees the first byte read too far.
  const Bytes exact(bytes.begin(), bytes.end());
  ByteReader in(exact);
  CHECK(in.u32() == 7);
  CHECK(in.u64() == 0);
  CHECK_FALSE(in.ok());
  CHECK(in.u8() == 0);
  CHECK_FALSE(in.done());
  CHECK(in.offset() == 4);
}

TEST_CASE("a byte reader refuses counts above their bound and endless varints") {
  Bytes bytes;
  append_le(bytes, std::uint32_t{101});
  ByteReader count(bytes);
  CHECK(count.u32_at_most(100) == 0);
  CHECK_FALSE(count.ok());

  const Bytes endless(11, 0xff);
  ByteReader varint(endless);
  CHECK(varint.varint() == 0);
  CHECK_FALSE(varint.ok());
}

TEST_CASE("zigzag keeps small magnitudes small and loses nothing") {
  for (const std::int64_t value :
       {std::int64_t{0}, std::int64_t{-1}, std::int64_t{1},
        std::numeric_limits<std::int64_t>::min(), std::numeric_limits<std::int64_t>::max()}) {
    CHECK(unzigzag(zigzag(value)) == value);
  }
  CHECK(zigzag(-1) == 1);
  CHECK(zigzag(1) == 2);
}
