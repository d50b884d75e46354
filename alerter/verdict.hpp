#pragma once

#include <span>
#include <vector>

#include "aggregate/sample.hpp"
#include "aggregate/window.hpp"
#include "alerter/rule_book.hpp"

namespace mas {

/// Judges one rule over one period: whether any window's value is strictly greater than the limit.
/// Windows open at the first sample of the period, as in `QUERY id op secs <start> <end>`, end
/// excluded, so a window never spans two periods. No I/O. Thread-safety: one owner.
class Verdict {
 public:
  /// The period is [from, to); samples outside it do not count.
  Verdict(Op op, nanoseconds window, double limit, WallTime from, WallTime to);

  /// Takes the next samples, in stamp order.
  void add(std::span<const Sample> samples);
  /// There are no more: closes the last window, full or not, since the period is over.
  void finish();
  /// Whether a window that is over is over the limit.
  [[nodiscard]] bool fires() const { return fires_; }

 private:
  void judge(const Window& window);

  Op op_;
  double limit_;
  WallTime from_;
  WallTime to_;
  Windows windows_;
  bool fires_ = false;
};

/// What came of one rule for one period, [from, until).
struct RuleJudged {
  RuleNumber number = 0;
  WallTime from;
  WallTime until;
  bool fires = false;

  friend bool operator==(const RuleJudged&, const RuleJudged&) = default;
};

/// Judges all due rules of one metric by one read of its samples. No I/O. Thread-safety: one owner.
class MetricVerdict {
 public:
  /// The rules of `id` that are not judged up to `end` yet, each from where it is judged until.
  MetricVerdict(const RuleBook& book, std::string_view id, WallTime end);

  [[nodiscard]] bool empty() const { return rules_.empty(); }
  /// The samples to be read: stamped from from() to to(), both included.
  [[nodiscard]] WallTime from() const { return from_; }
  [[nodiscard]] WallTime to() const { return end_ - nanoseconds{1}; }

  /// Takes the next samples, in stamp order.
  void add(std::span<const Sample> samples);
  /// There are no more: what came of each rule, by number.
  [[nodiscard]] std::vector<RuleJudged> finish();

 private:
  struct Judging {
    RuleNumber number = 0;
    WallTime from;
    Verdict verdict;
  };
  WallTime from_;
  WallTime end_;
  std::vector<Judging> rules_;
};

}  // namespace mas
