#include "gateway/command.hpp"

#include <array>
#include <optional>
#include <span>

#include "text/iso_time.hpp"
#include "text/number.hpp"
#include "text/tokens.hpp"

namespace mas {
namespace {

/// The command and its arguments, the longest being QUERY with both times.
constexpr std::size_t tokens_max = 6;

using Arguments = std::span<const std::string_view>;

[[nodiscard]] std::optional<Log> parse_log(Arguments arguments) {
  if (arguments.size() != 2 || !is_metric_id(arguments[0])) return std::nullopt;
  const auto value = parse_number(arguments[1]);
  if (!value) return std::nullopt;
  return Log{arguments[0], *value};
}

[[nodiscard]] std::optional<Query> parse_query(Arguments arguments, const TimeZone& local) {
  if (arguments.size() < 3 || arguments.size() > 5 || !is_metric_id(arguments[0]))
    return std::nullopt;
  const auto op = parse_op(arguments[1]);
  const auto window = parse_window(arguments[2]);
  if (!op || !window) return std::nullopt;
  Query query{.id = arguments[0], .op = *op, .window = *window};
  if (arguments.size() > 3) {
    const auto from = parse_iso_time(arguments[3], local);
    if (!from) return std::nullopt;
    query.from = *from;
  }
  if (arguments.size() > 4) {
    const auto to = parse_iso_time(arguments[4], local);
    if (!to) return std::nullopt;
    query.to = *to;
  }
  return query;
}

[[nodiscard]] std::optional<NewAlert> parse_new_alert(Arguments arguments) {
  if (arguments.size() != 4 || !is_metric_id(arguments[0])) return std::nullopt;
  const auto op = parse_op(arguments[1]);
  const auto window = parse_window(arguments[2]);
  const auto limit = parse_number(arguments[3]);
  if (!op || !window || !limit) return std::nullopt;
  return NewAlert{arguments[0], *op, *window, *limit};
}

template <typename T>
[[nodiscard]] Command parsed_or(const std::optional<T>& parsed, Reply malformed) {
  if (parsed) return *parsed;
  return BadRequest{malformed};
}

}  // namespace

Command parse_command(std::string_view line, const TimeZone& local) {
  std::array<std::string_view, tokens_max> tokens;
  const std::size_t count = split_tokens(line, tokens);
  if (count == 0) return BadRequest{Reply::unknown_command};
  // With more tokens than any command has, none of them is looked at.
  const Arguments arguments =
      count > tokens_max ? Arguments{} : Arguments{tokens}.subspan(1, count - 1);
  if (tokens[0] == "LOG") return parsed_or(parse_log(arguments), Reply::malformed_log);
  if (tokens[0] == "QUERY") return parsed_or(parse_query(arguments, local), Reply::malformed_query);
  if (tokens[0] == "NEW-ALERT")
    return parsed_or(parse_new_alert(arguments), Reply::malformed_new_alert);
  return BadRequest{Reply::unknown_command};
}

}  // namespace mas
