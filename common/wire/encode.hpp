#pragma once

#include <cstdint>
#include <string_view>

#include "base/bytes.hpp"
#include "base/time_types.hpp"
#include "wire/envelope.hpp"

namespace mas {

/// Appends one message to a buffer of the caller's: one flat MessagePack array that holds the
/// envelope and then `field_count` scalars, strings and binaries. No nesting: a list travels as a
/// packed little-endian column inside a `bin`, so that decoding allocates nothing.
/// Source: https://github.com/msgpack/msgpack/blob/master/spec.md. Thread-safety: one owner.
class Encoder {
 public:
  Encoder(Bytes& out, const Envelope& envelope, std::uint32_t field_count);
  /// A message without an envelope, as native clients use.
  Encoder(Bytes& out, std::uint32_t field_count);

  Encoder& u64(std::uint64_t value);
  Encoder& i64(std::int64_t value);
  Encoder& f64(double value);
  Encoder& boolean(bool value);
  Encoder& str(std::string_view value);
  Encoder& bin(ByteView value);
  Encoder& time(WallTime value) { return i64(to_int(value)); }

 private:
  Bytes& out_;
};

}  // namespace mas
