#include "alerter/period_check.hpp"

#include <algorithm>
#include <map>
#include <utility>

namespace mas {

std::vector<std::string> PeriodCheck::on_end(WallTime end, const RuleBook& book) {
  std::vector<std::string> to_read;
  if (end_ && end <= *end_) return to_read;
  end_ = end;
  for (auto& id : book.due(end)) {
    if (unread_.contains(id) || unmarked_.contains(id)) {
      again_.insert(std::move(id));
    } else {
      unread_.insert(id);
      to_read.push_back(std::move(id));
    }
  }
  return to_read;
}

void PeriodCheck::on_judged(const std::string& id, std::vector<RuleJudged> verdicts, MonoTime now) {
  if (unread_.erase(id) == 0) return;
  unmarked_.insert(id);
  if (verdicts_.empty()) oldest_ = now;
  verdicts_.insert(verdicts_.end(), verdicts.begin(), verdicts.end());
}

void PeriodCheck::on_unread(const std::string& id) {
  unread_.erase(id);
  again_.erase(id);
}

bool PeriodCheck::to_mark(MonoTime now) const {
  return !verdicts_.empty() && (unread_.empty() || now - oldest_ >= mark_wait_max);
}

std::vector<RuleJudged> PeriodCheck::take() {
  auto verdicts = std::exchange(verdicts_, {});
  std::sort(verdicts.begin(), verdicts.end(),
            [](const RuleJudged& a, const RuleJudged& b) { return a.number < b.number; });
  return verdicts;
}

std::vector<std::string> PeriodCheck::settled() {
  std::vector<std::string> to_read;
  for (const auto& id : unmarked_) {
    if (again_.erase(id) == 0) continue;
    unread_.insert(id);
    to_read.push_back(id);
  }
  unmarked_.clear();
  return to_read;
}

std::vector<PeriodJudged> marks_of(const std::vector<RuleJudged>& verdicts) {
  std::map<WallTime, PeriodJudged> by_end;
  for (const auto& verdict : verdicts) {
    auto& mark = by_end[verdict.until];
    mark.until = verdict.until;
    mark.judged.push_back(verdict.number);
    if (verdict.fires) mark.fired.push_back(verdict.number);
  }
  std::vector<PeriodJudged> marks;
  marks.reserve(by_end.size());
  for (auto& [end, mark] : by_end) marks.push_back(std::move(mark));
  return marks;
}

}  // namespace mas
