#include "alerter/verdict.hpp"

#include <algorithm>

namespace mas {

Verdict::Verdict(Op op, nanoseconds window, double limit, WallTime from, WallTime to)
    : op_(op), limit_(limit), from_(from), to_(to), windows_(window) {}

void Verdict::add(std::span<const Sample> samples) {
  for (const auto& sample : samples) {
    if (fires_) return;
    if (sample.stamp < from_ || sample.stamp >= to_) continue;
    if (const auto closed = windows_.add(sample)) judge(*closed);
  }
}

void Verdict::finish() {
  if (const auto closed = windows_.finish()) judge(*closed);
}

void Verdict::judge(const Window& window) {
  if (window.aggregate.result(op_) > limit_) fires_ = true;
}

MetricVerdict::MetricVerdict(const RuleBook& book, std::string_view id, WallTime end)
    : from_(end), end_(end) {
  for (const auto number : book.due_rules(id, end)) {
    const auto& booked = book.at(number);
    const auto& rule = booked.rule;
    from_ = std::min(from_, booked.judged_until);
    rules_.push_back({number, booked.judged_until,
                      Verdict(rule.op, rule.window, rule.limit, booked.judged_until, end)});
  }
}

void MetricVerdict::add(std::span<const Sample> samples) {
  for (auto& judging : rules_) judging.verdict.add(samples);
}

std::vector<RuleJudged> MetricVerdict::finish() {
  std::vector<RuleJudged> judged;
  judged.reserve(rules_.size());
  for (auto& [number, from, verdict] : rules_) {
    verdict.finish();
    judged.push_back({number, from, end_, verdict.fires()});
  }
  return judged;
}

}  // namespace mas
