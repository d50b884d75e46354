#include "alerter/verdict.hpp"

#include "support/catch.hpp"

namespace mas {
namespace {

WallTime at(double seconds_since) {
  return wall_time(static_cast<std::int64_t>(seconds_since * 1e9));
}
std::vector<Sample> samples_at(const std::vector<std::pair<double, double>>& pairs) {
  std::vector<Sample> samples;
  for (const auto& [seconds_since, value] : pairs) samples.push_back({at(seconds_since), value});
  return samples;
}
/// Judges over [0, 60).
bool fires(Op op, nanoseconds window, double limit,
           const std::vector<std::pair<double, double>>& pairs) {
  Verdict verdict(op, window, limit, at(0), at(60));
  verdict.add(samples_at(pairs));
  verdict.finish();
  return verdict.fires();
}
BookedRule booked(const Rule& rule, double registered) {
  return {.rule = rule,
          .registered = at(registered),
          .judged_until = at(registered),
          .fired_until = std::nullopt};
}

}  // namespace

TEST_CASE("an alert fires when a window's value is strictly greater than the limit") {
  CHECK_FALSE(fires(Op::max, seconds{1}, 5, {{1, 5}}));
  CHECK(fires(Op::max, seconds{1}, 5, {{1, 5.0000001}}));
  CHECK_FALSE(fires(Op::min, seconds{10}, 5, {{1, 9}, {2, 5}}));
  CHECK(fires(Op::min, seconds{10}, 5, {{1, 9}, {2, 6}}));
  CHECK_FALSE(fires(Op::avg, seconds{10}, 5, {{1, 9}, {2, 1}}));
  CHECK(fires(Op::avg, seconds{10}, 5, {{1, 9}, {2, 1.5}}));
  CHECK_FALSE(fires(Op::count, seconds{10}, 2, {{1, 9}, {2, 9}}));
  CHECK(fires(Op::count, seconds{10}, 2, {{1, 9}, {2, 9}, {3, 9}}));
  CHECK(fires(Op::count, seconds{10}, -1, {{1, 0}}));
}

TEST_CASE("any window of the period may fire, not only the first or the last") {
  CHECK(fires(Op::avg, seconds{1}, 5, {{1, 1}, {10, 6}, {20, 1}}));
  CHECK(fires(Op::avg, seconds{1}, 5, {{1, 1}, {59.5, 6}}));
}

TEST_CASE("a period without samples fires nothing") {
  CHECK_FALSE(fires(Op::count, seconds{1}, -1, {}));
  CHECK_FALSE(fires(Op::min, seconds{0}, -1e308, {}));
}

TEST_CASE("MIN and AVG are judged over their whole window, not from a part of it") {
  CHECK_FALSE(fires(Op::min, seconds{60}, 5, {{1, 9}, {30, 9}, {59.9, 1}}));
  CHECK_FALSE(fires(Op::avg, seconds{60}, 5, {{1, 9}, {30, 9}, {59.9, -18}}));
}

TEST_CASE("with seconds 0 each sample is judged on its own") {
  CHECK(fires(Op::min, seconds{0}, 5, {{1, 1}, {1, 6}, {2, 1}}));
  CHECK_FALSE(fires(Op::count, seconds{0}, 1, {{1, 1}, {1, 1}}));
}

TEST_CASE("the period's start counts, its end does not") {
  CHECK(fires(Op::max, seconds{1}, 5, {{0, 6}}));
  CHECK_FALSE(fires(Op::max, seconds{1}, 5, {{-0.000000001, 6}}));
  CHECK(fires(Op::max, seconds{1}, 5, {{59.999999999, 6}}));
  CHECK_FALSE(fires(Op::max, seconds{1}, 5, {{60, 6}}));
}

TEST_CASE("one read judges all rules of a metric, each from where it stands") {
  RuleBook book;
  REQUIRE(book.apply(booked({"cpu", Op::max, seconds{1}, 5}, 0)));
  REQUIRE(book.apply(booked({"cpu", Op::max, seconds{1}, 7}, 30)));
  REQUIRE(book.apply(booked({"cpu", Op::count, seconds{60}, 3}, 10)));
  REQUIRE(book.apply(booked({"mem", Op::max, seconds{1}, 5}, 0)));
  REQUIRE(book.apply(booked({"cpu", Op::max, seconds{1}, 1}, 60)));

  MetricVerdict verdict(book, "cpu", at(60));
  CHECK(verdict.from() == at(0));
  CHECK(verdict.to() == at(60) - nanoseconds{1});
  verdict.add(samples_at({{5, 8}, {11, 1}}));
  verdict.add(samples_at({{31, 6}, {32, 2}}));
  CHECK(verdict.finish() == std::vector<RuleJudged>{{0, at(0), at(60), true},
                                                    {1, at(30), at(60), false},
                                                    {2, at(10), at(60), false}});
}

TEST_CASE("samples from before a rule was registered do not count for it") {
  RuleBook book;
  REQUIRE(book.apply(booked({"cpu", Op::max, seconds{1}, 5}, 30)));
  MetricVerdict verdict(book, "cpu", at(60));
  verdict.add(samples_at({{29.999999999, 100}}));
  CHECK_FALSE(verdict.finish().at(0).fires);

  MetricVerdict from_then_on(book, "cpu", at(60));
  from_then_on.add(samples_at({{30, 100}}));
  CHECK(from_then_on.finish().at(0).fires);
}

TEST_CASE("where nothing is due, nothing is judged") {
  RuleBook book;
  REQUIRE(book.apply(booked({"cpu", Op::max, seconds{1}, 5}, 30)));
  CHECK(MetricVerdict(book, "cpu", at(30)).empty());
  CHECK(MetricVerdict(book, "other", at(60)).empty());
  CHECK_FALSE(MetricVerdict(book, "cpu", at(31)).empty());
}

}  // namespace mas
