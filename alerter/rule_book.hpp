#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "alerter/rule.hpp"

namespace mas {

/// A rule's place in its shard's book: 0, 1, 2, … in the order of registration, for good.
using RuleNumber = std::uint32_t;

/// Rules of one shard at most, a million in all shards together: what a book and its file take
/// stays within some megabytes. Beyond it a NEW-ALERT is refused as busy.
inline constexpr std::size_t rules_per_shard_max = 16'384;

/// A rule and how far it has come. `fired_until` is the end of the last period for which it fired;
/// none: it never did.
struct BookedRule {
  Rule rule;
  WallTime registered;
  WallTime judged_until;  ///< from here on nothing is judged yet; at first: when it was registered
  std::optional<WallTime> fired_until;

  friend bool operator==(const BookedRule&, const BookedRule&) = default;
};

/// Says that rules were judged up to a moment, and which of them fired for it. What it is in
/// memory it is in the file: one record.
struct PeriodJudged {
  WallTime until;
  std::vector<RuleNumber> judged;  ///< ascending
  std::vector<RuleNumber> fired;   ///< some of `judged`, ascending

  friend bool operator==(const PeriodJudged&, const PeriodJudged&) = default;
};

/// The rules of one shard: what is registered, what is judged. Changes only by records, in the
/// order in which they are in the file, so that reading the file again gives the same book.
/// No I/O. Thread-safety: one owner.
class RuleBook {
 public:
  /// A rule's first record; a rule that is known already stays as it is. False when the book is
  /// full.
  bool apply(BookedRule added);
  /// False when it names a rule that is not there, or is out of order: then nothing is changed.
  /// A rule that has been judged further already stays so.
  bool apply(const PeriodJudged& judged);

  [[nodiscard]] std::optional<RuleNumber> find(const Rule& rule) const;
  [[nodiscard]] const BookedRule& at(RuleNumber number) const { return rules_[number]; }
  [[nodiscard]] const std::vector<BookedRule>& rules() const { return rules_; }
  [[nodiscard]] std::size_t size() const { return rules_.size(); }

  /// The metrics with a rule that is not judged up to `end` yet, in the order of their ids.
  [[nodiscard]] std::vector<std::string> due(WallTime end) const;
  /// The rules of one metric that are not judged up to `end` yet.
  [[nodiscard]] std::vector<RuleNumber> due_rules(std::string_view id, WallTime end) const;

 private:
  std::vector<BookedRule> rules_;
  std::map<Rule, RuleNumber> numbers_;
  std::map<std::string, std::vector<RuleNumber>, std::less<>> by_metric_;
};

}  // namespace mas
