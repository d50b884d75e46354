#include "aggregate/window.hpp"

#include <algorithm>
#include <limits>
#include <random>
#include <vector>

#include "support/catch.hpp"

namespace mas {
namespace {

constexpr std::int64_t most = std::numeric_limits<std::int64_t>::max();
constexpr std::int64_t least = std::numeric_limits<std::int64_t>::min();

/// Start and count of a window.
using Shape = std::pair<std::int64_t, std::uint64_t>;
using Shapes = std::vector<Shape>;

Shapes cut(std::int64_t length, const std::vector<std::int64_t>& stamps) {
  Windows windows{nanoseconds{length}};
  Shapes shapes;
  const auto note = [&](const std::optional<Window>& closed) {
    if (closed) shapes.emplace_back(to_int(closed->start), closed->aggregate.count());
  };
  for (const std::int64_t stamp : stamps) note(windows.add({wall_time(stamp), 1.0}));
  note(windows.finish());
  CHECK_FALSE(windows.finish());
  return shapes;
}

/// The rule as it is written, in wider arithmetic.
Shapes cut_by_the_book(std::int64_t length, const std::vector<std::int64_t>& stamps) {
  Shapes shapes;
  for (const std::int64_t stamp : stamps) {
    const auto end = shapes.empty() ? 0.0L
                                    : static_cast<long double>(shapes.back().first) +
                                          static_cast<long double>(length);
    if (shapes.empty() || static_cast<long double>(stamp) >= end) shapes.emplace_back(stamp, 0);
    ++shapes.back().second;
  }
  return shapes;
}

}  // namespace

TEST_CASE("a window opens at the first sample that no earlier window holds") {
  CHECK(cut(10, {5, 6, 14, 15, 30, 39, 40}) == Shapes{{5, 3}, {15, 1}, {30, 2}, {40, 1}});
}

TEST_CASE("a window takes samples younger than its length, not those as old") {
  CHECK(cut(10, {0, 9}) == Shapes{{0, 2}});
  CHECK(cut(10, {0, 10}) == Shapes{{0, 1}, {10, 1}});
  CHECK(cut(1, {0, 0, 1, 1}) == Shapes{{0, 2}, {1, 2}});
}

TEST_CASE("a window without samples does not exist") {
  CHECK(cut(10, {0, 1'000'000}) == Shapes{{0, 1}, {1'000'000, 1}});
  CHECK(cut(10, {}).empty());
}

TEST_CASE("the last window counts even when it is not full yet") {
  CHECK(cut(1'000'000'000, {7}) == Shapes{{7, 1}});
}

TEST_CASE("without a length each sample is a window, equal stamps too") {
  CHECK(cut(0, {1, 1, 2, 3, 3}) == Shapes{{1, 1}, {1, 1}, {2, 1}, {3, 1}, {3, 1}});
}

TEST_CASE("equal stamps share a window that has a length") {
  CHECK(cut(1, {1, 1, 1}) == Shapes{{1, 3}});
}

TEST_CASE("windows do not overflow at the ends of time") {
  CHECK(cut(10, {most - 5, most}) == Shapes{{most - 5, 2}});
  CHECK(cut(5, {most - 5, most}) == Shapes{{most - 5, 1}, {most, 1}});
  CHECK(cut(10, {least, least + 9, least + 10}) == Shapes{{least, 2}, {least + 10, 1}});
  CHECK(cut(10, {least, most}) == Shapes{{least, 1}, {most, 1}});
  CHECK(cut(most - 1, {least, -3, -2, 0, most}) == Shapes{{least, 2}, {-2, 2}, {most, 1}});
  CHECK(cut(0, {least, least, most, most}) == Shapes{{least, 1}, {least, 1}, {most, 1}, {most, 1}});
}

TEST_CASE("the longest window has no end") {
  CHECK(cut(most, {0, most}) == Shapes{{0, 2}});
  CHECK(cut(most, {-1, most}) == Shapes{{-1, 2}});
  CHECK(cut(most, {least, 0, most - 1}) == Shapes{{least, 3}});
}

TEST_CASE("a window's aggregate is that of its samples") {
  Windows windows{nanoseconds{10}};
  CHECK_FALSE(windows.open());
  CHECK_FALSE(windows.add({wall_time(0), 1.0}));
  CHECK_FALSE(windows.add({wall_time(5), 4.0}));
  REQUIRE(windows.open());
  CHECK(windows.open()->aggregate.result(Op::max) == 4.0);
  const auto closed = windows.add({wall_time(12), -7.0});
  REQUIRE(closed);
  CHECK(closed->start == wall_time(0));
  CHECK(closed->aggregate.result(Op::avg) == 2.5);
  CHECK(closed->aggregate.result(Op::count) == 2.0);
  const auto last = windows.finish();
  REQUIRE(last);
  CHECK(last->start == wall_time(12));
  CHECK(last->aggregate.result(Op::min) == -7.0);
}

TEST_CASE("samples are taken as a whole only where they all belong to one window") {
  Windows windows{nanoseconds{10}};
  CHECK(windows.takes_whole(wall_time(0), wall_time(9)));
  CHECK_FALSE(windows.takes_whole(wall_time(0), wall_time(10)));
  windows.add({wall_time(0), 1.0});
  CHECK(windows.takes_whole(wall_time(3), wall_time(9)));
  CHECK_FALSE(windows.takes_whole(wall_time(3), wall_time(10)));
  CHECK(windows.takes_whole(wall_time(10), wall_time(19)));
  CHECK_FALSE(windows.takes_whole(wall_time(10), wall_time(20)));
  CHECK_FALSE(Windows{nanoseconds{0}}.takes_whole(wall_time(0), wall_time(0)));
  CHECK(Windows{nanoseconds::max()}.takes_whole(WallTime::min(), wall_time(most - 1)));
}

TEST_CASE("windows are the same by the rule, one by one, and with whole blocks where they fit") {
  std::mt19937_64 random(5);
  for (int round = 0; round < 3000; ++round) {
    const auto length = static_cast<std::int64_t>(random() % 40);
    const std::uint64_t step = 1 + random() % 20;
    std::vector<std::int64_t> stamps;
    std::int64_t stamp = 0;
    for (auto count = random() % 60; count > 0; --count)
      stamps.push_back(stamp += static_cast<std::int64_t>(random() % step));
    Shapes expected = length == 0 ? Shapes{} : cut_by_the_book(length, stamps);
    if (length == 0)
      for (const std::int64_t each : stamps) expected.emplace_back(each, 1);

    const Shapes one_by_one = cut(length, stamps);

    Windows windows{nanoseconds{length}};
    Shapes by_block;
    const auto note = [&](const std::optional<Window>& closed) {
      if (closed) by_block.emplace_back(to_int(closed->start), closed->aggregate.count());
    };
    for (std::size_t at = 0; at < stamps.size();) {
      const std::size_t size = std::min<std::size_t>(1 + random() % 5, stamps.size() - at);
      const WallTime first = wall_time(stamps[at]);
      if (windows.takes_whole(first, wall_time(stamps[at + size - 1]))) {
        Aggregate block;
        for (std::size_t i = 0; i < size; ++i) block.add(1.0);
        note(windows.add_whole(first, block));
      } else {
        for (std::size_t i = 0; i < size; ++i) note(windows.add({wall_time(stamps[at + i]), 1.0}));
      }
      at += size;
    }
    note(windows.finish());
    if (one_by_one != expected || by_block != expected) {
      CAPTURE(length, round);
      REQUIRE(one_by_one == expected);
      REQUIRE(by_block == expected);
    }
  }
}

}  // namespace mas
