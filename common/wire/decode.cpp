#include "wire/decode.hpp"

#include <msgpack.hpp>

namespace mas {

/// Only one array, at the top, of scalars, strings and binaries. Sizes are checked by the parser
/// against the bytes there are before it calls; the count of fields is checked here.
struct Decoder::Visitor : msgpack::null_visitor {
  explicit Visitor(Decoder& decoder) : to(decoder) {}

  bool visit_nil() { return add(std::monostate{}); }
  bool visit_boolean(bool value) { return add(value); }
  bool visit_positive_integer(std::uint64_t value) { return add(value); }
  bool visit_negative_integer(std::int64_t value) { return add(value); }
  bool visit_float32(float value) { return add(static_cast<double>(value)); }
  bool visit_float64(double value) { return add(value); }
  bool visit_str(const char* data, std::uint32_t size) { return add(std::string_view(data, size)); }
  bool visit_bin(const char* data, std::uint32_t size) {
    return add(Binary{as_bytes(std::string_view(data, size))});
  }
  bool visit_ext(const char*, std::uint32_t) { return false; }
  bool start_map(std::uint32_t) { return false; }
  bool start_array(std::uint32_t count) {
    if (inside || count > fields_max) return false;
    inside = true;
    return true;
  }

  template <typename T>
  bool add(T value) {
    if (!inside || to.count_ == fields_max) return false;
    to.fields_[to.count_++] = value;
    return true;
  }

  Decoder& to;
  bool inside = false;
};

Decoder::Decoder(ByteView message) {
  Visitor visitor(*this);
  const auto text = as_text(message);
  std::size_t offset = 0;
  ok_ = !text.empty() && msgpack::parse(text.data(), text.size(), offset, visitor) &&
        visitor.inside && offset == text.size();
  if (!ok_) count_ = 0;
}

template <typename T>
const T* Decoder::next() {
  const T* field = ok_ && next_ < count_ ? std::get_if<T>(&fields_[next_]) : nullptr;
  if (field == nullptr) {
    ok_ = false;
  } else {
    ++next_;
  }
  return field;
}

std::uint64_t Decoder::u64() {
  const auto* field = next<std::uint64_t>();
  return field == nullptr ? 0 : *field;
}

std::uint64_t Decoder::u64_at_most(std::uint64_t most) {
  const auto value = u64();
  if (value <= most) return value;
  ok_ = false;
  return 0;
}

std::int64_t Decoder::i64() {
  // MessagePack writes a signed value that is not negative as an unsigned one.
  if (ok_ && next_ < count_ && std::holds_alternative<std::uint64_t>(fields_[next_])) {
    return static_cast<std::int64_t>(u64_at_most(0x7fffffffffffffffU));
  }
  const auto* field = next<std::int64_t>();
  return field == nullptr ? 0 : *field;
}

double Decoder::f64() {
  if (ok_ && next_ < count_) {
    if (const auto* whole = std::get_if<std::uint64_t>(&fields_[next_])) {
      ++next_;
      return static_cast<double>(*whole);
    }
    if (const auto* negative = std::get_if<std::int64_t>(&fields_[next_])) {
      ++next_;
      return static_cast<double>(*negative);
    }
  }
  const auto* field = next<double>();
  return field == nullptr ? 0 : *field;
}

bool Decoder::boolean() {
  const auto* field = next<bool>();
  return field != nullptr && *field;
}

std::string_view Decoder::str(std::size_t bytes_max) {
  const auto* field = next<std::string_view>();
  if (field == nullptr) return {};
  if (field->size() <= bytes_max) return *field;
  ok_ = false;
  return {};
}

ByteView Decoder::bin() {
  const auto* field = next<Binary>();
  return field == nullptr ? ByteView{} : field->bytes;
}

Result<Envelope> decode_envelope(Decoder& in) {
  const auto version = in.u64();
  if (!in.ok()) return fail(Error::torn, "not a message");
  if (version != wire_version) {
    return fail(Error::unsupported, "message version {} (this build speaks {})", version,
                wire_version);
  }
  Envelope envelope;
  envelope.type = in.u8();
  envelope.cluster = in.str(cluster_name_bytes_max);
  envelope.from = in.u64();
  envelope.to = in.u64();
  if (!in.ok()) return fail(Error::torn, "message without a whole envelope");
  return envelope;
}

}  // namespace mas
