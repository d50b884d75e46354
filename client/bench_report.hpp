#pragma once

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "client/latency_histogram.hpp"

namespace mas {

/// What one scenario of a benchmark has shown.
struct BenchResult {
  std::string scenario;
  std::uint64_t operations = 0;
  double elapsed_seconds = 0;
  LatencyHistogram latency;  ///< of what `latency_of` says
  std::string latency_of;
  /// Figures beside these, such as a ratio to a ceiling: what, how much, and in what unit.
  struct Figure {
    std::string name;
    double value = 0;
    std::string unit;
  };
  std::vector<Figure> figures;

  [[nodiscard]] double rate() const {
    return elapsed_seconds > 0 ? static_cast<double>(operations) / elapsed_seconds : 0;
  }
};

/// A table for people.
[[nodiscard]] std::string bench_table(const std::vector<BenchResult>& results);
/// One JSON object in one line; durations in nanoseconds.
[[nodiscard]] std::string bench_json(const std::vector<BenchResult>& results);

}  // namespace mas
