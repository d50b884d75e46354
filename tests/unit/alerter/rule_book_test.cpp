#include "alerter/rule_book.hpp"

#include "support/catch.hpp"

namespace mas {
namespace {

BookedRule booked(const std::string& id, double limit, std::int64_t registered = 0) {
  return {.rule = {id, Op::max, seconds{1}, limit},
          .registered = wall_time(registered),
          .judged_until = wall_time(registered),
          .fired_until = std::nullopt};
}
using Ids = std::vector<std::string>;

}  // namespace

TEST_CASE("the same rule twice is one rule, and stays where it stood") {
  RuleBook book;
  REQUIRE(book.apply(booked("cpu", 5, 10)));
  REQUIRE(book.apply(PeriodJudged{wall_time(60), {0}, {0}}));
  REQUIRE(book.apply(booked("cpu", 5.0, 70)));
  REQUIRE(book.apply(booked("zero", 0.0)));
  REQUIRE(book.apply(booked("zero", -0.0)));
  CHECK(book.size() == 2);
  CHECK(book.at(0).registered == wall_time(10));
  CHECK(book.at(0).judged_until == wall_time(60));
  CHECK(book.find(Rule{"cpu", Op::max, seconds{1}, 5}) == 0U);
  CHECK_FALSE(book.find(Rule{"cpu", Op::max, seconds{1}, 6}));
}

TEST_CASE("a rule is due until its period is judged, and no longer") {
  RuleBook book;
  REQUIRE(book.apply(booked("b", 1, 10)));
  REQUIRE(book.apply(booked("a", 1, 70)));
  REQUIRE(book.apply(booked("b", 2, 20)));
  CHECK(book.due(wall_time(10)).empty());
  CHECK(book.due(wall_time(60)) == Ids{"b"});
  CHECK(book.due(wall_time(120)) == Ids{"a", "b"});
  CHECK(book.due_rules("b", wall_time(60)) == std::vector<RuleNumber>{0, 2});
  REQUIRE(book.apply(PeriodJudged{wall_time(60), {0}, {}}));
  CHECK(book.due_rules("b", wall_time(60)) == std::vector<RuleNumber>{2});
  CHECK(book.due(wall_time(60)) == Ids{"b"});
  REQUIRE(book.apply(PeriodJudged{wall_time(60), {2}, {2}}));
  CHECK(book.due(wall_time(60)).empty());
  CHECK(book.at(2).fired_until == wall_time(60));
  CHECK_FALSE(book.at(0).fired_until);
}

TEST_CASE("a mark never takes a rule back") {
  RuleBook book;
  REQUIRE(book.apply(booked("a", 1)));
  REQUIRE(book.apply(PeriodJudged{wall_time(120), {0}, {0}}));
  REQUIRE(book.apply(PeriodJudged{wall_time(60), {0}, {0}}));
  CHECK(book.at(0).judged_until == wall_time(120));
  CHECK(book.at(0).fired_until == wall_time(120));
}

TEST_CASE("a mark that does not fit the book changes nothing") {
  RuleBook book;
  REQUIRE(book.apply(booked("a", 1)));
  REQUIRE(book.apply(booked("b", 1)));
  const auto before = book.rules();
  CHECK_FALSE(book.apply(PeriodJudged{wall_time(60), {0, 2}, {}}));
  CHECK_FALSE(book.apply(PeriodJudged{wall_time(60), {1, 0}, {}}));
  CHECK_FALSE(book.apply(PeriodJudged{wall_time(60), {0, 0}, {}}));
  CHECK_FALSE(book.apply(PeriodJudged{wall_time(60), {0}, {1}}));
  CHECK(book.rules() == before);
}

TEST_CASE("a full book takes no more rules, but knows those it has") {
  RuleBook book;
  for (std::size_t at = 0; at < rules_per_shard_max; ++at) {
    REQUIRE(book.apply(booked("m", static_cast<double>(at))));
  }
  CHECK_FALSE(book.apply(booked("m", -1)));
  CHECK(book.apply(booked("m", 7)));
  CHECK(book.size() == rules_per_shard_max);
}

}  // namespace mas
