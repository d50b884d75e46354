#include "query/answer_stream.hpp"

#include <cstring>
#include <string>
#include <vector>

#include "support/catch.hpp"

namespace mas {
namespace {

std::vector<Sample> samples_at(const std::vector<std::pair<std::int64_t, double>>& pairs) {
  std::vector<Sample> samples;
  for (const auto& [seconds_since, value] : pairs) {
    samples.push_back({wall_time(seconds_since * 1'000'000'000), value});
  }
  return samples;
}

/// Takes all chunks that may be given, granting more while there are any.
std::string drain(AnswerStream& answer, std::size_t* chunks = nullptr) {
  std::string body;
  while (const auto chunk = answer.next_chunk()) {
    REQUIRE(chunk->body.size() <= chunk_bytes_max);
    body += as_text(chunk->body);
    if (chunks != nullptr) ++*chunks;
    answer.grant(1);
  }
  return body;
}

std::string answer_of(Op op, nanoseconds window, const std::vector<Sample>& samples) {
  AnswerStream answer(op, AnswerForm::text, window);
  answer.add(samples);
  answer.finish();
  auto body = drain(answer);
  REQUIRE(answer.done());
  return body;
}

}  // namespace

TEST_CASE("an answer is its windows' values between brackets, a comma and a space between them") {
  const auto samples = samples_at({{0, 1}, {1, 2.5}, {60, -0.5}});
  CHECK(answer_of(Op::max, seconds{60}, samples) == "[2.5, -0.5]");
  CHECK(answer_of(Op::min, seconds{60}, samples) == "[1.0, -0.5]");
  CHECK(answer_of(Op::avg, seconds{60}, samples) == "[1.75, -0.5]");
  CHECK(answer_of(Op::max, seconds{3600}, samples) == "[2.5]");
}

TEST_CASE("COUNT gives integers") {
  CHECK(answer_of(Op::count, seconds{60},
                  samples_at({{0, 1}, {60, 1}, {61, 1}, {62, 1}, {63, 1}})) == "[1, 4]");
}

TEST_CASE("with secs 0 each sample is a window, equal stamps too") {
  CHECK(answer_of(Op::avg, nanoseconds{0}, samples_at({{0, 1}, {0, 2}, {5, 3}})) ==
        "[1.0, 2.0, 3.0]");
}

TEST_CASE("an answer without samples is empty brackets") {
  CHECK(answer_of(Op::avg, seconds{1}, {}) == "[]");
  CHECK(answer_of(Op::count, seconds{0}, {}) == "[]");
}

TEST_CASE("the answer is the same however its samples come") {
  std::vector<Sample> samples;
  for (int at = 0; at < 500; ++at) samples.push_back({wall_time(at * 7), at * 0.25});
  const auto whole = answer_of(Op::avg, nanoseconds{20}, samples);
  for (const std::size_t step : {1U, 2U, 3U, 64U, 499U}) {
    AnswerStream answer(Op::avg, AnswerForm::text, nanoseconds{20});
    std::string body;
    for (std::size_t from = 0; from < samples.size(); from += step) {
      const auto count = std::min(step, samples.size() - from);
      answer.add(std::span(samples).subspan(from, count));
      body += drain(answer);
    }
    answer.finish();
    CHECK(body + drain(answer) == whole);
  }
}

TEST_CASE("columns hold each window's start and value, counts as integers") {
  const auto samples = samples_at({{3, 1}, {4, 2.5}, {70, 8}});
  AnswerStream values(Op::max, AnswerForm::columns, seconds{60});
  values.add(samples);
  values.finish();
  const auto body = drain(values);
  REQUIRE(body.size() == 32);
  ByteReader in(as_bytes(body));
  CHECK(in.i64() == 3'000'000'000);
  CHECK(in.f64() == 2.5);
  CHECK(in.i64() == 70'000'000'000);
  CHECK(in.f64() == 8);

  AnswerStream counts(Op::count, AnswerForm::columns, seconds{60});
  counts.add(samples);
  counts.finish();
  const auto counted = drain(counts);
  ByteReader count_in(as_bytes(counted));
  static_cast<void>(count_in.i64());
  CHECK(count_in.u64() == 2);

  AnswerStream empty(Op::avg, AnswerForm::columns, seconds{60});
  empty.finish();
  const auto last = empty.next_chunk();
  REQUIRE(last);
  CHECK(last->body.empty());
  CHECK(last->last);
}

TEST_CASE("a large answer comes in chunks of at most 256 KiB, whole but the last, which says so") {
  AnswerStream answer(Op::max, AnswerForm::text, nanoseconds{0});
  std::string expected = "[";
  std::string body;
  std::size_t chunks = 0;
  std::size_t lasts = 0;
  const auto take = [&] {
    while (const auto chunk = answer.next_chunk()) {
      CHECK((chunk->body.size() == chunk_bytes_max || chunk->last));
      body += as_text(chunk->body);
      ++chunks;
      lasts += chunk->last ? 1U : 0U;
      answer.grant(1);
    }
  };
  for (int step = 0; step < 100; ++step) {
    std::vector<Sample> samples;
    for (int at = 0; at < 4096; ++at) {
      samples.push_back({wall_time(step * 4096 + at), at * 1.5});
      expected += fmt::format("{}{:.1f}", expected.size() > 1 ? ", " : "", at * 1.5);
    }
    REQUIRE(answer.wants_samples());
    answer.add(samples);
    take();
  }
  answer.finish();
  take();
  CHECK(body == expected + "]");
  CHECK(chunks == (body.size() + chunk_bytes_max - 1) / chunk_bytes_max);
  CHECK(lasts == 1);
}

TEST_CASE("without credit no chunk is given and no samples are wanted, so memory stays bounded") {
  AnswerStream answer(Op::max, AnswerForm::text, nanoseconds{0});
  std::vector<Sample> step(4096);
  for (auto& sample : step) sample.value = -2.2250738585072014e-308;
  std::uint32_t chunks = 0;
  std::size_t steps = 0;
  while (answer.wants_samples()) {
    answer.add(step);
    ++steps;
    while (answer.next_chunk()) ++chunks;
  }
  CHECK(chunks == chunk_window);
  CHECK(steps * 4096 * 25 <= chunk_window * chunk_bytes_max + 2 * 4096 * 25);
  CHECK_FALSE(answer.can_go_on());
  CHECK_FALSE(answer.next_chunk());

  SECTION("one more chunk is given for one more credit") {
    answer.grant(1);
    CHECK(answer.can_go_on());
    std::uint32_t more = 0;
    while (answer.wants_samples()) {
      answer.add(step);
      while (answer.next_chunk()) ++more;
    }
    CHECK(more == 1);
  }
  SECTION("credit beyond what can be counted does no harm") {
    answer.grant(std::numeric_limits<std::uint32_t>::max());
    answer.grant(std::numeric_limits<std::uint32_t>::max());
    CHECK(answer.wants_samples());
  }
}

}  // namespace mas
