#include "client/json_text.hpp"

#include <fmt/format.h>

#include <cstdint>
#include <iterator>

namespace mas {
namespace {

/// Bytes of the UTF-8 character at the beginning of `text`; 0 when there is none. Overlong forms,
/// surrogates and what is beyond Unicode are none (RFC 3629).
std::size_t character_length(std::string_view text) {
  const auto byte = [&](std::size_t at) { return static_cast<std::uint8_t>(text[at]); };
  const auto first = byte(0);
  std::size_t length = 0;
  std::uint8_t second_min = 0x80;
  std::uint8_t second_max = 0xbf;
  if (first < 0x80) return 1;
  if (first >= 0xc2 && first <= 0xdf) length = 2;
  if (first >= 0xe0 && first <= 0xef) length = 3;
  if (first >= 0xf0 && first <= 0xf4) length = 4;
  if (first == 0xe0) second_min = 0xa0;
  if (first == 0xed) second_max = 0x9f;
  if (first == 0xf0) second_min = 0x90;
  if (first == 0xf4) second_max = 0x8f;
  if (length == 0 || text.size() < length) return 0;
  if (byte(1) < second_min || byte(1) > second_max) return 0;
  for (std::size_t at = 2; at < length; ++at) {
    if (byte(at) < 0x80 || byte(at) > 0xbf) return 0;
  }
  return length;
}

}  // namespace

void append_json_string(std::string_view text, std::string& out) {
  out += '"';
  while (!text.empty()) {
    const auto length = character_length(text);
    const auto character = text.substr(0, length == 0 ? 1 : length);
    if (length == 0) {
      out += "\xef\xbf\xbd";
    } else if (character == "\"" || character == "\\") {
      out += '\\';
      out += character;
    } else if (static_cast<std::uint8_t>(character.front()) < 0x20) {
      fmt::format_to(std::back_inserter(out), "\\u{:04x}", character.front());
    } else {
      out += character;
    }
    text.remove_prefix(character.size());
  }
  out += '"';
}

}  // namespace mas
