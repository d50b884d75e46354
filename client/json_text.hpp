#pragma once

#include <string>
#include <string_view>

namespace mas {

/// Appends `text` as a JSON string, quotes and all. JSON is UTF-8, so a byte that is none becomes
/// U+FFFD. Source: RFC 8259.
void append_json_string(std::string_view text, std::string& out);

}  // namespace mas
