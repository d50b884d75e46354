#include "wire/native_messages.hpp"

#include "wire/encode.hpp"

namespace mas {
namespace {

constexpr std::size_t command_bytes_max = 16;
constexpr std::uint32_t reply_fields = 5;

}  // namespace

Result<NativeRequest> decode_native_request(Decoder& in) {
  const auto version = in.u64();
  NativeRequest out;
  out.request = in.u64();
  if (!in.ok()) return fail(Error::torn, "not a request");
  if (version != native_version) return fail(Error::unsupported, "version {}", version);
  out.command = in.str(command_bytes_max);
  if (!in.ok()) return fail(Error::torn, "a request without a command");
  return out;
}

void encode(Bytes& out, const NativeReply& reply) {
  Encoder encoder(out, reply_fields);
  encoder.u64(native_version).u64(reply.request).u64(reply.code).boolean(reply.last);
  if (reply.has_columns) {
    encoder.bin(reply.columns);
  } else {
    encoder.str(reply.text);
  }
}

}  // namespace mas
