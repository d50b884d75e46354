#include "alerter/schedule.hpp"

#include "support/catch.hpp"

namespace mas {
namespace {

WallTime at(double seconds_since) {
  return wall_time(static_cast<std::int64_t>(seconds_since * 1e9));
}

}  // namespace

TEST_CASE("periods end at multiples of their length, and are judged a lag after their end") {
  const Schedule schedule(seconds{60}, seconds{2});
  CHECK(schedule.due(at(120)) == at(60));
  CHECK(schedule.due(at(121.999)) == at(60));
  CHECK(schedule.due(at(122)) == at(120));
  CHECK(schedule.due(at(181.9)) == at(120));
  CHECK(schedule.judged_at(at(120)) == at(122));
}

TEST_CASE("the ends do not depend on when anything started") {
  const Schedule schedule(seconds{60}, seconds{2});
  const auto end = schedule.due(wall_time(1'650'931'207'123'456'789));
  CHECK(to_int(end) % 60'000'000'000 == 0);
  for (std::int64_t hop = 0; hop < 1000; ++hop) {
    const auto now = end + seconds{2} + nanoseconds{hop * 59'999'999};
    CHECK(schedule.due(now) == end);
  }
}

TEST_CASE("ends before 1970 are multiples too") {
  const Schedule schedule(seconds{60}, seconds{0});
  CHECK(schedule.due(at(-1)) == at(-60));
  CHECK(schedule.due(at(-60)) == at(-60));
  CHECK(schedule.due(at(0)) == at(0));
}

TEST_CASE("a clock that steps back makes nothing due that was not") {
  const Schedule schedule(seconds{1}, seconds{2});
  CHECK(schedule.due(at(100)) < schedule.due(at(101)));
  CHECK(schedule.due(at(50)) < schedule.due(at(100)));
}

}  // namespace mas
