#pragma once

#include <compare>
#include <cstdint>
#include <string>

#include "aggregate/aggregate.hpp"
#include "base/time_types.hpp"

namespace mas {

/// What NEW-ALERT registers: fire when a window's value is strictly greater than the limit. Two
/// rules are one when all four are equal, the limit as a number: 5 and 5.0, 0 and -0 are the same.
/// Thread-safety: plain value.
struct Rule {
  std::string id;  ///< the metric
  Op op = Op::avg;
  nanoseconds window{0};  ///< 0: each sample is a window
  double limit = 0;       ///< finite

  friend bool operator==(const Rule&, const Rule&) = default;
  /// Partial only by type: limits are finite.
  friend auto operator<=>(const Rule&, const Rule&) = default;
};

/// A rule's name in events: 32 hex digits, the same for equal rules, in every process and version
/// (XXH3-128 of its fields). Thread-safe.
[[nodiscard]] std::string rule_name(const Rule& rule);

/// An event's name: the rule, and the period that ends at `period_end`. At most 64 bytes.
/// Thread-safe.
[[nodiscard]] std::string event_name(const Rule& rule, WallTime period_end);

/// `ALERT <id>: <op> is over <limit>`, the line that a firing leaves in the log. Thread-safe.
[[nodiscard]] std::string alert_text(const Rule& rule);

}  // namespace mas
