#pragma once

#include <array>
#include <cstdint>

#include "base/time_types.hpp"

namespace mas {

/// Counts durations in buckets that are exact below 128 ns and at most 1/64 wide above, whatever
/// the size, so that the tail is told as exactly as the middle. Recording costs a few nanoseconds
/// and never allocates. Source: Gil Tene's HdrHistogram. Thread-safety: one owner.
class LatencyHistogram {
 public:
  void record(nanoseconds latency);

  [[nodiscard]] std::uint64_t count() const { return count_; }
  [[nodiscard]] nanoseconds max() const { return nanoseconds{static_cast<std::int64_t>(max_)}; }
  [[nodiscard]] double mean_ns() const;
  /// What `share` of all, from 0 to 1, do not exceed: the upper end of that bucket. Zero when
  /// nothing was recorded.
  [[nodiscard]] nanoseconds percentile(double share) const;

 private:
  static constexpr unsigned exact_bits = 7;  ///< below 2^7 a bucket is one nanosecond
  static constexpr std::size_t half = std::size_t{1} << (exact_bits - 1);
  [[nodiscard]] static std::size_t bucket_of(std::uint64_t value);
  [[nodiscard]] static std::uint64_t upper_end(std::size_t bucket);

  std::array<std::uint64_t, half*(64 - exact_bits + 2)> buckets_{};
  std::uint64_t count_ = 0;
  std::uint64_t max_ = 0;
  double sum_ = 0;
};

}  // namespace mas
