#include "gateway/stamp_source.hpp"

#include <random>

#include "support/catch.hpp"

namespace mas {

TEST_CASE("a stamp is the clock's reading while that moves on") {
  StampSource stamps;
  CHECK(stamps.next(wall_time(1000)) == wall_time(1000));
  CHECK(stamps.next(wall_time(1001)) == wall_time(1001));
  CHECK(stamps.next(wall_time(5000)) == wall_time(5000));
}

TEST_CASE("lines read at one reading of the clock get stamps a nanosecond apart") {
  StampSource stamps;
  CHECK(stamps.next(wall_time(1000)) == wall_time(1000));
  CHECK(stamps.next(wall_time(1000)) == wall_time(1001));
  CHECK(stamps.next(wall_time(1000)) == wall_time(1002));
  CHECK(stamps.next(wall_time(1001)) == wall_time(1003));
  CHECK(stamps.next(wall_time(1004)) == wall_time(1004));
}

TEST_CASE("stamps go on when the clock is set back, and follow it once it has caught up") {
  StampSource stamps;
  CHECK(stamps.next(wall_time(1'000'000)) == wall_time(1'000'000));
  CHECK(stamps.next(wall_time(10)) == wall_time(1'000'001));
  CHECK(stamps.next(wall_time(999'999)) == wall_time(1'000'002));
  CHECK(stamps.next(wall_time(1'000'010)) == wall_time(1'000'010));
}

TEST_CASE("stamps strictly increase whatever the clock does") {
  StampSource stamps;
  std::mt19937_64 random(7);
  WallTime last = stamps.next(wall_time(0));
  bool increasing = true;
  for (int i = 0; i < 100'000; ++i) {
    const WallTime stamp = stamps.next(wall_time(static_cast<std::int64_t>(random() % 1'000'000)));
    increasing = increasing && stamp > last;
    last = stamp;
  }
  CHECK(increasing);
}

}  // namespace mas
