#pragma once

#include <cstdint>
#include <string_view>

namespace mas {

/// The replies that are always the same line.
enum class Reply : std::uint8_t {
  metric_inserted,
  alert_registered,
  metric_not_found,
  busy,
  unknown_command,
  malformed_log,
  malformed_query,
  malformed_new_alert,
  line_too_long,
};

/// The whole line of `reply`, to the byte, its `\n` included. Thread-safe.
[[nodiscard]] std::string_view reply_text(Reply reply);

/// Around the body of a QUERY's answer, which comes from its worker: `[1.0, 2.5]`.
inline constexpr std::string_view answer_begin = "200 ";
inline constexpr std::string_view answer_end = "\n";

}  // namespace mas
