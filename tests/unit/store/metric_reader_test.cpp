#include "store/metric_reader.hpp"

#include <algorithm>
#include <random>

#include "store/metric_path.hpp"
#include "store/posix_file.hpp"
#include "store/segment_writer.hpp"
#include "support/catch.hpp"
#include "support/faulty_file_system.hpp"
#include "support/metric_samples.hpp"
#include "support/temp_dir.hpp"

using namespace mas;

namespace {

constexpr std::int64_t hour_ns = 3'600'000'000'000;
constexpr std::int64_t t0 = 400'000 * hour_ns;

struct Fixture {
  FaultyFileSystem files;
  SegmentStore store{files, "data", seconds{3600}};
  std::vector<CommittedPartition> committed;
  std::vector<Sample> all;

  void append(std::uint64_t token, const std::vector<Sample>& samples, bool clean = false) {
    SegmentWriter writer(store, "cpu", {token, clean});
    REQUIRE(writer.append(samples, committed));
    all.insert(all.end(), samples.begin(), samples.end());
  }
  std::vector<Sample> expected(WallTime from = WallTime::min(), WallTime to = WallTime::max()) {
    std::vector<Sample> result;
    for (const auto& sample : all) {
      if (sample.stamp >= from && sample.stamp <= to) result.push_back(sample);
    }
    std::stable_sort(result.begin(), result.end(),
                     [](const Sample& a, const Sample& b) { return a.stamp < b.stamp; });
    return result;
  }
};

}  // namespace

TEST_CASE("a metric that was never logged is not found, one without samples in the range is") {
  Fixture f;
  const auto open = [&](std::string_view id) {
    return open_metric(f.files, "data", id, wall_time(0), wall_time(1));
  };
  CHECK(open("cpu").error().kind == Error::not_found);

  // What a writer leaves that fails at its first block.
  std::vector<std::string> to_sync;
  REQUIRE(make_directories(f.files, "data", metric_directory("cpu"), to_sync));
  CHECK(open("cpu").error().kind == Error::not_found);
  const SegmentName name{wall_time(t0), seconds{3600}, 1, 1};
  const auto path = "data/" + metric_directory("cpu") + '/' + to_file_name(name);
  REQUIRE(f.files.create(path));
  CHECK(open("cpu").error().kind == Error::not_found);
  SegmentHeader header;
  header.name = name;
  header.id = "cpu";
  encode_segment_header(header, f.files.bytes(path));
  CHECK(open("cpu").error().kind == Error::not_found);
  f.files.bytes(path).resize(f.files.bytes(path).size() + 88);
  CHECK(open("cpu").error().kind == Error::not_found);

  f.append(2, {{wall_time(t0 + 10 * hour_ns), 1}});
  REQUIRE(open("cpu"));
  CHECK(read_back(f.files, "cpu", wall_time(0), wall_time(1)).samples.empty());
  CHECK(read_back(f.files, "cpu", wall_time(t0), wall_time(t0)).samples.empty());
  CHECK(read_back(f.files, "cpu", WallTime::max(), WallTime::min()).samples.empty());
  CHECK(open("cpu2").error().kind == Error::not_found);
}

TEST_CASE("both ends of a range are in it, to the nanosecond, and only its partitions are opened") {
  Fixture f;
  std::vector<Sample> samples;
  for (std::int64_t hour = 0; hour < 10; ++hour) {
    for (std::int64_t i = 0; i < 3; ++i) samples.push_back({wall_time(t0 + hour * hour_ns + i), 1});
  }
  const bool taken_over = GENERATE(false, true);
  f.append(1, samples, !taken_over);
  const std::uint64_t governing = taken_over ? 1 : 0;  // whose header is read
  for (std::int64_t begin = 0; begin < 10; ++begin) {
    for (std::int64_t end = begin; end < 10; ++end) {
      const auto from = wall_time(t0 + begin * hour_ns + 1);
      const auto to = wall_time(t0 + end * hour_ns + 1);
      f.files.counts.clear();
      CHECK(read_back(f.files, "cpu", from, to).samples == f.expected(from, to));
      CHECK(f.files.counts[FileCall::open] ==
            static_cast<std::uint64_t>(end - begin + 1) + governing);
    }
  }
  CHECK(f.files.open_files == 0);
}

TEST_CASE("samples of interleaved writers and overlapping blocks come in one order") {
  for (std::uint64_t seed = 1; seed <= 60; ++seed) {
    CAPTURE(seed);
    std::mt19937_64 random(seed);
    Fixture f;
    const auto writers = 1 + random() % 24;  // more than there are windows
    const auto spread = static_cast<std::uint64_t>(hour_ns) * (1 + random() % 3) /
                        (random() % 2 == 0 ? 1 : 100'000'000'000);
    double value = 0;
    for (std::uint64_t token = 1; token <= writers; ++token) {
      const auto rounds = 1 + random() % 8;
      for (std::uint64_t round = 0; round < rounds; ++round) {
        std::vector<Sample> samples(1 + random() % (seed % 10 == 0 ? 6000 : 40));
        for (auto& sample : samples) {
          sample = {wall_time(t0 + static_cast<std::int64_t>(random() % spread)), value++};
        }
        f.append(token, samples);
      }
    }
    CHECK(read_back(f.files, "cpu").samples == f.expected());
    const auto from = wall_time(t0 + static_cast<std::int64_t>(spread / 3));
    const auto to = wall_time(t0 + static_cast<std::int64_t>(spread / 2));
    CHECK(read_back(f.files, "cpu", from, to).samples == f.expected(from, to));
  }
}

TEST_CASE("an open stream does not see what is appended later") {
  Fixture f;
  f.append(1, {{wall_time(t0), 1}});
  auto snapshot = open_metric(f.files, "data", "cpu", WallTime::min(), WallTime::max());
  REQUIRE(snapshot);
  f.append(1, {{wall_time(t0 + 1), 2}, {wall_time(t0 + hour_ns), 3}});
  SampleStream stream(std::move(*snapshot));
  std::vector<Sample> batch;
  std::size_t count = 0;
  for (;;) {
    const auto more = stream.next(batch);
    REQUIRE(more);
    if (!*more) break;
    count += batch.size();
  }
  CHECK(count == 1);
}

TEST_CASE("damage ends its segment for readers, who say so, and no other one") {
  Fixture f;
  f.append(1, {{wall_time(t0), 1}});
  const auto first_block = f.committed[0].bytes;
  f.append(1, {{wall_time(t0 + 1), 2}});
  f.append(1, {{wall_time(t0 + 2), 3}});
  f.append(2, {{wall_time(t0 + 3), 4}});
  f.append(2, {{wall_time(t0 + hour_ns), 5}});
  const auto path = f.files.paths()[0];
  const auto whole = f.files.bytes(path);

  // Any bit of the second block.
  for (std::size_t at = first_block; at < first_block + 88; ++at) {
    f.files.bytes(path) = whole;
    f.files.bytes(path)[at] ^= 0x10;
    const auto read = read_back(f.files, "cpu");
    CHECK(read.samples.size() == 3);
    CHECK(read.ignored.segments == 1);
    CHECK(read.ignored.bytes == whole.size() - first_block);
    CHECK(read.ignored.last.find(path) == 0);
  }
  // Any byte of the header hides the segment.
  for (std::size_t at = 0; at < 70; ++at) {
    f.files.bytes(path) = whole;
    f.files.bytes(path)[at] ^= 0x10;
    const auto read = read_back(f.files, "cpu");
    CHECK(read.samples.size() == 2);
    CHECK(read.ignored.bytes == whole.size());
  }
  // A segment under another's name.
  f.files.bytes(path) = f.files.bytes(f.files.paths()[1]);
  CHECK(read_back(f.files, "cpu").samples.size() == 2);
}

TEST_CASE("a segment cut while it is streamed gives what is left, not garbage") {
  Fixture f;
  f.append(1, {{wall_time(t0), 1}});
  const auto first_block = f.committed[0].bytes;
  f.append(1, {{wall_time(t0 + 1), 2}});
  auto snapshot = open_metric(f.files, "data", "cpu", WallTime::min(), WallTime::max());
  REQUIRE(snapshot);
  f.files.bytes(f.files.paths()[0]).resize(first_block + 5);
  SampleStream stream(std::move(*snapshot));
  std::vector<Sample> batch;
  std::size_t count = 0;
  for (;;) {
    const auto more = stream.next(batch);
    REQUIRE(more);
    if (!*more) break;
    count += batch.size();
  }
  CHECK(count == 1);
  CHECK(stream.ignored().segments == 1);
}

TEST_CASE("a disk that fails under a reader is an error, never a short answer") {
  Fixture f;
  for (std::uint64_t token = 1; token <= 3; ++token) {
    f.append(token, {{wall_time(t0), 1}, {wall_time(t0 + hour_ns), 2}});
  }
  for (std::uint64_t passing = 0;; ++passing) {
    CAPTURE(passing);
    f.files.fail_after(passing, {"Input/output error"});
    std::vector<Sample> got;
    std::optional<Error> error;
    auto snapshot = open_metric(f.files, "data", "cpu", WallTime::min(), WallTime::max());
    if (!snapshot) {
      error = snapshot.error();
    } else {
      SampleStream stream(std::move(*snapshot));
      std::vector<Sample> batch;
      for (;;) {
        const auto more = stream.next(batch);
        if (!more) {
          error = more.error();
          const auto again = stream.next(batch);
          REQUIRE(again);
          CHECK_FALSE(*again);
          break;
        }
        if (!*more) break;
        got.insert(got.end(), batch.begin(), batch.end());
      }
    }
    CHECK(f.files.open_files == 0);
    if (!error) {
      CHECK(got.size() == 6);
      break;
    }
    CHECK(error->kind == Error::io);
    REQUIRE(passing < 100);
  }
}

TEST_CASE("a reader holds few files open, however many segments there are") {
  Fixture f;
  for (std::uint64_t token = 1; token <= 200; ++token) {
    f.append(token, {{wall_time(t0 + static_cast<std::int64_t>(token) % 7), 1}});
  }
  f.files.open_files_peak = 0;
  CHECK(read_back(f.files, "cpu").samples == f.expected());
  CHECK(f.files.open_files_peak <= snapshot_open_files_max + SampleStream::windows_max);
}

TEST_CASE("a million samples on disk stream in bounded steps") {
  const TempDir directory;
  PosixFileSystem files;
  SegmentStore store(files, directory.path().string(), seconds{86'400});
  SegmentWriter writer(store, "cpu", {1, true});
  std::vector<CommittedPartition> committed;
  std::vector<Sample> samples(1'000'000);
  for (std::size_t i = 0; i < samples.size(); ++i) {
    samples[i] = {wall_time(t0 + static_cast<std::int64_t>(i) * 1'000'000), static_cast<double>(i)};
  }
  for (std::size_t at = 0; at < samples.size(); at += 1000) {
    REQUIRE(writer.append(std::span(samples).subspan(at, 1000), committed));
  }
  CHECK(read_back(files, "cpu", WallTime::min(), WallTime::max(), directory.path().string())
            .samples == samples);
}
