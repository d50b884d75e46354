#include "aggregate/aggregate.hpp"

#include <algorithm>
#include <bit>
#include <cmath>
#include <functional>
#include <random>
#include <vector>

#include "support/catch.hpp"
#include "support/exact_sum.hpp"

namespace mas {
namespace {

constexpr double double_max = std::numeric_limits<double>::max();
constexpr double denormal_min = std::numeric_limits<double>::denorm_min();

bool same_bits(double a, double b) {
  return std::bit_cast<std::uint64_t>(a) == std::bit_cast<std::uint64_t>(b);
}
Aggregate aggregate_of(const std::vector<double>& values) {
  Aggregate aggregate;
  for (const double value : values) aggregate.add(value);
  return aggregate;
}
double mean_of(const std::vector<double>& values) { return aggregate_of(values).result(Op::avg); }

/// The same values aggregated one by one, in two halves, in many small blocks, and as a tree.
std::vector<Aggregate> ways_to_aggregate(const std::vector<double>& values) {
  const auto range = [&](std::size_t from, std::size_t to) {
    Aggregate aggregate;
    for (std::size_t i = from; i < to; ++i) aggregate.add(values[i]);
    return aggregate;
  };
  std::vector<Aggregate> ways{range(0, values.size())};
  ways.push_back(range(0, values.size() / 2));
  ways.back().merge(range(values.size() / 2, values.size()));
  Aggregate blocks;
  for (std::size_t i = 0; i < values.size(); i += 7)
    blocks.merge(range(i, std::min(i + 7, values.size())));
  ways.push_back(blocks);
  const std::function<Aggregate(std::size_t, std::size_t)> tree = [&](std::size_t from,
                                                                      std::size_t to) {
    if (to - from <= 1) return range(from, to);
    Aggregate aggregate = tree(from, from + (to - from) / 2);
    aggregate.merge(tree(from + (to - from) / 2, to));
    return aggregate;
  };
  ways.push_back(tree(0, values.size()));
  return ways;
}

void check_mean(const std::vector<double>& values) {
  ExactSum exact;
  for (const double value : values) exact.add(value);
  const auto [least, most] = std::minmax_element(values.begin(), values.end());
  for (const Aggregate& aggregate : ways_to_aggregate(values)) {
    const double mean = aggregate.result(Op::avg);
    const bool right = std::isfinite(mean) && exact.mean_may_be(mean) && mean >= *least &&
                       mean <= *most && aggregate.count() == values.size();
    if (!right) {
      CAPTURE(values.size(), mean, *least, *most);
      REQUIRE(right);
    }
  }
}

}  // namespace

TEST_CASE("operations are named AVG, MAX, MIN and COUNT, upper case only") {
  for (const Op op : {Op::avg, Op::max, Op::min, Op::count}) {
    CHECK(parse_op(op_name(op)) == op);
    CHECK(op_from_number(static_cast<std::uint8_t>(op)) == op);
  }
  CHECK(op_name(Op::avg) == "AVG");
  CHECK(op_name(Op::max) == "MAX");
  CHECK(op_name(Op::min) == "MIN");
  CHECK(op_name(Op::count) == "COUNT");
  for (const char* const name : {"", "avg", "Avg", "AVG ", "AVGX", "AV", "SUM", "count", "MEAN"})
    CHECK_FALSE(parse_op(name));
  CHECK_FALSE(op_from_number(4));
  CHECK_FALSE(op_from_number(255));
}

TEST_CASE("count, minimum, maximum and mean of a few values") {
  const Aggregate aggregate = aggregate_of({3.0, -1.5, 4.0});
  CHECK(aggregate.result(Op::count) == 3.0);
  CHECK(aggregate.count() == 3);
  CHECK(aggregate.result(Op::min) == -1.5);
  CHECK(aggregate.result(Op::max) == 4.0);
  CHECK(aggregate.result(Op::avg) == 5.5 / 3.0);
  CHECK(Aggregate{}.empty());
  CHECK(Aggregate{}.result(Op::count) == 0.0);
  CHECK_FALSE(aggregate.empty());
}

TEST_CASE("MIN and MAX keep the sign of zero, whatever the order") {
  CHECK(same_bits(aggregate_of({0.0, -0.0}).result(Op::min), -0.0));
  CHECK(same_bits(aggregate_of({-0.0, 0.0}).result(Op::min), -0.0));
  CHECK(same_bits(aggregate_of({0.0, -0.0}).result(Op::max), 0.0));
  CHECK(same_bits(aggregate_of({-0.0, 0.0}).result(Op::max), 0.0));
  CHECK(same_bits(aggregate_of({-0.0, -0.0, -1.0}).result(Op::max), -0.0));
  CHECK(same_bits(aggregate_of({-0.0, 1.0}).result(Op::min), -0.0));
  Aggregate merged = aggregate_of({0.0});
  merged.merge(aggregate_of({-0.0}));
  CHECK(same_bits(merged.result(Op::min), -0.0));
  CHECK(same_bits(merged.result(Op::max), 0.0));
}

TEST_CASE("AVG of only -0.0 is -0.0, with any 0.0 it is 0.0") {
  CHECK(same_bits(mean_of({-0.0}), -0.0));
  CHECK(same_bits(mean_of({-0.0, -0.0, -0.0}), -0.0));
  CHECK(same_bits(mean_of({-0.0, 0.0}), 0.0));
  CHECK(same_bits(mean_of({0.0, -0.0}), 0.0));
  CHECK(same_bits(mean_of({1.0, -1.0}), 0.0));
  CHECK(same_bits(mean_of({-1.0, 1.0}), 0.0));
  Aggregate merged = aggregate_of({-0.0});
  merged.merge(aggregate_of({-0.0, -0.0}));
  CHECK(same_bits(merged.result(Op::avg), -0.0));
}

TEST_CASE("AVG of one value, however often, is that value") {
  for (const double value : {0.1, -2.5, double_max, -double_max, denormal_min, 1e300, 1.0 / 3.0})
    for (const std::size_t count : {1U, 2U, 3U, 10U, 1000U})
      CHECK(same_bits(mean_of(std::vector<double>(count, value)), value));
}

TEST_CASE("AVG does not lose small values beside large ones that cancel") {
  CHECK(mean_of({1e16, 1.0, -1e16}) == 1.0 / 3.0);
  CHECK(mean_of({1.0, 1e100, 1.0, -1e100}) == 0.5);
  CHECK(mean_of({double_max, 1.0, -double_max}) == 1.0 / 3.0);
  CHECK(mean_of({0.1, 0.1, 0.1, 0.1, 0.1, 0.1, 0.1, 0.1, 0.1, 0.2}) == 0.11);
}

TEST_CASE("AVG stays finite near the largest double") {
  CHECK(mean_of({double_max, double_max}) == double_max);
  CHECK(mean_of({double_max, -double_max}) == 0.0);
  CHECK(mean_of({double_max, double_max, 0.0}) == double_max / 3.0 * 2.0);
  CHECK(mean_of({-double_max, -double_max, -double_max, double_max}) == -double_max / 2.0);
  CHECK(mean_of({0x1p1000, 0x1p1000, 0.0, 0.0}) == 0x1p999);
  std::vector<double> values(5000, double_max);
  values.push_back(std::nextafter(double_max, 0.0));
  check_mean(values);
}

TEST_CASE("AVG of the smallest doubles is exact to the last place") {
  CHECK(mean_of({denormal_min, 3 * denormal_min}) == 2 * denormal_min);
  check_mean({denormal_min, 0.0});
  check_mean({denormal_min, -denormal_min, denormal_min});
  check_mean({denormal_min, 0.0, 0.0, 5 * denormal_min, std::numeric_limits<double>::min()});
}

TEST_CASE("AVG is within one last place of the mean of the absolute values of the exact mean") {
  std::mt19937_64 random(4);
  const auto uniform = [&](double low, double high) {
    return std::uniform_real_distribution<double>(low, high)(random);
  };
  const auto sign = [&] { return random() % 2 == 0 ? 1.0 : -1.0; };
  const auto any_bits = [&] {
    while (true) {
      const auto value = std::bit_cast<double>(random());
      if (std::isfinite(value)) return value;
    }
  };
  const std::vector<std::pair<const char*, std::function<double()>>> kinds = {
      {"between 0 and 1", [&] { return uniform(0, 1); }},
      {"around zero", [&] { return uniform(-1, 1); }},
      {"decimals", [&] { return std::round(uniform(0, 10'000)) / 100; }},
      {"far from zero", [&] { return 1e9 + uniform(0, 1); }},
      {"all magnitudes", any_bits},
      {"many magnitudes", [&] { return std::ldexp(uniform(-1, 1), int(random() % 120) - 60); }},
      {"near the largest", [&] { return sign() * double_max * uniform(0.9, 1); }},
      {"large, positive", [&] { return double_max * uniform(0.999, 1); }},
      {"around the scaling limit",
       [&] { return std::ldexp(uniform(-1, 1), 955 + int(random() % 10)); }},
      {"large and tiny",
       [&] { return random() % 2 == 0 ? sign() * 0x1p961 : any_bits() * 0x1p-900; }},
      {"denormals", [&] { return sign() * double(random() % 100) * denormal_min; }},
      {"just above a power of two", [&] { return 1.0 + double(random() % 4) * 0x1p-52; }},
  };
  for (const auto& [name, value] : kinds) {
    INFO(name);
    for (int round = 0; round < 300; ++round) {
      std::vector<double> values;
      for (auto count = 1 + random() % 40; count > 0; --count) values.push_back(value());
      check_mean(values);
      // Everything cancels but what is appended afterwards.
      const std::size_t size = values.size();
      for (std::size_t i = 0; i < size; ++i) values.push_back(-values[i]);
      values.push_back(value() * 0x1p-40);
      std::shuffle(values.begin(), values.end(), random);
      check_mean(values);
    }
    std::vector<double> many;
    many.reserve(20'000);
    for (int i = 0; i < 20'000; ++i) many.push_back(value());
    check_mean(many);
    std::sort(many.begin(), many.end());
    check_mean(many);
  }
}

TEST_CASE("merging an empty aggregate changes nothing") {
  const Aggregate some = aggregate_of({1.0, 2.0, double_max, double_max});
  Aggregate left;
  left.merge(some);
  CHECK(left.parts() == some.parts());
  left.merge(Aggregate{});
  CHECK(left.parts() == some.parts());
  left = Aggregate{};
  left.merge(Aggregate{});
  CHECK(left.empty());
}

TEST_CASE("an aggregate made from its parts goes on as if it had never been taken apart") {
  for (const double large : {1.0, double_max}) {
    Aggregate whole;
    Aggregate again;
    for (const double value : {large, 0.1, large, -0.3, 7e-9}) {
      whole.add(value);
      again = Aggregate{AggregateParts{again.parts()}};
      again.add(value);
    }
    CHECK(whole.parts() == again.parts());
    CHECK(whole.parts().sum_scaled == (large == double_max));
  }
}

}  // namespace mas
