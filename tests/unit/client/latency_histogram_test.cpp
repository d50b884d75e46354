#include "client/latency_histogram.hpp"

#include <algorithm>
#include <cmath>
#include <random>
#include <vector>

#include "support/catch.hpp"

namespace mas {

TEST_CASE("percentiles are exact below 128 ns and within a sixty-fourth above") {
  std::mt19937_64 random(7);
  std::uniform_real_distribution<double> exponent(0, 40);
  LatencyHistogram histogram;
  std::vector<std::int64_t> values;
  for (int n = 0; n < 100'000; ++n) {
    values.push_back(static_cast<std::int64_t>(std::exp2(exponent(random))));
    histogram.record(nanoseconds{values.back()});
  }
  std::sort(values.begin(), values.end());
  CHECK(histogram.count() == values.size());
  CHECK(histogram.max().count() == values.back());
  for (const double share : {0.0, 0.01, 0.1, 0.5, 0.9, 0.99, 0.999, 1.0}) {
    const auto rank = std::max<std::size_t>(
        1, static_cast<std::size_t>(std::ceil(share * static_cast<double>(values.size()))));
    const auto exact = values[rank - 1];
    const auto told = histogram.percentile(share).count();
    CAPTURE(share, exact, told);
    CHECK(told >= exact);
    CHECK(told - exact <= (exact < 128 ? 0 : exact / 64));
  }
}

TEST_CASE("each duration has a bucket, the shortest and the longest too") {
  LatencyHistogram histogram;
  CHECK(histogram.percentile(0.5) == nanoseconds{0});
  histogram.record(nanoseconds{-5});
  CHECK(histogram.percentile(1) == nanoseconds{0});
  histogram.record(nanoseconds::max());
  CHECK(histogram.percentile(1) == nanoseconds::max());
  for (int shift = 0; shift < 63; ++shift) {
    for (const std::int64_t around : {-1, 0, 1}) {
      LatencyHistogram one;
      const auto value = std::max<std::int64_t>(0, (std::int64_t{1} << shift) + around);
      one.record(nanoseconds{value});
      CHECK(one.percentile(0.5).count() == value);
    }
  }
  LatencyHistogram few;
  for (const int value : {1, 2, 3, 4}) few.record(nanoseconds{value});
  CHECK(few.mean_ns() == 2.5);
  CHECK(few.percentile(0.5).count() == 2);
}

}  // namespace mas
