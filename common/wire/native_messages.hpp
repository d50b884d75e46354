#pragma once

#include <cstdint>
#include <string_view>

#include "base/bytes.hpp"
#include "base/result.hpp"
#include "wire/decode.hpp"

/// What programs say to a gateway's native port and hear from it. See docs/protocol.md.
namespace mas {

inline constexpr std::uint64_t native_version = 1;
/// A request is a line's worth; its largest field is an id.
inline constexpr std::size_t native_request_bytes_max = 4 * KiB;

/// The start of every request: [version, request, command, …]. What follows depends on the command.
struct NativeRequest {
  std::uint64_t request = 0;  ///< the client's number for it, given back in every reply
  std::string_view command;   ///< `LOG`, `QUERY` or `NEW-ALERT`
};
/// Error::torn, Error::unsupported.
[[nodiscard]] Result<NativeRequest> decode_native_request(Decoder& in);

/// A reply: [version, request, code, last, body].
struct NativeReply {
  std::uint64_t request = 0;
  std::uint16_t code = 0;  ///< as in the text protocol: 200, 201, 400, 404, 503
  bool last = true;        ///< false: more of a QUERY's answer follows
  /// The words of the text protocol's reply; for a 200 of a QUERY, its columns.
  std::string_view text = {};
  ByteView columns = {};
  bool has_columns = false;
};
void encode(Bytes& out, const NativeReply& reply);

}  // namespace mas
