#pragma once

#include <set>
#include <string>
#include <vector>

#include "alerter/rule_book.hpp"
#include "alerter/verdict.hpp"
#include "base/time_types.hpp"

namespace mas {

/// Verdicts wait at most this long for others of their shard, so that one mark and one sync serve
/// many, and a metric that cannot be read does not hold up the rest.
inline constexpr nanoseconds mark_wait_max = milliseconds{200};

/// The checks of one shard: which metrics are to be read when a period ends, and which verdicts
/// wait for their mark. A metric is in hand from the moment it is to be read until its mark is
/// settled, and is not read again meanwhile, so no period is judged twice. No I/O. Thread-safety:
/// one owner.
class PeriodCheck {
 public:
  /// Periods up to `end` may be judged: the metrics to read now. Nothing for an end that has been
  /// told already: a metric that could not be read is tried again at the next one.
  [[nodiscard]] std::vector<std::string> on_end(WallTime end, const RuleBook& book);
  /// A metric was read; `now` never decreases.
  void on_judged(const std::string& id, std::vector<RuleJudged> verdicts, MonoTime now);
  /// It could not be read, or none of its rules was due: its rules stay where they are.
  void on_unread(const std::string& id);

  /// Whether verdicts are to be marked now.
  [[nodiscard]] bool to_mark(MonoTime now) const;
  /// The verdicts that wait, by rule. Call settled() when their marks are written, or could not be:
  /// then they are judged again, with the period after.
  [[nodiscard]] std::vector<RuleJudged> take();
  /// The metrics to read at once, as another period has ended while they were in hand.
  [[nodiscard]] std::vector<std::string> settled();

 private:
  std::optional<WallTime> end_;
  std::set<std::string> unread_;
  std::set<std::string> unmarked_;
  std::set<std::string> again_;
  std::vector<RuleJudged> verdicts_;
  MonoTime oldest_{};
};

/// The records that mark these verdicts: one for each end of a period among them.
[[nodiscard]] std::vector<PeriodJudged> marks_of(const std::vector<RuleJudged>& verdicts);

}  // namespace mas
