#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "wire/lock_report.hpp"

namespace mas {

/// What a lock broker has told about its state, to be shown to people or programs.
struct LocksView {
  std::string broker;  ///< where it is
  LockReport totals;   ///< of the last page; its rows are not looked at
  std::vector<LockSessionRow> sessions;
  std::vector<LockNameRow> names;
  std::vector<LockNameRow> awaited;  ///< those with the longest waits
  bool more_sessions = false;        ///< than are in `sessions`
  bool more_names = false;
};

/// Names with waits that are shown at most.
inline constexpr std::size_t longest_waits_shown = 10;

/// Keeps those of `awaited` and `row` that somebody has waited for longest, longest first, as many
/// as are shown.
void keep_longest_wait(std::vector<LockNameRow>& awaited, const LockNameRow& row);

/// Tables for people; control characters in names and workers are shown as '?'.
[[nodiscard]] std::string locks_table(const LocksView& view);
/// One JSON object in one line. Tokens and sessions are strings of digits, as a JSON number is a
/// double to most programs.
[[nodiscard]] std::string locks_json(const LocksView& view);

/// "340ms", "12.3s", "5m07s", "3h02m", "2d05h".
[[nodiscard]] std::string age_text(std::uint64_t ms);

}  // namespace mas
