#pragma once

#include <array>
#include <cstdint>
#include <string_view>
#include <variant>

#include "base/bytes.hpp"
#include "base/result.hpp"
#include "base/time_types.hpp"
#include "wire/envelope.hpp"

namespace mas {

/// Takes one flat MessagePack message apart, field by field, in place: strings and binaries are
/// views into the message, which must outlive them. Anything nested, longer than `fields_max`, cut
/// short or followed by more bytes fails. A read of the wrong kind or beyond the last field fails,
/// stays failed and gives zeros, so a decoder asks ok() once after it has read all. Never
/// allocates. Fields beyond those read are ignored: newer senders may append some.
/// Thread-safety: one owner.
class Decoder {
 public:
  static constexpr std::uint32_t fields_max = 32;

  explicit Decoder(ByteView message);

  [[nodiscard]] bool ok() const { return ok_; }
  [[nodiscard]] std::uint32_t fields_left() const { return count_ - next_; }

  [[nodiscard]] std::uint64_t u64();
  [[nodiscard]] std::uint64_t u64_at_most(std::uint64_t most);
  [[nodiscard]] std::uint32_t u32() { return static_cast<std::uint32_t>(u64_at_most(0xffffffffU)); }
  [[nodiscard]] std::uint8_t u8() { return static_cast<std::uint8_t>(u64_at_most(0xff)); }
  [[nodiscard]] std::int64_t i64();
  /// A double; an integer is taken too, as clients in dynamic languages send `1` for `1.0`.
  [[nodiscard]] double f64();
  [[nodiscard]] bool boolean();
  [[nodiscard]] std::string_view str(std::size_t bytes_max);
  [[nodiscard]] ByteView bin();
  [[nodiscard]] WallTime time() { return wall_time(i64()); }
  /// Marks the message as bad; used where a value is out of its range.
  void fail() { ok_ = false; }

 private:
  struct Binary {
    ByteView bytes;
  };
  using Field = std::variant<std::monostate, bool, std::uint64_t, std::int64_t, double,
                             std::string_view, Binary>;
  struct Visitor;

  template <typename T>
  [[nodiscard]] const T* next();

  std::array<Field, fields_max> fields_;
  std::uint32_t count_ = 0;
  std::uint32_t next_ = 0;
  bool ok_ = true;
};

/// Reads the envelope. Errors: torn for bytes that are no message; unsupported for a version this
/// build does not speak.
[[nodiscard]] Result<Envelope> decode_envelope(Decoder& in);

}  // namespace mas
