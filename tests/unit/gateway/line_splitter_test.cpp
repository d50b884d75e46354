#include "gateway/line_splitter.hpp"

#include <memory>
#include <random>
#include <string>
#include <vector>

#include "support/catch.hpp"

namespace mas {
namespace {

/// A line as it came out, too long or its text.
using Lines = std::vector<std::string>;
const std::string too_long = "<too long>";

void take(std::optional<LineSplitter::Line> line, Lines& out) {
  if (line->too_long) CHECK(line->text.empty());
  out.push_back(line->too_long ? too_long : std::string(line->text));
}

/// What comes out of `stream` fed in pieces that end at `cuts`, each from a heap copy of exactly
/// its size that is gone once it is used up.
Lines split(const std::string& stream, const std::vector<std::size_t>& cuts) {
  LineSplitter splitter;
  Lines lines;
  std::size_t from = 0;
  const auto feed = [&](std::size_t to) {
    const auto piece = std::make_unique<char[]>(to - from);
    stream.copy(piece.get(), to - from, from);
    splitter.feed({piece.get(), to - from});
    while (const auto line = splitter.next()) take(line, lines);
    from = to;
  };
  for (const std::size_t cut : cuts) feed(cut);
  feed(stream.size());
  if (const auto line = splitter.finish()) take(line, lines);
  CHECK_FALSE(splitter.finish());
  return lines;
}

/// The same by the contract's words, with the whole stream at hand.
Lines by_the_book(const std::string& stream) {
  Lines lines;
  for (std::size_t from = 0; from < stream.size();) {
    const std::size_t end = std::min(stream.find('\n', from), stream.size());
    std::string line = stream.substr(from, end - from);
    if (!line.empty() && line.back() == '\r') line.pop_back();
    lines.push_back(line.size() > 1024 ? too_long : line);
    from = end + 1;
  }
  return lines;
}

void check_every_split(const std::string& stream) {
  const Lines expected = by_the_book(stream);
  REQUIRE(split(stream, {}) == expected);
  for (std::size_t cut = 0; cut <= stream.size(); ++cut) {
    if (split(stream, {cut}) == expected) continue;
    CAPTURE(stream.size(), cut);
    REQUIRE(split(stream, {cut}) == expected);
  }
  std::vector<std::size_t> each;
  for (std::size_t cut = 1; cut < stream.size(); ++cut) each.push_back(cut);
  REQUIRE(split(stream, each) == expected);
}

std::string of(std::size_t size, char c = 'x') { return std::string(size, c); }

}  // namespace

TEST_CASE("a line ends at a newline, a carriage return right before it belongs to the end") {
  CHECK(split("LOG a 1\nLOG b 2\r\n", {}) == Lines{"LOG a 1", "LOG b 2"});
  CHECK(split("\n\r\n\n", {}) == Lines{"", "", ""});
  CHECK(split("a\r\r\nb\rc\n", {}) == Lines{"a\r", "b\rc"});
  CHECK(split(std::string("a\0b\n", 4), {}) == Lines{std::string("a\0b", 3)});
}

TEST_CASE("what is left at the end of the stream is a line") {
  CHECK(split("LOG a 1", {}) == Lines{"LOG a 1"});
  CHECK(split("LOG a 1\r", {}) == Lines{"LOG a 1"});
  CHECK(split("LOG a 1\nLOG b", {}) == Lines{"LOG a 1", "LOG b"});
  CHECK(split("", {}).empty());
  CHECK(split("LOG a 1\n", {}) == Lines{"LOG a 1"});
  CHECK(split("\r", {}) == Lines{""});
}

TEST_CASE("a line has at most 1,024 bytes, its end not counted") {
  for (const char* const end : {"\n", "\r\n", "", "\r"}) {
    CHECK(split(of(1024) + end, {}) == Lines{of(1024)});
    CHECK(split(of(1025) + end, {}) == Lines{too_long});
  }
  CHECK(split(of(1024) + "\r\r\n", {}) == Lines{too_long});
  CHECK(split(of(1023) + "\r\r\n", {}) == Lines{of(1023) + "\r"});
}

TEST_CASE("a line that is too long is reported once and skipped up to its newline") {
  CHECK(split(of(5000) + "\nLOG a 1\n", {}) == Lines{too_long, "LOG a 1"});
  CHECK(split(of(5000) + "\nLOG a 1\n", {1000, 2000, 3000}) == Lines{too_long, "LOG a 1"});
  CHECK(split(of(100'000), {20'000, 40'000}) == Lines{too_long});
  CHECK(split(of(2000) + "\n" + of(2000) + "\n", {}) == Lines{too_long, too_long});
}

TEST_CASE("a line that is too long is reported before its end has come") {
  // A carriage return may belong to the end, but only one may: nothing grows while waiting for it.
  for (const std::string& start : {of(1025), of(1025) + "\r", of(1026, '\r'), of(100'000, '\r')}) {
    LineSplitter splitter;
    splitter.feed(start);
    const auto line = splitter.next();
    REQUIRE(line);
    CHECK(line->too_long);
    CHECK_FALSE(splitter.next());
    CHECK_FALSE(splitter.holds());
    CHECK_FALSE(splitter.finish());
  }
}

TEST_CASE("lines come out the same wherever the stream is cut") {
  check_every_split("LOG a 1\nLOG b 2\r\n\n\r\nQUERY a AVG 1\r\r\nx\ry\nrest");
  check_every_split("\r\n\r\r\n\n\n\r");
  check_every_split(of(1024) + "\r\n" + of(1025) + "\nab\n");
  check_every_split(of(1025) + "\r\n" + of(1024) + "\r");
  check_every_split(of(1023) + "\r\r\n" + of(1024) + "\r\r\nz");
  check_every_split(of(1024) + "\rx\nq\n" + of(1026, '\r') + "\n" + of(1025, '\r') + "\n");
  check_every_split(of(1025, '\r'));
  check_every_split(of(1026, '\r'));
  check_every_split(of(3000) + "\n\n" + of(1100));
}

TEST_CASE("lines come out the same however a random stream is cut") {
  std::mt19937_64 random(6);
  for (int round = 0; round < 2000; ++round) {
    std::string stream;
    for (auto parts = random() % 8; parts > 0; --parts) {
      static constexpr std::size_t sizes[] = {0, 1, 5, 20, 1022, 1023, 1024, 1025, 1026, 2100};
      stream += of(sizes[random() % std::size(sizes)]);
      static constexpr const char* ends[] = {"\n", "\r\n", "\r", "\n\n", "\r\r\n", "\n"};
      stream += ends[random() % std::size(ends)];
    }
    std::vector<std::size_t> cuts;
    for (std::size_t at = 0;;) {
      at += random() % 3 == 0 ? random() % 3 : random() % 1500;
      if (at >= stream.size()) break;
      cuts.push_back(at);
    }
    const Lines expected = by_the_book(stream);
    if (split(stream, cuts) != expected) {
      CAPTURE(round, cuts);
      REQUIRE(split(stream, cuts) == expected);
    }
  }
}

TEST_CASE("what is not looked at yet can be taken back and fed again") {
  LineSplitter splitter;
  splitter.feed("fi");
  CHECK_FALSE(splitter.holds());
  CHECK_FALSE(splitter.next());
  CHECK(splitter.holds());
  splitter.feed("rst\nsecond\nthi");
  Lines lines;
  take(splitter.next(), lines);
  const std::string_view rest = splitter.take_rest();
  CHECK(rest == "second\nthi");
  CHECK_FALSE(splitter.holds());
  CHECK_FALSE(splitter.next());
  splitter.feed(rest);
  take(splitter.next(), lines);
  CHECK_FALSE(splitter.next());
  CHECK(splitter.holds());
  take(splitter.finish(), lines);
  CHECK(lines == Lines{"first", "second", "thi"});
  CHECK_FALSE(splitter.holds());
}

TEST_CASE("lines that arrive whole are not copied") {
  LineSplitter splitter;
  const std::string bytes = "first\nsecond\r\nthi";
  splitter.feed(bytes);
  const auto first = splitter.next();
  REQUIRE(first);
  CHECK(first->text.data() == bytes.data());
  const auto second = splitter.next();
  REQUIRE(second);
  CHECK(second->text.data() == bytes.data() + 6);
  CHECK_FALSE(splitter.next());
  const std::string more = "rd\nfourth\n";
  splitter.feed(more);
  const auto third = splitter.next();
  REQUIRE(third);
  CHECK(third->text == "third");
  const auto fourth = splitter.next();
  REQUIRE(fourth);
  CHECK(fourth->text.data() == more.data() + 3);
  CHECK_FALSE(splitter.next());
}

}  // namespace mas
