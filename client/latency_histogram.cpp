#include "client/latency_histogram.hpp"

#include <algorithm>
#include <bit>
#include <cmath>

namespace mas {

std::size_t LatencyHistogram::bucket_of(std::uint64_t value) {
  const auto bits = static_cast<unsigned>(std::bit_width(value));
  if (bits <= exact_bits) return static_cast<std::size_t>(value);
  // The first seven significant bits, the first of which is 1, and how far they were shifted.
  const auto shift = bits - exact_bits;
  return static_cast<std::size_t>(value >> shift) + shift * half;
}

std::uint64_t LatencyHistogram::upper_end(std::size_t bucket) {
  if (bucket < 2 * half) return bucket;
  const auto shift = bucket / half - 1;
  const auto first = (bucket - shift * half) << shift;
  return first + ((std::uint64_t{1} << shift) - 1);
}

void LatencyHistogram::record(nanoseconds latency) {
  const auto value = static_cast<std::uint64_t>(std::max(latency.count(), std::int64_t{0}));
  ++buckets_[bucket_of(value)];
  ++count_;
  max_ = std::max(max_, value);
  sum_ += static_cast<double>(value);
}

double LatencyHistogram::mean_ns() const {
  return count_ == 0 ? 0 : sum_ / static_cast<double>(count_);
}

nanoseconds LatencyHistogram::percentile(double share) const {
  const auto wanted = std::max(
      std::uint64_t{1}, static_cast<std::uint64_t>(std::ceil(share * static_cast<double>(count_))));
  std::uint64_t seen = 0;
  for (std::size_t bucket = 0; bucket < buckets_.size(); ++bucket) {
    seen += buckets_[bucket];
    if (seen >= wanted) {
      return nanoseconds{static_cast<std::int64_t>(std::min(upper_end(bucket), max_))};
    }
  }
  return nanoseconds{0};
}

}  // namespace mas
