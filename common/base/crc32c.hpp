#pragma once

#include <cstdint>

#include "base/bytes.hpp"

namespace mas {

/// CRC-32C (Castagnoli polynomial 0x1EDC6F41, reflected; RFC 3720 appendix B.4), the checksum of
/// every file of the store. `crc` continues an earlier result over bytes that follow each other.
/// Uses the processor's instruction where it has one (SSE 4.2), else a table. Thread-safe.
[[nodiscard]] std::uint32_t crc32c(ByteView bytes, std::uint32_t crc = 0);

namespace detail {
/// The portable form, public for the test that holds both against each other.
[[nodiscard]] std::uint32_t crc32c_table(ByteView bytes, std::uint32_t crc);
}  // namespace detail

}  // namespace mas
