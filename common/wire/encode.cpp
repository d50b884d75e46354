#include "wire/encode.hpp"

#include <msgpack.hpp>

namespace mas {
namespace {

/// What msgpack::packer calls a stream.
struct BytesStream {
  Bytes& out;
  void write(const char* data, std::size_t size) { append(out, as_bytes({data, size})); }
};

/// The packer is a reference and no more, so one is made where it is needed.
template <typename Pack>
void pack(Bytes& out, Pack&& with) {
  BytesStream stream{out};
  msgpack::packer<BytesStream> packer(stream);
  with(packer);
}

constexpr std::uint32_t envelope_fields = 5;

}  // namespace

Encoder::Encoder(Bytes& out, const Envelope& envelope, std::uint32_t field_count) : out_(out) {
  pack(out_, [&](auto& packer) { packer.pack_array(envelope_fields + field_count); });
  u64(wire_version).u64(envelope.type).str(envelope.cluster).u64(envelope.from).u64(envelope.to);
}

Encoder::Encoder(Bytes& out, std::uint32_t field_count) : out_(out) {
  pack(out_, [&](auto& packer) { packer.pack_array(field_count); });
}

Encoder& Encoder::u64(std::uint64_t value) {
  pack(out_, [&](auto& packer) { packer.pack_uint64(value); });
  return *this;
}

Encoder& Encoder::i64(std::int64_t value) {
  pack(out_, [&](auto& packer) { packer.pack_int64(value); });
  return *this;
}

Encoder& Encoder::f64(double value) {
  pack(out_, [&](auto& packer) { packer.pack_double(value); });
  return *this;
}

Encoder& Encoder::boolean(bool value) {
  pack(out_, [&](auto& packer) { value ? packer.pack_true() : packer.pack_false(); });
  return *this;
}

Encoder& Encoder::str(std::string_view value) {
  pack(out_, [&](auto& packer) {
    packer.pack_str(static_cast<std::uint32_t>(value.size()));
    packer.pack_str_body(value.data(), static_cast<std::uint32_t>(value.size()));
  });
  return *this;
}

Encoder& Encoder::bin(ByteView value) {
  pack(out_, [&](auto& packer) {
    packer.pack_bin(static_cast<std::uint32_t>(value.size()));
    packer.pack_bin_body(as_text(value).data(), static_cast<std::uint32_t>(value.size()));
  });
  return *this;
}

}  // namespace mas
