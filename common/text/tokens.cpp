#include "text/tokens.hpp"

#include <utf8proc.h>

#include <cstdint>
#include <cstring>

namespace mas {
namespace {

constexpr std::uint64_t every_byte = 0x0101010101010101U;

[[nodiscard]] bool is_separator(char c) { return c == ' ' || c == '\t'; }

[[nodiscard]] std::uint64_t load_word(const char* at) {
  std::uint64_t word = 0;
  std::memcpy(&word, at, sizeof word);
  return word;
}

/// All bytes from 0x21 to 0x7e, eight at a time. Source: Anderson, "Bit Twiddling Hacks",
/// "Determine if a word has a byte less than n" and "greater than n".
[[nodiscard]] bool is_printable_ascii(std::string_view text) {
  const char* at = text.data();
  std::size_t left = text.size();
  for (; left >= 8; left -= 8, at += 8) {
    const std::uint64_t word = load_word(at);
    const std::uint64_t below = (word - every_byte * 0x21) & ~word;
    const std::uint64_t above = (word + every_byte * (0x7f - 0x7e)) | word;
    if (((below | above) & (every_byte * 0x80)) != 0) return false;
  }
  for (; left > 0; --left, ++at)
    if (*at < 0x21 || *at > 0x7e) return false;
  return true;
}

[[nodiscard]] bool is_ascii(std::string_view text) {
  const char* at = text.data();
  std::size_t left = text.size();
  for (; left >= 8; left -= 8, at += 8)
    if ((load_word(at) & (every_byte * 0x80)) != 0) return false;
  for (; left > 0; --left, ++at)
    if ((static_cast<unsigned char>(*at) & 0x80U) != 0) return false;
  return true;
}

[[nodiscard]] bool is_space_or_control(utf8proc_int32_t code_point) {
  switch (utf8proc_category(code_point)) {
    case UTF8PROC_CATEGORY_ZS:
    case UTF8PROC_CATEGORY_ZL:
    case UTF8PROC_CATEGORY_ZP:
    case UTF8PROC_CATEGORY_CC:
      return true;
    default:
      return false;
  }
}

/// Whether `text` is UTF-8 whose every code point `accept` takes.
template <typename Accept>
[[nodiscard]] bool all_code_points(std::string_view text, Accept accept) {
  const auto* at = reinterpret_cast<const utf8proc_uint8_t*>(text.data());
  auto left = static_cast<utf8proc_ssize_t>(text.size());
  while (left > 0) {
    utf8proc_int32_t code_point = 0;
    const utf8proc_ssize_t size = utf8proc_iterate(at, left, &code_point);
    if (size <= 0 || !accept(code_point)) return false;
    at += size;
    left -= size;
  }
  return true;
}

}  // namespace

std::size_t split_tokens(std::string_view line, std::span<std::string_view> out) {
  std::size_t count = 0;
  const char* at = line.data();
  const char* const end = at + line.size();
  while (true) {
    while (at != end && is_separator(*at)) ++at;
    if (at == end) return count;
    if (count == out.size()) return count + 1;
    const char* const start = at;
    while (at != end && !is_separator(*at)) ++at;
    out[count++] = {start, static_cast<std::size_t>(at - start)};
  }
}

bool is_utf8(std::string_view text) {
  return is_ascii(text) || all_code_points(text, [](utf8proc_int32_t) { return true; });
}

bool is_metric_id(std::string_view text) {
  if (text.empty() || text.size() > metric_id_bytes_max) return false;
  return is_printable_ascii(text) ||
         all_code_points(text, [](utf8proc_int32_t c) { return !is_space_or_control(c); });
}

}  // namespace mas
