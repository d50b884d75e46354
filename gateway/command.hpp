#pragma once

#include <string_view>
#include <variant>

#include "aggregate/aggregate.hpp"
#include "base/time_types.hpp"
#include "gateway/reply_text.hpp"
#include "text/time_zone.hpp"

namespace mas {

// What a line asks for. Ids are views into the line: copy them where they outlive it.

/// `LOG <id> <value>`
struct Log {
  std::string_view id;
  double value = 0;  ///< finite

  friend bool operator==(const Log&, const Log&) = default;
};

/// `QUERY <id> <op> <secs> [from] [to]`
struct Query {
  std::string_view id;
  Op op = Op::avg;
  nanoseconds window{0};  ///< as Windows takes it: 0 for none, nanoseconds::max() without an end
  WallTime from = WallTime::min();  ///< inclusive, and may be after `to`
  WallTime to = WallTime::max();    ///< inclusive

  friend bool operator==(const Query&, const Query&) = default;
};

/// `NEW-ALERT <id> <op> <secs> <limit>`
struct NewAlert {
  std::string_view id;
  Op op = Op::avg;
  nanoseconds window{0};  ///< as in Query
  double limit = 0;       ///< finite

  friend bool operator==(const NewAlert&, const NewAlert&) = default;
};

/// Anything else, answered at once.
struct BadRequest {
  Reply reply = Reply::unknown_command;  ///< the 400 that it gets

  friend bool operator==(const BadRequest&, const BadRequest&) = default;
};

using Command = std::variant<Log, Query, NewAlert, BadRequest>;

/// Reads a line, given without its end. A time without a zone is `local` time. Never allocates.
/// Thread-safe.
[[nodiscard]] Command parse_command(std::string_view line, const TimeZone& local);

}  // namespace mas
