#include "store/segment_writer.hpp"

#include <algorithm>
#include <random>

#include "store/metric_path.hpp"
#include "support/catch.hpp"
#include "support/faulty_file_system.hpp"
#include "support/metric_samples.hpp"

using namespace mas;

namespace {

constexpr std::int64_t day_ns = 86'400'000'000'000;
constexpr std::int64_t t0 = 19'000 * day_ns + 1;

std::vector<Sample> samples_at(std::initializer_list<std::int64_t> stamps, double value = 1) {
  std::vector<Sample> samples;
  for (const auto stamp : stamps) samples.push_back({wall_time(stamp), value++});
  return samples;
}

std::vector<Sample> in_order(std::vector<Sample> samples) {
  std::stable_sort(samples.begin(), samples.end(),
                   [](const Sample& a, const Sample& b) { return a.stamp < b.stamp; });
  return samples;
}

struct Fixture {
  FaultyFileSystem files;
  SegmentStore store{files, "data", seconds{86'400}};
  std::vector<CommittedPartition> committed;

  SegmentWriter writer(std::uint64_t token, bool clean = true) {
    return {store, "cpu", WriterGrant{token, clean}};
  }
  std::vector<Sample> read() { return read_back(files, "cpu").samples; }
};

}  // namespace

TEST_CASE("what was appended is read back, in stamp order, equal stamps in the order written") {
  Fixture f;
  auto writer = f.writer(7);
  const auto samples = samples_at({t0 + 5, t0, t0 + 5, t0 + 3});
  REQUIRE(writer.append(samples, f.committed));
  REQUIRE(f.committed.size() == 1);
  CHECK(f.committed[0].start == wall_time(19'000 * day_ns));
  CHECK(f.committed[0].token == 7);
  CHECK(f.committed[0].sequence == 1);
  CHECK(f.committed[0].samples == 4);
  REQUIRE(f.files.paths().size() == 1);
  CHECK(f.committed[0].bytes == f.files.bytes(f.files.paths()[0]).size());
  CHECK(f.read() == in_order(samples));
}

TEST_CASE("a block is one write, and a steady writer does nothing but write") {
  Fixture f;
  auto writer = f.writer(7);
  REQUIRE(writer.append(samples_at({t0}), f.committed));
  f.files.counts.clear();
  for (std::int64_t i = 1; i <= 10; ++i) {
    REQUIRE(writer.append(samples_at({t0 + i, t0 + i}), f.committed));
  }
  CHECK(f.files.counts.size() == 1);
  CHECK(f.files.counts[FileCall::append] == 10);
}

TEST_CASE("a writer that appends nothing leaves no trace") {
  Fixture f;
  auto writer = f.writer(7);
  REQUIRE(writer.append({}, f.committed));
  CHECK(f.files.counts.empty());
  CHECK_FALSE(writer.touched());
  CHECK_FALSE(writer.dirty());
}

TEST_CASE("samples go to the partition of their stamp, late ones too, with few files open") {
  Fixture f;
  auto writer = f.writer(7);
  std::vector<Sample> all;
  for (const std::int64_t day : {0, 1, 0, 2, 1, 0, 3, 0}) {
    const auto samples = samples_at({t0 + day * day_ns, t0 + day * day_ns + 1});
    REQUIRE(writer.append(samples, f.committed));
    all.insert(all.end(), samples.begin(), samples.end());
    CHECK(writer.open_files() <= SegmentWriter::open_partitions_max);
    CHECK(f.files.open_files == writer.open_files());
  }
  CHECK(f.files.paths().size() == 4);  // one segment each, continued when its turn comes again
  CHECK(f.read() == in_order(all));

  const auto across = samples_at({t0 + day_ns, t0, t0 + 3 * day_ns, t0});
  REQUIRE(writer.append(across, f.committed));
  REQUIRE(f.committed.size() == 3);
  CHECK(f.committed[0].samples == 2);
  CHECK(f.committed[2].start == wall_time(19'003 * day_ns));
  all.insert(all.end(), across.begin(), across.end());
  CHECK(f.read() == in_order(all));
}

TEST_CASE("more samples than a block takes are several blocks in one write") {
  Fixture f;
  auto writer = f.writer(7);
  std::vector<Sample> samples;
  for (std::int64_t i = 0; i < 10'000; ++i) samples.push_back({wall_time(t0 + i), 0.5});
  REQUIRE(writer.append(samples, f.committed));
  CHECK(f.files.counts[FileCall::append] == 1);
  CHECK(f.committed[0].samples == 10'000);
  CHECK(f.read() == samples);
}

TEST_CASE("a stamp that no partition can hold is refused before anything is written") {
  Fixture f;
  auto writer = f.writer(7);
  for (const auto stamp : {WallTime::min(), WallTime::max(), store_stamp_min - nanoseconds{1}}) {
    const std::vector<Sample> samples{{wall_time(t0), 1}, {stamp, 1}};
    CHECK(writer.append(samples, f.committed).error().kind == Error::invalid);
  }
  CHECK(f.files.counts.empty());
  REQUIRE(
      writer.append(std::vector<Sample>{{store_stamp_min, 1}, {store_stamp_max, 2}}, f.committed));
  CHECK(f.read().size() == 2);
}

TEST_CASE("closed files are opened again and continued") {
  Fixture f;
  auto writer = f.writer(7);
  REQUIRE(writer.append(samples_at({t0, t0 + day_ns}), f.committed));
  CHECK(writer.open_files() == 2);
  writer.close_files();
  CHECK(writer.open_files() == 0);
  CHECK(f.files.open_files == 0);
  REQUIRE(writer.append(samples_at({t0 + 1}), f.committed));
  CHECK(f.committed[0].sequence == 1);
  CHECK(f.read().size() == 3);
}

TEST_CASE("a segment that is not as it was left is left alone from then on") {
  Fixture f;
  auto writer = f.writer(7);
  REQUIRE(writer.append(samples_at({t0}), f.committed));
  writer.close_files();
  const auto path = f.files.paths()[0];
  f.files.bytes(path).push_back(1);
  const auto before = f.files.bytes(path);
  REQUIRE(writer.append(samples_at({t0 + 1}), f.committed));
  CHECK(f.committed[0].sequence == 2);
  CHECK(f.files.bytes(path) == before);

  writer.close_files();
  REQUIRE(f.files.unlink(f.files.paths()[1]));
  REQUIRE(writer.append(samples_at({t0 + 2}), f.committed));
  CHECK(f.read().size() == 2);
}

TEST_CASE("after a clean end the newest segment is continued") {
  Fixture f;
  auto first = f.writer(7);
  REQUIRE(first.append(samples_at({t0}), f.committed));
  auto second = f.writer(8);
  REQUIRE(second.append(samples_at({t0 + 1}), f.committed));
  CHECK(f.committed[0].token == 7);
  CHECK(f.files.paths().size() == 1);
  CHECK(f.read().size() == 2);
}

TEST_CASE("a segment with a torn tail is never written again, wherever it is torn") {
  Fixture f;
  auto first = f.writer(7);
  REQUIRE(first.append(samples_at({t0}), f.committed));
  REQUIRE(first.append(samples_at({t0 + 1}), f.committed));
  const auto path = f.files.paths()[0];
  const auto whole = f.files.bytes(path);
  const auto second_block = f.committed[0].bytes - whole.size() + 88;  // 80 + 8 bytes
  CHECK(second_block == 88);
  std::uint64_t token = 8;
  for (std::size_t cut = whole.size() - 87; cut < whole.size(); ++cut) {
    f.files.bytes(path).assign(whole.begin(), whole.begin() + static_cast<std::ptrdiff_t>(cut));
    CHECK(f.read().size() == 1);
    auto next = f.writer(token);
    REQUIRE(next.append(samples_at({t0 + 2}, 9), f.committed));
    CHECK(f.committed[0].token == token++);
    CHECK(f.files.bytes(path).size() == cut);
    REQUIRE(f.files.paths().size() == 2);
    const auto read = read_back(f.files, "cpu");
    CHECK(read.samples == std::vector<Sample>{{wall_time(t0), 1}, {wall_time(t0 + 2), 9}});
    CHECK(read.ignored.segments == 1);
    REQUIRE(f.files.unlink(f.files.paths()[1]));
  }
}

TEST_CASE("after an unclean end no older segment is touched, whatever is at its end") {
  Fixture f;
  auto first = f.writer(7);
  REQUIRE(first.append(samples_at({t0}), f.committed));
  const auto path = f.files.paths()[0];
  f.files.bytes(path).resize(f.files.bytes(path).size() + 10);
  const auto before = f.files.bytes(path);

  auto second = f.writer(8, false);
  REQUIRE(second.append(samples_at({t0 + 1}), f.committed));
  CHECK(f.committed[0].token == 8);
  CHECK(f.files.bytes(path) == before);
  const auto read = read_back(f.files, "cpu");
  CHECK(read.samples.size() == 2);
  CHECK(read.ignored.segments == 1);
  CHECK(read.ignored.bytes == 10);
}

TEST_CASE("a clean end does not vouch for segments of holders before the last") {
  Fixture f;
  auto paused = f.writer(5);
  REQUIRE(paused.append(samples_at({t0}), f.committed));
  const auto path = f.files.paths()[0];

  // Took over uncleanly, wrote to another partition, ended cleanly.
  auto second = f.writer(6, false);
  REQUIRE(second.append(samples_at({t0 + day_ns}), f.committed));
  CHECK(second.touched());

  auto third = f.writer(7, true);
  REQUIRE(third.append(samples_at({t0 + 1, t0 + day_ns + 1}), f.committed));
  CHECK(f.committed[0].token == 7);  // the paused one may still write there
  const auto sizes = f.files.bytes(path).size();
  REQUIRE(paused.append(samples_at({t0 + 2}), f.committed));
  CHECK(f.files.bytes(path).size() > sizes);
  CHECK(f.read().size() == 4);  // what it writes when it wakes is not read
}

TEST_CASE("a long segment of an earlier grant is not read through but followed by another") {
  Fixture f;
  auto first = f.writer(7);
  std::vector<Sample> samples(200'000, Sample{wall_time(t0), 1});
  while (f.committed.empty() || f.committed[0].bytes <= SegmentWriter::continue_bytes_max) {
    REQUIRE(first.append(samples, f.committed));
  }
  auto second = f.writer(8);
  REQUIRE(second.append(samples_at({t0}), f.committed));
  CHECK(f.committed[0].token == 8);
}

TEST_CASE("a changed partition length leaves the older segments where they are") {
  Fixture f;
  auto first = f.writer(7);
  REQUIRE(first.append(samples_at({t0, t0 + 7'200'000'000'000}), f.committed));
  f.store.partition_length = seconds{3600};
  auto second = f.writer(8);
  REQUIRE(second.append(samples_at({t0 + 1, t0 + 7'200'000'000'001}), f.committed));
  CHECK(f.committed.size() == 2);
  CHECK(f.read() == in_order(f.read()));
  CHECK(f.read().size() == 4);
}

TEST_CASE("sync makes data durable before names, once, also of closed and forgotten files") {
  Fixture f;
  auto writer = f.writer(7);
  for (std::int64_t day = 0; day < 4; ++day) {
    REQUIRE(writer.append(samples_at({t0 + day * day_ns}), f.committed));
  }
  writer.close_files();
  CHECK(writer.dirty());
  REQUIRE(writer.sync());
  CHECK_FALSE(writer.dirty());
  auto paths = f.files.paths();
  REQUIRE(f.files.synced.size() == 8);
  CHECK(std::is_permutation(paths.begin(), paths.end(), f.files.synced.begin()));
  const std::set<std::string> directories(f.files.synced.begin() + 4, f.files.synced.end());
  const auto metric = "data/" + metric_directory("cpu");
  CHECK(directories ==
        std::set<std::string>{"data", "data/metrics", metric.substr(0, metric.rfind('/')), metric});

  f.files.synced.clear();
  REQUIRE(writer.sync());
  CHECK(f.files.synced.empty());
  REQUIRE(writer.append(samples_at({t0 + 3 * day_ns + 1}), f.committed));
  REQUIRE(writer.sync());
  CHECK(f.files.synced == std::vector<std::string>{paths[3]});
}

TEST_CASE("a segment whose sync failed is never written again") {
  Fixture f;
  auto writer = f.writer(7);
  REQUIRE(writer.append(samples_at({t0}), f.committed));
  f.files.fail_after(0, {"Input/output error"});
  CHECK(writer.sync().error().kind == Error::io);
  REQUIRE(writer.append(samples_at({t0 + 1}), f.committed));
  CHECK(f.committed[0].sequence == 2);
  REQUIRE(writer.sync());
  CHECK(f.read().size() == 2);
}

TEST_CASE("whatever operation fails, nothing of that append is read, and the next one succeeds") {
  const std::vector<Sample> before = samples_at({t0, t0 + day_ns});
  const std::vector<Sample> failing = samples_at({t0 + 1, t0 + 2, t0 + 2 * day_ns}, 50);
  const std::vector<Sample> after = samples_at({t0 + 3, t0 + day_ns + 3}, 90);
  bool failed_once = false;
  for (const bool reopened : {false, true}) {
    for (const bool new_writer : {false, true}) {
      for (const std::size_t taken : {0U, 1U, 90U, 100'000U}) {
        for (const bool sticky : {false, true}) {
          for (std::uint64_t passing = 0;; ++passing) {
            CAPTURE(reopened, new_writer, taken, sticky, passing);
            Fixture f;
            auto first = f.writer(7);
            REQUIRE(first.append(before, f.committed));
            if (reopened) first.close_files();
            auto second = f.writer(8);
            auto& writer = new_writer ? second : first;

            // Sticky: everything fails from then on, the cutting back too.
            f.files.on_operation = [&, seen = std::uint64_t{0}](
                                       const FileOperation&) mutable -> std::optional<FileFault> {
              const bool fails = sticky ? seen >= passing : seen == passing;
              ++seen;
              if (!fails) return std::nullopt;
              return FileFault{"No space left on device", taken};
            };
            const auto appended = writer.append(failing, f.committed);
            f.files.on_operation = nullptr;
            auto expected = before;
            for (const auto& sample : failing) {
              for (const auto& partition : f.committed) {
                if (partition_start(sample.stamp, seconds{86'400}) == partition.start) {
                  expected.push_back(sample);
                }
              }
            }
            if (!appended) {
              failed_once = true;
              CHECK(appended.error().kind == Error::io);
              CHECK(expected.size() < before.size() + failing.size());
            } else {
              CHECK(expected.size() == before.size() + failing.size());
            }
            CHECK(f.read() == in_order(expected));

            REQUIRE(writer.append(after, f.committed));
            expected.insert(expected.end(), after.begin(), after.end());
            CHECK(f.read() == in_order(expected));
            REQUIRE(writer.sync());

            auto third = f.writer(9, passing % 2 == 0);
            REQUIRE(third.append(after, f.committed));
            expected.insert(expected.end(), after.begin(), after.end());
            CHECK(f.read() == in_order(expected));
            if (appended) break;
          }
        }
      }
    }
  }
  CHECK(failed_once);
}

TEST_CASE("random histories of writers, faults and pauses read as their reference says") {
  for (std::uint64_t seed = 1; seed <= 150; ++seed) {
    CAPTURE(seed);
    std::mt19937_64 random(seed);
    Fixture f;
    std::uint64_t token = 1;
    bool clean = true;
    auto writer = std::make_unique<SegmentWriter>(f.writer(token, clean));
    std::vector<Sample> expected;
    double value = 0;
    for (int step = 0; step < 60; ++step) {
      switch (random() % 10) {
        case 0: {  // the lock goes to the next holder
          const bool end_clean = random() % 2 == 0;
          // As found: what the grant said stays so.
          clean = end_clean && (writer->touched() || clean);
          writer = std::make_unique<SegmentWriter>(f.writer(++token, clean));
          break;
        }
        case 1:
          writer->close_files();
          break;
        case 2:
          static_cast<void>(writer->sync());
          break;
        default: {
          std::vector<Sample> samples(1 + random() % 20);
          for (auto& sample : samples) {
            const auto day = static_cast<std::int64_t>(random() % 4);
            sample = {wall_time(t0 + day * day_ns + static_cast<std::int64_t>(random() % 50)),
                      value++};
          }
          if (random() % 3 == 0) f.files.fail_after(random() % 8, {"fault", random() % 300});
          const auto appended = writer->append(samples, f.committed);
          f.files.on_operation = nullptr;
          std::size_t count = 0;
          for (const auto& sample : samples) {
            for (const auto& partition : f.committed) {
              if (partition_start(sample.stamp, seconds{86'400}) != partition.start) continue;
              expected.push_back(sample);
              ++count;
            }
          }
          CHECK((count == samples.size()) == appended.has_value());
        }
      }
      if (step % 10 == 9 && !expected.empty()) {
        // Equal stamps may come from different segments of interleaved days: compare as sets.
        auto read = f.read();
        const auto by_all = [](const Sample& a, const Sample& b) {
          return a.stamp != b.stamp ? a.stamp < b.stamp : a.value < b.value;
        };
        CHECK(std::is_sorted(read.begin(), read.end(),
                             [](const Sample& a, const Sample& b) { return a.stamp < b.stamp; }));
        auto reference = expected;
        std::sort(read.begin(), read.end(), by_all);
        std::sort(reference.begin(), reference.end(), by_all);
        CHECK(read == reference);
      }
    }
  }
}
