#include "alerter/rule.hpp"

#include "support/catch.hpp"

namespace mas {

TEST_CASE("rules are one when id, operation, seconds and limit are equal as numbers") {
  const Rule rule{"cpu", Op::max, seconds{1}, 5.0};
  CHECK(rule == Rule{"cpu", Op::max, seconds{1}, 5});
  CHECK_FALSE(rule == Rule{"cpu2", Op::max, seconds{1}, 5});
  CHECK_FALSE(rule == Rule{"cpu", Op::min, seconds{1}, 5});
  CHECK_FALSE(rule == Rule{"cpu", Op::max, seconds{2}, 5});
  CHECK_FALSE(rule == Rule{"cpu", Op::max, seconds{1}, 5.5});
  CHECK(Rule{"cpu", Op::max, seconds{1}, 0.0} == Rule{"cpu", Op::max, seconds{1}, -0.0});
}

TEST_CASE("equal rules have one name, others another, and it is the same in every version") {
  const Rule rule{"cpu", Op::max, seconds{1}, 5.0};
  // As xxhsum -H128 has it of the 20 bytes op, window, limit and id.
  CHECK(rule_name(rule) == "4c667fb837d088cbd07d0ff0824cf8de");
  CHECK(rule_name({"cpu", Op::max, seconds{1}, 0.0}) ==
        rule_name({"cpu", Op::max, seconds{1}, -0.0}));
  CHECK(rule_name({"cpu", Op::max, seconds{1}, 6}) != rule_name(rule));
  CHECK(rule_name({"cpu", Op::min, seconds{1}, 5}) != rule_name(rule));
  CHECK(rule_name({"cpu", Op::max, seconds{2}, 5}) != rule_name(rule));
  CHECK(rule_name({"cpv", Op::max, seconds{1}, 5}) != rule_name(rule));
}

TEST_CASE("an event is named by its rule and the end of its period") {
  const Rule rule{std::string(200, 'x'), Op::max, seconds{1}, 5.0};
  CHECK(event_name(rule, wall_time(60)) == rule_name(rule) + "@60");
  CHECK(event_name(rule, WallTime::min()).size() <= 64);
}

TEST_CASE("a fired alert is one line with the limit as numbers are in replies") {
  CHECK(alert_text({"cpu", Op::avg, seconds{1}, 5}) == "ALERT cpu: AVG is over 5.0");
  CHECK(alert_text({"a/b", Op::max, seconds{1}, 1e16}) == "ALERT a/b: MAX is over 1e+16");
  CHECK(alert_text({"m", Op::min, seconds{1}, -2.5}) == "ALERT m: MIN is over -2.5");
  CHECK(alert_text({"m", Op::count, seconds{1}, 3}) == "ALERT m: COUNT is over 3.0");
}

}  // namespace mas
