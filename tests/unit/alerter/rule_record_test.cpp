#include "alerter/rule_record.hpp"

#include <memory>

#include "base/crc32c.hpp"
#include "support/catch.hpp"

namespace mas {
namespace {

constexpr std::uint32_t shard = 7;

BookedRule booked(const std::string& id, Op op, double limit, std::int64_t registered) {
  return {.rule = {id, op, milliseconds{1500}, limit},
          .registered = wall_time(registered),
          .judged_until = wall_time(registered),
          .fired_until = std::nullopt};
}

/// Reads a copy on the heap of exactly that size, so that an overread is seen.
Result<ReadRules> read(ByteView bytes, std::uint32_t as_shard = shard) {
  const auto copy = std::make_unique<std::uint8_t[]>(bytes.size());
  std::copy(bytes.begin(), bytes.end(), copy.get());
  return read_rule_file({copy.get(), bytes.size()}, as_shard);
}

/// A file of several records; `ends` gets where each of them ends, the header first.
Bytes example(std::vector<std::size_t>& ends, std::vector<RuleBook>& books) {
  Bytes file;
  RuleBook book;
  const auto note = [&] {
    ends.push_back(file.size());
    books.push_back(book);
  };
  append_rule_header(file, shard);
  note();
  for (const auto& rule : {booked("cpu", Op::max, 5, 100), booked("métrica", Op::avg, -0.5, 200),
                           booked(std::string(200, 'x'), Op::count, 1e308, 300)}) {
    append_record(file, rule);
    REQUIRE(book.apply(rule));
    note();
  }
  const PeriodJudged judged{wall_time(60'000'000'000), {0, 2}, {2}};
  append_record(file, judged);
  REQUIRE(book.apply(judged));
  note();
  return file;
}

}  // namespace

TEST_CASE("a file of rules reads back as it was written") {
  std::vector<std::size_t> ends;
  std::vector<RuleBook> books;
  const auto file = example(ends, books);
  const auto rules = read(file);
  REQUIRE(rules);
  CHECK(rules->ignored_bytes == 0);
  CHECK(rules->book.rules() == books.back().rules());

  Bytes rewritten;
  append_rule_file(rewritten, shard, rules->book);
  const auto again = read(rewritten);
  REQUIRE(again);
  CHECK(again->book.rules() == books.back().rules());
}

TEST_CASE("a file cut at any byte reads as all records that are whole") {
  std::vector<std::size_t> ends;
  std::vector<RuleBook> books;
  const auto file = example(ends, books);
  for (std::size_t size = 0; size <= file.size(); ++size) {
    CAPTURE(size);
    const auto rules = read(ByteView(file).first(size));
    if (size < ends[0]) {
      REQUIRE_FALSE(rules);
      CHECK(rules.error().kind == Error::torn);
      continue;
    }
    REQUIRE(rules);
    std::size_t whole = 0;
    while (whole + 1 < ends.size() && ends[whole + 1] <= size) ++whole;
    CHECK(rules->book.rules() == books[whole].rules());
    CHECK(rules->ignored_bytes == size - ends[whole]);
  }
}

TEST_CASE("a flipped bit at any place is found") {
  std::vector<std::size_t> ends;
  std::vector<RuleBook> books;
  const auto file = example(ends, books);
  for (std::size_t at = 0; at < file.size(); ++at) {
    CAPTURE(at);
    auto damaged = file;
    damaged[at] ^= 0x10;
    const auto rules = read(damaged);
    if (at < ends[0]) {
      CHECK_FALSE(rules);
      continue;
    }
    REQUIRE(rules);
    std::size_t whole = 0;
    while (ends[whole + 1] <= at) ++whole;
    CHECK(rules->book.rules() == books[whole].rules());
  }
}

TEST_CASE("a file of a later version or of another shard is refused, not guessed") {
  Bytes file;
  append_rule_header(file, shard);
  CHECK(read(file, shard + 1).error().kind == Error::torn);
  file[8] = 2;
  CHECK(read(file).error().kind == Error::unsupported);
}

TEST_CASE("records that check but make no sense end the reading") {
  Bytes header;
  append_rule_header(header, shard);
  const auto with = [&](Bytes body) {
    Bytes file = header;
    const auto start = file.size();
    append_le(file, static_cast<std::uint32_t>(body.size()));
    append(file, body);
    append_le(file, crc32c(ByteView(file).subspan(start)));
    const auto rules = read(file);
    REQUIRE(rules);
    CHECK(rules->book.size() == 0);
    return rules->ignored_bytes == file.size() - header.size();
  };
  CHECK(with({}));
  CHECK(with({9, 1, 2, 3}));  // a type of nobody's
  CHECK(with({1}));           // a rule without fields
  // A mark that counts more rules than there are bytes, or than fit in memory.
  Bytes mark{2, 0, 0, 0, 0, 0, 0, 0, 0};
  append_varint(mark, std::uint64_t{1} << 60U);
  CHECK(with(mark));
  CHECK(with({2, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0}));  // names a rule that is not there
}

TEST_CASE("the file's bytes are those of version 1") {
  RuleBook book;
  REQUIRE(book.apply(booked("cpu", Op::max, 5, 100)));
  Bytes file;
  append_rule_file(file, shard, book);
  append_record(file, PeriodJudged{wall_time(60), {0}, {0}});
  std::string hex;
  for (const auto byte : file) hex += fmt::format("{:02x}", byte);
  CHECK(hex ==
        "6d617372756c6573010007001fb459c0"  // header of shard 7
        // the rule: its length, type, moments, MAX, 1.5 s, 5.0, "cpu", checksum
        "2e000000016400000000000000640000000000000000000000000000800100"
        "2f685900000000000000000000144003637075a7d3d992"
        // the mark: its length, type, moment, one rule judged, one fired, checksum
        "0d000000023c0000000000000001000100a0da14c4");
}

}  // namespace mas
