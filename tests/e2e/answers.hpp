#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "support/system.hpp"

namespace mas {

inline constexpr std::string_view reply_inserted = "201 Metric Inserted";
inline constexpr std::string_view reply_not_found = "404 Metric Not Found";
inline constexpr std::string_view reply_registered = "200 Alert Registered";
inline constexpr std::string_view reply_unknown =
    "400 Bad Request -- Available commands: ['LOG', 'QUERY', 'NEW-ALERT']";
inline constexpr std::string_view reply_bad_log = "400 Bad Request -- LOG <id:str> <value:float>";
inline constexpr std::string_view reply_bad_query =
    "400 Bad Request -- QUERY <id:str> <op:AVG|MAX|MIN|COUNT> <secs:int> [from:iso_date] "
    "[to:iso_date]";
inline constexpr std::string_view reply_bad_alert =
    "400 Bad Request -- NEW-ALERT <id:str> <op:AVG|MAX|MIN|COUNT> <secs:int> <limit:float>";
inline constexpr std::string_view reply_too_long = "400 Bad Request -- Line Too Long";

/// What `printf BYTES | nc -N` would show: all that comes back to these bytes.
inline std::string answers_to(const System& system, std::string_view bytes) {
  TextClient client = system.connect();
  client.send(bytes);
  client.half_close();
  return client.read_to_end();
}

/// Replies without their ends.
inline std::vector<std::string> lines_of(const std::string& text) {
  std::vector<std::string> lines;
  for (std::size_t begin = 0; begin < text.size();) {
    const auto end = text.find('\n', begin);
    lines.push_back(text.substr(begin, end - begin));
    begin = end + 1;
  }
  return lines;
}

/// A reply and its end.
inline std::string line(std::string_view reply) { return std::string(reply) + "\n"; }

}  // namespace mas
