#include "alerter/rule_book.hpp"

#include <algorithm>
#include <functional>

namespace mas {
namespace {

bool ascending(const std::vector<RuleNumber>& numbers) {
  return std::adjacent_find(numbers.begin(), numbers.end(), std::greater_equal<>()) ==
         numbers.end();
}

}  // namespace

bool RuleBook::apply(BookedRule added) {
  if (numbers_.contains(added.rule)) return true;
  if (rules_.size() >= rules_per_shard_max) return false;
  const auto number = static_cast<RuleNumber>(rules_.size());
  numbers_.emplace(added.rule, number);
  by_metric_[added.rule.id].push_back(number);
  rules_.push_back(std::move(added));
  return true;
}

bool RuleBook::apply(const PeriodJudged& judged) {
  if (!ascending(judged.judged) || !ascending(judged.fired)) return false;
  if (!judged.judged.empty() && judged.judged.back() >= rules_.size()) return false;
  if (!std::includes(judged.judged.begin(), judged.judged.end(), judged.fired.begin(),
                     judged.fired.end())) {
    return false;
  }
  for (const auto number : judged.judged) {
    auto& rule = rules_[number];
    rule.judged_until = std::max(rule.judged_until, judged.until);
  }
  for (const auto number : judged.fired) {
    auto& fired = rules_[number].fired_until;
    fired = fired ? std::max(*fired, judged.until) : judged.until;
  }
  return true;
}

std::optional<RuleNumber> RuleBook::find(const Rule& rule) const {
  const auto found = numbers_.find(rule);
  if (found == numbers_.end()) return std::nullopt;
  return found->second;
}

std::vector<std::string> RuleBook::due(WallTime end) const {
  std::vector<std::string> ids;
  for (const auto& [id, numbers] : by_metric_) {
    const bool any = std::any_of(numbers.begin(), numbers.end(), [&](RuleNumber number) {
      return rules_[number].judged_until < end;
    });
    if (any) ids.push_back(id);
  }
  return ids;
}

std::vector<RuleNumber> RuleBook::due_rules(std::string_view id, WallTime end) const {
  std::vector<RuleNumber> due;
  const auto found = by_metric_.find(id);
  if (found == by_metric_.end()) return due;
  for (const auto number : found->second) {
    if (rules_[number].judged_until < end) due.push_back(number);
  }
  return due;
}

}  // namespace mas
