#include "ingest/ingest_batch.hpp"

#include <algorithm>
#include <random>

#include "base/byte_reader.hpp"
#include "support/catch.hpp"

using namespace mas;

namespace {

std::vector<LogRange> ranges_of(const Bytes& bytes) {
  std::vector<LogRange> ranges;
  ByteReader in(bytes);
  while (in.ok() && in.left() > 0) ranges.push_back(read_range(in));
  REQUIRE(in.done());
  return ranges;
}

void check_ranges(const Bytes& bytes, const std::vector<LogRange>& expected) {
  const auto ranges = ranges_of(bytes);
  REQUIRE(ranges.size() == expected.size());
  for (std::size_t at = 0; at < ranges.size(); ++at) {
    CHECK(ranges[at].first == expected[at].first);
    CHECK(ranges[at].count == expected[at].count);
    CHECK(ranges[at].status == expected[at].status);
  }
}

}  // namespace

TEST_CASE("a batch whose samples are all stored is answered with one range") {
  IngestBatches batches;
  const auto number = batches.open(7, 70, 5);
  for (const std::uint32_t position : {4U, 0U, 2U, 1U, 3U}) {
    batches.decide({number, position}, Status::done);
  }
  std::vector<IngestBatches::Answer> answers;
  batches.take_answers(true, answers);
  REQUIRE(answers.size() == 1);
  CHECK(answers[0].gateway == 7);
  CHECK(answers[0].batch == 70);
  check_ranges(answers[0].ranges, {{0, 5, Status::done}});
  CHECK(batches.empty());
}

TEST_CASE("samples that wait hold back nothing but themselves, and are answered once") {
  IngestBatches batches;
  const auto number = batches.open(7, 70, 6);
  batches.decide({number, 0}, Status::done);
  batches.decide({number, 1}, Status::busy);
  batches.decide({number, 4}, Status::done);
  std::vector<IngestBatches::Answer> answers;
  batches.take_answers(true, answers);
  REQUIRE(answers.size() == 1);
  check_ranges(answers[0].ranges,
               {{0, 1, Status::done}, {1, 1, Status::busy}, {4, 1, Status::done}});
  CHECK_FALSE(batches.wanted({number, 1}));
  CHECK(batches.wanted({number, 2}));

  answers.clear();
  batches.take_answers(true, answers);
  CHECK(answers.empty());

  batches.decide({number, 0}, Status::busy);  // too late
  for (const std::uint32_t position : {2U, 3U, 5U}) {
    batches.decide({number, position}, Status::done);
  }
  batches.take_answers(true, answers);
  REQUIRE(answers.size() == 1);
  check_ranges(answers[0].ranges, {{2, 2, Status::done}, {5, 1, Status::done}});
  CHECK(batches.empty());
}

TEST_CASE("nothing is acknowledged that was written past the end of the lease") {
  IngestBatches batches;
  const auto number = batches.open(7, 70, 3);
  batches.decide({number, 0}, Status::done);
  batches.decide({number, 1}, Status::busy);
  std::vector<IngestBatches::Answer> answers;
  batches.take_answers(false, answers);
  check_ranges(answers.at(0).ranges, {{0, 2, Status::busy}});
  batches.decide({number, 2}, Status::done);
  answers.clear();
  batches.take_answers(true, answers);
  check_ranges(answers.at(0).ranges, {{2, 1, Status::done}});
}

TEST_CASE("a gateway that is gone gets no answers, the others do") {
  IngestBatches batches;
  const auto gone = batches.open(7, 70, 1);
  const auto there = batches.open(8, 70, 1);
  batches.decide({gone, 0}, Status::done);
  batches.forget(7);
  batches.decide({gone, 0}, Status::done);
  CHECK_FALSE(batches.wanted({gone, 0}));
  batches.decide({there, 0}, Status::done);
  std::vector<IngestBatches::Answer> answers;
  batches.take_answers(true, answers);
  REQUIRE(answers.size() == 1);
  CHECK(answers[0].gateway == 8);
  CHECK(batches.empty());
}

TEST_CASE("whatever the order of decisions, each position is answered exactly once") {
  for (std::uint64_t seed = 1; seed <= 200; ++seed) {
    CAPTURE(seed);
    std::mt19937_64 random(seed);
    IngestBatches batches;
    const auto count = static_cast<std::uint32_t>(1 + random() % 50);
    const auto number = batches.open(7, 70, count);
    std::vector<std::uint32_t> order(count);
    for (std::uint32_t at = 0; at < count; ++at) order[at] = at;
    std::shuffle(order.begin(), order.end(), random);
    std::vector<Status> decided(count);
    std::vector<int> answered(count);
    const auto take = [&] {
      std::vector<IngestBatches::Answer> answers;
      batches.take_answers(true, answers);
      for (const auto& answer : answers) {
        for (const auto& range : ranges_of(answer.ranges)) {
          for (auto at = range.first; at < range.first + range.count; ++at) {
            ++answered[at];
            CHECK(range.status == decided[at]);
          }
        }
      }
    };
    for (const auto position : order) {
      decided[position] = random() % 2 == 0 ? Status::done : Status::busy;
      batches.decide({number, position}, decided[position]);
      if (random() % 4 == 0) take();
    }
    take();
    CHECK(answered == std::vector<int>(count, 1));
    CHECK(batches.empty());
  }
}
