#pragma once

#include <string>
#include <vector>

#include "store/metric_reader.hpp"
#include "support/catch.hpp"

namespace mas {

/// All that a reader gets of a metric in the range, and what it left out.
struct ReadBack {
  std::vector<Sample> samples;
  IgnoredBytes ignored;
};

/// Reads a metric that exists, checking each step's bound.
inline ReadBack read_back(FileSystem& files, const std::string& id, WallTime from = WallTime::min(),
                          WallTime to = WallTime::max(), const std::string& data_dir = "data") {
  ReadBack result;
  auto snapshot = open_metric(files, data_dir, id, from, to);
  REQUIRE(snapshot);
  SampleStream stream(std::move(*snapshot));
  std::vector<Sample> batch;
  for (;;) {
    const auto more = stream.next(batch);
    REQUIRE(more);
    REQUIRE(batch.size() <= samples_per_block_max);
    if (!*more) break;
    result.samples.insert(result.samples.end(), batch.begin(), batch.end());
  }
  CHECK(batch.empty());
  result.ignored = stream.ignored();
  return result;
}

}  // namespace mas
