#include "alerter/period_check.hpp"

#include "support/catch.hpp"

namespace mas {
namespace {

using Ids = std::vector<std::string>;
constexpr MonoTime start{};

WallTime end_of(int period) { return wall_time(period * 60'000'000'000LL); }

/// A book of one rule a metric, registered at the epoch.
struct World {
  explicit World(const Ids& ids) {
    for (const auto& id : ids) {
      REQUIRE(book.apply(BookedRule{.rule = {id, Op::max, seconds{1}, 5},
                                    .registered = wall_time(0),
                                    .judged_until = wall_time(0),
                                    .fired_until = std::nullopt}));
    }
  }
  void judge(const std::string& id, int period, MonoTime now = start, bool fires = false) {
    std::vector<RuleJudged> verdicts;
    for (const auto number : book.due_rules(id, end_of(period))) {
      verdicts.push_back({number, book.at(number).judged_until, end_of(period), fires});
    }
    check.on_judged(id, std::move(verdicts), now);
  }
  /// Takes the verdicts and marks them in the book.
  std::vector<RuleJudged> mark() {
    auto verdicts = check.take();
    for (const auto& mark : marks_of(verdicts)) REQUIRE(book.apply(mark));
    return verdicts;
  }

  RuleBook book;
  PeriodCheck check;
};

}  // namespace

TEST_CASE("at the end of a period each metric with a due rule is read once") {
  World world({"a", "b"});
  CHECK(world.check.on_end(end_of(1), world.book) == Ids{"a", "b"});
  CHECK(world.check.on_end(end_of(1), world.book).empty());
  CHECK_FALSE(world.check.to_mark(start));
  world.judge("a", 1);
  CHECK_FALSE(world.check.to_mark(start));
  world.judge("b", 1);
  CHECK(world.check.to_mark(start));
  CHECK(world.mark().size() == 2);
  CHECK(world.check.settled().empty());
  CHECK(world.check.on_end(end_of(1), world.book).empty());
  CHECK(world.check.on_end(end_of(2), world.book) == Ids{"a", "b"});
}

TEST_CASE("a metric that cannot be read does not hold up the others") {
  World world({"a", "b"});
  CHECK(world.check.on_end(end_of(1), world.book).size() == 2);
  world.judge("a", 1);
  CHECK_FALSE(world.check.to_mark(start + mark_wait_max - nanoseconds{1}));
  CHECK(world.check.to_mark(start + mark_wait_max));
  CHECK(world.mark().size() == 1);
  CHECK(world.check.settled().empty());
}

TEST_CASE("a metric that could not be read is judged for both periods, as one, at the next end") {
  World world({"a"});
  CHECK(world.check.on_end(end_of(1), world.book) == Ids{"a"});
  world.check.on_unread("a");
  CHECK_FALSE(world.check.to_mark(start));
  CHECK(world.check.on_end(end_of(1), world.book).empty());
  CHECK(world.check.on_end(end_of(2), world.book) == Ids{"a"});
  MetricVerdict verdict(world.book, "a", end_of(2));
  CHECK(verdict.from() == wall_time(0));
  world.judge("a", 2);
  const auto verdicts = world.mark();
  REQUIRE(verdicts.size() == 1);
  CHECK(verdicts[0].from == wall_time(0));
  CHECK(verdicts[0].until == end_of(2));
}

TEST_CASE("no period is judged twice, also when the next one ends while it is in hand") {
  World world({"a"});
  CHECK(world.check.on_end(end_of(1), world.book) == Ids{"a"});

  SECTION("while it is read") {
    CHECK(world.check.on_end(end_of(2), world.book).empty());
    world.judge("a", 1);
  }
  SECTION("while its mark is not written yet") {
    world.judge("a", 1);
    CHECK(world.check.on_end(end_of(2), world.book).empty());
  }
  CHECK(world.mark().size() == 1);
  CHECK(world.check.settled() == Ids{"a"});
  MetricVerdict verdict(world.book, "a", end_of(2));
  CHECK(verdict.from() == end_of(1));
  world.judge("a", 2);
  CHECK(world.mark().size() == 1);
  CHECK(world.check.settled().empty());
}

TEST_CASE("verdicts whose mark could not be written are judged again with the next period") {
  World world({"a"});
  CHECK(world.check.on_end(end_of(1), world.book) == Ids{"a"});
  world.judge("a", 1, start, true);
  CHECK(world.check.take().size() == 1);  // and the disk is full
  CHECK(world.check.settled().empty());
  CHECK_FALSE(world.check.to_mark(start + seconds{1}));
  CHECK(world.check.on_end(end_of(2), world.book) == Ids{"a"});
  world.judge("a", 2, start, true);
  const auto verdicts = world.mark();
  REQUIRE(verdicts.size() == 1);
  CHECK(verdicts[0].from == wall_time(0));
}

TEST_CASE("after a restart all since the last mark is one period") {
  World before({"a"});
  CHECK(before.check.on_end(end_of(1), before.book) == Ids{"a"});
  before.judge("a", 1);
  static_cast<void>(before.mark());

  PeriodCheck after;
  CHECK(after.on_end(end_of(10), before.book) == Ids{"a"});
  MetricVerdict verdict(before.book, "a", end_of(10));
  CHECK(verdict.from() == end_of(1));
  CHECK(verdict.to() == end_of(10) - nanoseconds{1});
}

TEST_CASE("verdicts of several periods make a mark each, by rule") {
  const std::vector<RuleJudged> verdicts{{0, end_of(0), end_of(2), true},
                                         {1, end_of(0), end_of(1), false},
                                         {3, end_of(0), end_of(2), false}};
  CHECK(marks_of(verdicts) ==
        std::vector<PeriodJudged>{{end_of(1), {1}, {}}, {end_of(2), {0, 3}, {0}}});
}

}  // namespace mas
