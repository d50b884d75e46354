#include "base/crc32c.hpp"

#include "support/catch.hpp"

using namespace mas;

TEST_CASE("crc32c agrees with the published vectors") {
  CHECK(crc32c(as_bytes("123456789")) == 0xE3069283U);  // Rocksoft check value
  CHECK(crc32c(Bytes(32, 0x00)) == 0x8A9136AAU);        // RFC 3720, B.4
  CHECK(crc32c(Bytes(32, 0xff)) == 0x62A8AB43U);
  CHECK(crc32c({}) == 0);
}

TEST_CASE("crc32c by instruction, by table and in pieces are one function") {
  Bytes bytes;
  for (std::size_t size = 0; size < 100; ++size) {
    const auto whole = crc32c(bytes);
    CHECK(whole == detail::crc32c_table(bytes, 0));
    for (std::size_t cut = 0; cut <= size; cut += 7) {
      const ByteView view(bytes);
      CHECK(crc32c(view.subspan(cut), crc32c(view.first(cut))) == whole);
    }
    bytes.push_back(static_cast<std::uint8_t>(size * 37));
  }
}
