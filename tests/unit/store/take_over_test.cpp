#include "store/take_over.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <random>

#include "store/metric_path.hpp"
#include "store/segment_writer.hpp"
#include "support/catch.hpp"
#include "support/faulty_file_system.hpp"
#include "support/metric_samples.hpp"

using namespace mas;

namespace {

constexpr std::int64_t day_ns = 86'400'000'000'000;
constexpr std::int64_t t0 = 19'000 * day_ns;

struct Fixture {
  FaultyFileSystem files;
  SegmentStore store{files, "data", seconds{86'400}};
  std::vector<CommittedPartition> committed;
  double next_value = 1;

  SegmentWriter writer(std::uint64_t token, bool clean = false) {
    return {store, "cpu", WriterGrant{token, clean}};
  }
  /// One sample of a value of its own, which is given.
  double append(SegmentWriter& writer, std::int64_t day = 0) {
    const std::vector<Sample> samples{{wall_time(t0 + day * day_ns), next_value}};
    REQUIRE(writer.append(samples, committed));
    return next_value++;
  }
  std::vector<double> values() {
    std::vector<double> result;
    for (const auto& sample : read_back(files, "cpu").samples) result.push_back(sample.value);
    std::sort(result.begin(), result.end());
    return result;
  }
  /// A writer that was paused wakes and goes on as if the metric were its own. It may notice by
  /// itself that it is not.
  void wake(SegmentWriter& writer, std::int64_t day = 0) {
    const std::vector<Sample> samples{{wall_time(t0 + day * day_ns), next_value++}};
    const auto appended = writer.append(samples, committed);
    if (!appended) CHECK(appended.error().kind == Error::lost);
  }
  /// One that does not: it had listed the directory before.
  void wake_and_make(std::int64_t day, std::uint64_t token, std::uint32_t sequence) {
    const auto made = path(day, token, sequence);
    REQUIRE(files.create(made));
    SegmentHeader header;
    header.name = {wall_time(t0 + day * day_ns), seconds{86'400}, token, sequence};
    header.id = "cpu";
    encode_segment_header(header, files.bytes(made));
    encode_block(std::vector<Sample>{{wall_time(t0 + day * day_ns), next_value++}},
                 files.bytes(made));
  }
  std::string path(std::int64_t day, std::uint64_t token, std::uint32_t sequence) {
    return "data/" + metric_directory("cpu") + '/' +
           to_file_name({wall_time(t0 + day * day_ns), seconds{86'400}, token, sequence});
  }
};

using Values = std::vector<double>;

}  // namespace

TEST_CASE("a take-over segment is these bytes") {
  FaultyFileSystem files;
  SegmentStore store{files, "data", seconds{86'400}};
  std::vector<CommittedPartition> committed;
  const std::vector<Sample> samples{{wall_time(1'650'931'205'000'000'000), 1.0}};
  SegmentWriter first(store, "cpu", {0x29, true});
  REQUIRE(first.append(samples, committed));
  SegmentWriter second(store, "cpu", {0x2a, false});
  REQUIRE(second.append(samples, committed));
  REQUIRE(files.paths().size() == 2);
  const auto path = files.paths()[1];
  CHECK(path == "data/" + metric_directory("cpu") +
                    "/20220426T000000Z-0086400-000000000000002a-00000000.seg");
  std::string hex;
  for (const auto byte : files.bytes(path)) hex += fmt::format("{:02x}", byte);
  CHECK(hex ==
        "6d61732d7365670a"  // magic "mas-seg\n"
        "0100"
        "0000"
        "5b000000"          // version 1, flags 0, 91 bytes
        "00009cec2d49e916"  // 2022-04-26T00:00:00Z
        "00004f91944e0000"  // a day
        "2a00000000000000"
        "00000000"  // token, sequence 0
        "0300"
        "0100"              // id bytes, seals
        "0000000000000000"  // journal
        "0000000000000000"  // LSN
        "637075"
        "2900000000000000"  // the seal: token,
        "01000000"          // sequence,
        "9f00000000000000"  // 159 valid bytes: a header of 71 and a block of 88
        "a685d467" +
            [&] {  // and the block goes on from there
              std::string block;
              for (const auto byte : ByteView(files.bytes(files.paths()[0])).subspan(71)) {
                block += fmt::format("{:02x}", byte);
              }
              return block;
            }());
}

TEST_CASE("after an unclean end the older segments are sealed before anything is written") {
  Fixture f;
  auto paused = f.writer(5, true);
  f.append(paused);
  f.append(paused, 1);
  auto taker = f.writer(6);
  f.append(taker);
  CHECK(taker.touched());
  CHECK(f.committed[0].sequence == take_over_sequence);

  // It wakes: the old segments, a new one in an old partition, new ones in new partitions.
  const auto before = f.files.bytes(f.path(0, 5, 1)).size();
  f.wake(paused);
  CHECK(f.files.bytes(f.path(0, 5, 1)).size() > before);
  f.wake(paused, 1);
  f.wake(paused, 2);
  f.wake_and_make(0, 5, 3);
  f.wake_and_make(2, 5, 4);
  f.wake_and_make(-1, 5, 5);
  CHECK(f.values() == Values{1, 2, 3});
  f.append(taker, 1);
  f.append(taker, 2);
  CHECK(f.values() == Values{1, 2, 3, 10, 11});
  auto next = f.writer(7, true);
  f.append(next);
  f.append(next, -1);
  f.wake(paused);
  CHECK(f.values() == Values{1, 2, 3, 10, 11, 12, 13});
}

TEST_CASE("what a writer that lost its lock makes first of all is void too") {
  Fixture f;
  auto paused = f.writer(5, true);
  auto taker = f.writer(6);
  f.append(taker);
  CHECK(f.values() == Values{1});
  f.wake_and_make(2, 5, 1);
  CHECK(f.values() == Values{1});
  // One that does see it writes nothing.
  const std::vector<Sample> samples{{wall_time(t0), 99}};
  CHECK(paused.append(samples, f.committed).error().kind == Error::lost);
  CHECK(f.values() == Values{1});
}

TEST_CASE("a metric of void segments only was never logged") {
  Fixture f;
  auto paused = f.writer(5, true);
  f.files.on_operation = [](const FileOperation& operation) -> std::optional<FileFault> {
    if (operation.call != FileCall::append) return std::nullopt;
    return FileFault{"paused"};
  };
  const std::vector<Sample> samples{{wall_time(t0), 1}};
  CHECK_FALSE(paused.append(samples, f.committed));
  f.files.on_operation = nullptr;
  const auto list = take_over_for_reading(f.files, "data", "cpu", 6);
  REQUIRE(list);
  REQUIRE(*list);
  CHECK((*list)->segments.size() == 1);
  REQUIRE(paused.append(samples, f.committed));
  CHECK(open_metric(f.files, "data", "cpu", WallTime::min(), WallTime::max()).error().kind ==
        Error::not_found);
}

TEST_CASE("a take-over of a take-over keeps what counted under the one before, and no more") {
  Fixture f;
  auto first = f.writer(5, true);
  f.append(first);
  auto second = f.writer(6);
  f.append(second);
  f.wake(first);  // void
  auto third = f.writer(7);
  f.append(third, 1);
  f.wake(second);            // void
  f.wake(first);             // void
  f.wake_and_make(1, 6, 1);  // void, in the partition of the one that governs
  CHECK(f.values() == Values{1, 2, 4});
  auto fourth = f.writer(8);
  f.append(fourth, 1);
  f.wake(third, 1);  // void
  CHECK(f.values() == Values{1, 2, 4, 8});
  // After a clean end the newest is continued, under the same seals.
  auto fifth = f.writer(9, true);
  f.append(fifth, 1);
  CHECK(f.committed[0].token == 8);
  f.append(fifth);
  CHECK(f.committed[0].token == 9);
  CHECK(f.values() == Values{1, 2, 4, 8, 10, 11});
}

TEST_CASE("a reader takes over in the newest segment's partition, once, without samples") {
  Fixture f;
  CHECK_FALSE(*take_over_for_reading(f.files, "data", "cpu", 4));
  CHECK(f.files.paths().empty());
  auto paused = f.writer(5, true);
  f.append(paused);
  f.append(paused, 1);
  const auto taken = take_over_for_reading(f.files, "data", "cpu", 6);
  REQUIRE(taken);
  REQUIRE(*taken);
  CHECK((*taken)->segments ==
        std::vector<ListedSegment>{
            {{wall_time(t0), seconds{86'400}, 5, 1}, 159},
            {{wall_time(t0 + day_ns), seconds{86'400}, 5, 2}, 159},
            {{wall_time(t0 + day_ns), seconds{86'400}, 6, take_over_sequence}, std::nullopt}});
  const auto bytes = f.files.bytes(f.path(1, 6, 0));
  f.wake(paused, 1);
  f.wake(paused);
  CHECK(f.values() == Values{1, 2});

  const auto again = take_over_for_reading(f.files, "data", "cpu", 6);
  REQUIRE(again);
  CHECK(f.files.bytes(f.path(1, 6, 0)) == bytes);

  // The next writer, after this clean end, goes on in it.
  auto next = f.writer(7, true);
  f.append(next, 1);
  CHECK(f.committed[0].token == 6);
  CHECK(f.committed[0].sequence == take_over_sequence);
  CHECK(f.values() == Values{1, 2, 5});
}

TEST_CASE("wherever a taker dies, nothing acknowledged is lost and the next one takes over") {
  for (const std::size_t taken : {0U, 1U, 64U, 100U, 100'000U}) {
    for (std::uint64_t passing = 0;; ++passing) {
      CAPTURE(taken, passing);
      Fixture f;
      auto first = f.writer(5, true);
      f.append(first);
      auto second = f.writer(6);
      f.append(second, 1);
      f.wake(first);  // void: 3

      auto dying = f.writer(7);
      f.files.on_operation =
          [&, seen = std::uint64_t{0}](const FileOperation&) mutable -> std::optional<FileFault> {
        if (seen++ < passing) return std::nullopt;
        return FileFault{"killed", taken};
      };
      const std::vector<Sample> samples{{wall_time(t0 + 2 * day_ns), 50}};
      const auto appended = dying.append(samples, f.committed);
      f.files.on_operation = nullptr;
      const Values expected = appended ? Values{1, 2, 50} : Values{1, 2};
      CHECK(f.values() == expected);

      f.wake(second, 1);  // 4, void once the take-over is whole
      f.wake(second, 2);  // 5, the same
      auto next = f.writer(8);
      f.append(next, 3);
      const auto values = f.values();
      CHECK(std::includes(values.begin(), values.end(), expected.begin(), expected.end()));
      CHECK(values.back() == (appended ? 50 : 6));
      CHECK(std::count(values.begin(), values.end(), 3) == 0);

      // All that had been written before wakes.
      f.wake(first, 3);
      f.wake(second, 3);
      f.wake(first);
      f.wake(second, 1);
      f.wake_and_make(3, 6, 9);
      static_cast<void>(dying.append(samples, f.committed));
      CHECK(f.values() == values);
      if (appended) break;
    }
  }
}

TEST_CASE("a take-over that failed is tried again under the same lock, whatever partition comes") {
  for (const std::size_t taken : {0U, 1U, 80U}) {
    for (std::uint64_t passing = 0;; ++passing) {
      CAPTURE(taken, passing);
      Fixture f;
      auto first = f.writer(5, true);
      f.append(first);
      auto taker = f.writer(6);
      f.files.fail_after(passing, {"No space left on device", taken});
      const std::vector<Sample> samples{{wall_time(t0), 50}};
      const auto appended = taker.append(samples, f.committed);
      f.files.on_operation = nullptr;
      f.append(taker, 1);
      f.append(taker);
      f.wake(first);
      CHECK(f.values() == (appended ? Values{1, 2, 3, 50} : Values{1, 2, 3}));
      if (appended) break;
    }
  }
}

TEST_CASE("wherever a writer is paused, what it writes when it wakes is not read") {
  // Each operation of one append in turn: meanwhile its lock goes to others, who write.
  for (const bool clean : {true, false}) {
    for (const bool torn : {false, true}) {
      for (const std::size_t count : {1U, 9000U}) {
        for (const bool disk_full : {false, true}) {
          for (std::uint64_t passing = 0;; ++passing) {
            CAPTURE(clean, torn, count, disk_full, passing);
            Fixture f;
            auto first = f.writer(5, true);
            f.append(first);
            if (torn) f.files.bytes(f.path(0, 5, 1)).resize(600);
            auto paused = f.writer(6, clean);
            bool woken = false;
            Values at_wakeup;
            auto taker = f.writer(7);
            f.files.on_operation =
                [&, seen = std::uint64_t{0}, nested = false](
                    const FileOperation& operation) mutable -> std::optional<FileFault> {
              if (nested) return std::nullopt;
              // A full disk: the write is cut short, then paused before it is told so.
              if (disk_full && !woken && operation.call == FileCall::append) {
                return FileFault{"No space left on device", operation.bytes - 1};
              }
              if (seen++ != passing) return std::nullopt;
              nested = true;
              f.append(taker);
              f.append(taker, 1);
              at_wakeup = f.values();
              nested = false;
              woken = true;
              return std::nullopt;
            };
            std::vector<Sample> samples(count, Sample{wall_time(t0), 1000});
            static_cast<void>(paused.append(samples, f.committed));
            f.files.on_operation = nullptr;
            if (!woken) break;
            const auto after = f.values();
            // Blocks of the append in hand that a full disk cuts off again may vanish; nothing
            // comes, and nothing else goes.
            CHECK(std::includes(at_wakeup.begin(), at_wakeup.end(), after.begin(), after.end()));
            CHECK(std::count_if(after.begin(), after.end(), [](double v) { return v < 1000; }) ==
                  3);
            for (int more = 0; more < 3; ++more) {
              const std::vector<Sample> late{{wall_time(t0), 2000},
                                             {wall_time(t0 + 5 * day_ns), 2000}};
              static_cast<void>(paused.append(late, f.committed));
            }
            CHECK(f.values() == after);
          }
        }
      }
    }
  }
}

TEST_CASE("more segments than a take-over can name are refused, and said so") {
  FaultyFileSystem files;
  SegmentList list;
  const auto directory = "data/" + metric_directory("cpu");
  std::vector<std::string> to_sync;
  REQUIRE(make_directories(files, "data", metric_directory("cpu"), to_sync));
  for (std::uint32_t index = 0; index <= segment_seals_max; ++index) {
    const SegmentName name{wall_time(index * 60'000'000'000LL), seconds{60}, 5, index + 1};
    const auto path = directory + '/' + to_file_name(name);
    REQUIRE(files.create(path));
    files.bytes(path).push_back(0);
    list.segments.push_back({name, std::nullopt});
  }
  list.newest_token = 5;
  const auto refused = take_over(files, "data", "cpu", 6, list,
                                 list.segments.back().name.partition_start, seconds{60});
  REQUIRE_FALSE(refused);
  CHECK(refused.error().kind == Error::busy);
  CHECK(refused.error().text.find("65536 segments") != std::string::npos);

  list.segments.pop_back();
  const auto taken = take_over(files, "data", "cpu", 6, list,
                               list.segments.back().name.partition_start, seconds{60});
  REQUIRE(taken);
  CHECK(taken->bytes == files.bytes(directory + '/' + to_file_name(taken->name)).size());
}

TEST_CASE("a list from the writer spares the directory, and a stale one does not fool a reader") {
  Fixture f;
  auto writer = f.writer(5, true);
  f.append(writer);
  f.append(writer, 1);
  auto taker = f.writer(6);
  f.append(taker, 1);
  f.append(writer);  // void
  const auto list = taker.segment_list();
  const auto open = [&](std::string_view handed) {
    f.files.counts.clear();
    auto snapshot = open_metric(f.files, "data", "cpu", WallTime::min(), WallTime::max(), handed);
    REQUIRE(snapshot);
    return snapshot->segments.size();
  };
  CHECK(open(list) == 3);
  CHECK(f.files.counts[FileCall::list] == 0);
  CHECK(f.files.counts[FileCall::open] == 3);
  CHECK(open("") == 3);
  CHECK(f.files.counts[FileCall::list] == 1);
  CHECK(open("garbage") == 3);
  CHECK(f.files.counts[FileCall::list] == 1);

  const auto handed = decode_segment_list(list);
  REQUIRE(handed);
  REQUIRE(handed->segments);
  CHECK(*handed->segments == list_segments(f.files, "data", "cpu")->segments);

  REQUIRE(f.files.unlink(f.path(0, 5, 1)));  // somebody tidied up
  CHECK(open(list) == 2);
  CHECK(f.files.counts[FileCall::list] == 1);
}

TEST_CASE("a writer's list grows with its segments and follows its directory") {
  Fixture f;
  auto writer = f.writer(5, true);
  ListGeneration last;
  for (std::int64_t day = 0; day < 30; ++day) {
    f.append(writer, day);
    const auto handed = decode_segment_list(writer.segment_list());
    REQUIRE(handed);
    CHECK(handed->generation > last);
    last = handed->generation;
    if (handed->segments) {
      CHECK(*handed->segments == list_segments(f.files, "data", "cpu")->segments);
    } else {
      CHECK(day > 8);
    }
  }
  auto next = f.writer(6, true);
  f.append(next, 29);
  const auto handed = decode_segment_list(next.segment_list());
  REQUIRE(handed);
  CHECK(handed->generation > last);
  CHECK_FALSE(handed->segments);
}

TEST_CASE("under the append lock no segment is made, and what has one is written") {
  Fixture f;
  auto writer = f.writer(5, true);
  f.append(writer);
  f.append(writer, 1);
  f.append(writer, 2);
  const auto files = f.files.paths().size();
  const std::vector<Sample> samples{{wall_time(t0), 50},
                                    {wall_time(t0 + 2 * day_ns), 51},
                                    {wall_time(t0 + 3 * day_ns), 52},
                                    {wall_time(t0 + 4 * day_ns), 53}};
  auto appended = writer.append(samples, f.committed, NewSegments::refused);
  REQUIRE(appended);
  CHECK(*appended == AppendEnd::needs_new_segment);
  CHECK(f.committed.size() == 2);
  CHECK(f.files.paths().size() == files);
  CHECK(f.values() == Values{1, 2, 3, 50, 51});
  appended = writer.append(std::span(samples).subspan(2), f.committed);
  REQUIRE(appended);
  CHECK(*appended == AppendEnd::all_written);
  CHECK(f.values() == Values{1, 2, 3, 50, 51, 52, 53});

  auto taker = f.writer(6);
  appended = taker.append(samples, f.committed, NewSegments::refused);
  REQUIRE(appended);
  CHECK(*appended == AppendEnd::needs_new_segment);
  CHECK(f.committed.empty());
  CHECK_FALSE(taker.touched());
}

TEST_CASE(
    "what a full disk cut short is cut back, never written over, and leaves no heap of files") {
  Fixture f;
  auto writer = f.writer(5, true);
  f.append(writer);
  const auto whole = f.files.bytes(f.path(0, 5, 1));
  for (int round = 0; round < 20; ++round) {
    f.files.on_operation = [](const FileOperation& operation) -> std::optional<FileFault> {
      if (operation.call != FileCall::append) return std::nullopt;
      return FileFault{"No space left on device", 100};
    };
    const std::vector<Sample> samples(300, Sample{wall_time(t0), 9});
    CHECK_FALSE(writer.append(samples, f.committed));
    f.files.on_operation = nullptr;
    CHECK(f.files.paths().size() == 1);
    CHECK(f.files.bytes(f.path(0, 5, 1)) == whole);
  }
  f.append(writer);
  CHECK(f.committed[0].sequence > 1);
  CHECK(f.files.bytes(f.path(0, 5, 1)) == whole);
  CHECK(f.values() == Values{1, 2});

  // One that takes nothing at all may be tried again.
  f.files.on_operation = [](const FileOperation& operation) -> std::optional<FileFault> {
    if (operation.call != FileCall::append) return std::nullopt;
    return FileFault{"No space left on device", 0};
  };
  const auto sequence = f.committed[0].sequence;
  CHECK_FALSE(writer.append(std::vector<Sample>{{wall_time(t0), 9}}, f.committed));
  f.files.on_operation = nullptr;
  f.append(writer);
  CHECK(f.committed[0].sequence == sequence);
}
