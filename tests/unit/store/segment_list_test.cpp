#include "store/segment_list.hpp"

#include <fmt/format.h>

#include <limits>
#include <random>

#include "store/metric_path.hpp"
#include "support/catch.hpp"
#include "support/faulty_file_system.hpp"

using namespace mas;

namespace {

constexpr std::int64_t day_s = 86'400;

std::string hex_of(std::string_view bytes) {
  std::string text;
  for (const auto byte : as_bytes(bytes)) text += fmt::format("{:02x}", byte);
  return text;
}

SegmentName name_of(std::int64_t day, std::uint64_t token, std::uint32_t sequence) {
  return {WallTime{seconds{day * day_s}}, seconds{day_s}, token, sequence};
}

/// A metric's directory made by hand.
struct Directory {
  Directory() {
    std::vector<std::string> to_sync;
    REQUIRE(make_directories(files, "data", metric_directory("cpu"), to_sync));
  }
  std::string add(const SegmentName& name, std::vector<SegmentSeal> seals = {},
                  const std::string& id = "cpu") {
    auto path = "data/" + metric_directory("cpu") + '/' + to_file_name(name);
    REQUIRE(files.create(path));
    SegmentHeader header;
    header.name = name;
    header.id = id;
    header.seals = std::move(seals);
    encode_segment_header(header, files.bytes(path));
    return path;
  }
  SegmentList list() {
    auto listed = list_segments(files, "data", "cpu");
    REQUIRE(listed);
    return *std::move(listed);
  }

  FaultyFileSystem files;
};

}  // namespace

TEST_CASE("without a take-over every segment counts wholly, and no file is opened") {
  Directory d;
  CHECK(list_segments(d.files, "data", "other").error().kind == Error::not_found);
  CHECK(d.list().segments.empty());
  d.add(name_of(2, 7, 1));
  d.add(name_of(1, 9, 2));
  d.add(name_of(1, 9, 1));
  const auto list = d.list();
  CHECK(list.segments == std::vector<ListedSegment>{{name_of(1, 9, 1), std::nullopt},
                                                    {name_of(1, 9, 2), std::nullopt},
                                                    {name_of(2, 7, 1), std::nullopt}});
  CHECK(list.governing_token == 0);
  CHECK(list.newest_token == 9);
  CHECK(d.files.counts[FileCall::open] == 0);
}

TEST_CASE("of older tokens a take-over leaves what it names, of newer ones everything") {
  Directory d;
  d.add(name_of(1, 5, 1));
  d.add(name_of(1, 5, 2));  // not named: void
  d.add(name_of(9, 5, 3));  // in another partition all the same
  d.add(name_of(2, 6, 1));
  d.add(name_of(2, 8, 0), {{6, 1, 700}, {5, 1, 500}, {4, 4, 4}});
  d.add(name_of(2, 8, 1));
  d.add(name_of(3, 9, 1));
  d.files.counts.clear();
  const auto list = d.list();
  CHECK(list.segments == std::vector<ListedSegment>{{name_of(1, 5, 1), 500},
                                                    {name_of(2, 6, 1), 700},
                                                    {name_of(2, 8, 0), std::nullopt},
                                                    {name_of(2, 8, 1), std::nullopt},
                                                    {name_of(3, 9, 1), std::nullopt}});
  CHECK(list.governing_token == 8);
  CHECK(list.newest_token == 9);
  CHECK(d.files.counts[FileCall::open] == 1);
}

TEST_CASE("the newest take-over governs alone, and none that is not whole does") {
  Directory d;
  d.add(name_of(1, 4, 1));
  d.add(name_of(1, 5, 0), {{4, 1, 40}});
  d.add(name_of(1, 6, 1));
  const auto path = d.add(name_of(2, 7, 0), {{4, 1, 30}, {5, 0, 50}});
  const auto whole = d.files.bytes(path);
  const std::vector<ListedSegment> under_the_newest{
      {name_of(1, 4, 1), 30}, {name_of(1, 5, 0), 50}, {name_of(2, 7, 0), std::nullopt}};
  const std::vector<ListedSegment> under_the_one_before{{name_of(1, 4, 1), 40},
                                                        {name_of(1, 5, 0), std::nullopt},
                                                        {name_of(1, 6, 1), std::nullopt},
                                                        {name_of(2, 7, 0), std::nullopt}};
  CHECK(d.list().segments == under_the_newest);
  for (std::size_t cut = 0; cut < whole.size(); ++cut) {
    d.files.bytes(path).assign(whole.begin(), whole.begin() + static_cast<std::ptrdiff_t>(cut));
    const auto list = d.list();
    CHECK(list.governing_token == 5);
    CHECK(list.segments == under_the_one_before);
  }
  for (std::size_t at = 0; at < whole.size(); ++at) {
    if (at >= 8 && at < 12) continue;  // version and flags, see below
    d.files.bytes(path) = whole;
    d.files.bytes(path)[at] ^= 0x10;
    CHECK(d.list().segments == under_the_one_before);
  }
  d.files.bytes(path).assign(whole.size(), 0);
  CHECK(d.list().segments == under_the_one_before);
  REQUIRE(d.files.unlink(path));
  d.add(name_of(2, 7, 0), {}, "another");
  CHECK(d.list().segments == under_the_one_before);
}

TEST_CASE("a take-over that cannot be read is an error, never guessed about") {
  Directory d;
  d.add(name_of(1, 4, 1));
  const auto path = d.add(name_of(2, 7, 0), {{4, 1, 30}});
  d.files.bytes(path)[8] = 2;
  CHECK(list_segments(d.files, "data", "cpu").error().kind == Error::unsupported);
  d.files.bytes(path)[8] = 1;
  for (std::uint64_t passing = 0;; ++passing) {
    d.files.fail_after(passing, {"Input/output error"});
    const auto list = list_segments(d.files, "data", "cpu");
    if (list) {
      CHECK(passing == 4);  // list, open, size, read
      break;
    }
    CHECK(list.error().kind == Error::io);
  }
}

TEST_CASE("as many seals as a header can name are read back") {
  Directory d;
  d.add(name_of(1, 3, segment_seals_max));
  std::vector<SegmentSeal> seals;
  for (std::uint32_t sequence = 1; sequence <= segment_seals_max; ++sequence) {
    seals.push_back({3, sequence, sequence});
  }
  const auto path = d.add(name_of(2, 4, 0), seals);
  CHECK(d.files.bytes(path).size() <= segment_header_bytes_max);
  CHECK(d.list().segments.at(0) == ListedSegment{name_of(1, 3, segment_seals_max), 65'535});
}

TEST_CASE("a list handed on is these bytes") {
  const std::vector<ListedSegment> segments{{name_of(19'108, 0x2a, 1), 500},
                                            {name_of(19'109, 0x2c, 0), std::nullopt}};
  CHECK(hex_of(encode_segment_list({0x2c, 3}, segments)) ==
        "01"                // version
        "2c00000000000000"  // generation: token
        "03000000"          // and changes
        "02"                // segments
        "80d8b9a60c"        // 2022-04-26, zigzag of seconds
        "80a305"            // a day
        "02"                // token 0x2a
        "01"                // sequence
        "f503"              // 500 bytes and one
        "80c60a"            // a day later
        "80a305"
        "00"
        "00"    // sequence 0: a take-over
        "00");  // all of it
  CHECK(hex_of(encode_segment_list({0x2c, 3}, std::nullopt)) == "012c0000000000000003000000ff");
}

TEST_CASE("a list handed on reads back, or says that the directory has to be read") {
  std::mt19937_64 random(8421);
  std::size_t whole = 0;
  for (int round = 0; round < 2000; ++round) {
    const ListGeneration generation{(random() % 8 << 32U) + 100 + random() % 100,
                                    static_cast<std::uint32_t>(random())};
    std::vector<ListedSegment> segments;
    const auto count = 1 + random() % 25;
    for (std::uint64_t index = 0; index < count; ++index) {
      auto name = name_of(static_cast<std::int64_t>(random() % 200) - 20,
                          generation.token - random() % 100, static_cast<std::uint32_t>(index));
      if (round % 5 == 0) name.partition_length = seconds{random() % 2 == 0 ? 60 : 3600};
      add_segment(segments, name);
    }
    for (auto& segment : segments) {
      if (random() % 2 == 0) segment.valid_bytes = random() % 100'000;
    }
    const auto bytes = encode_segment_list(generation, segments);
    CHECK(bytes.size() <= segment_list_bytes_max);
    const auto decoded = decode_segment_list(bytes);
    REQUIRE(decoded);
    CHECK(decoded->generation == generation);
    if (decoded->segments) {
      CHECK(*decoded->segments == segments);
      ++whole;
    } else {
      CHECK(segments.size() > 5);
    }
    // No cut one passes for another.
    for (std::size_t cut = 0; cut < bytes.size(); ++cut) {
      CHECK_FALSE(decode_segment_list(std::string(bytes.substr(0, cut))));
    }
    CHECK_FALSE(decode_segment_list(bytes + '\0'));
  }
  CHECK(whole > 500);
}

TEST_CASE("no bytes harm the decoder of lists, and what it takes is a list") {
  std::mt19937_64 random(8421);
  const std::vector<ListedSegment> segments{
      {name_of(1, 5, 1), std::nullopt}, {name_of(2, 5, 2), 70}, {name_of(2, 6, 0), std::nullopt}};
  const auto whole = encode_segment_list({6, 1}, segments);
  for (int round = 0; round < 50'000; ++round) {
    auto bytes = whole;
    for (auto change = 1 + random() % 4; change > 0; --change) {
      bytes[random() % bytes.size()] = static_cast<char>(random());
    }
    const auto decoded = decode_segment_list(std::string(bytes));
    if (!decoded || !decoded->segments) continue;
    CHECK_FALSE(decoded->segments->empty());
    for (const auto& segment : *decoded->segments) {
      CHECK(segment.name.token <= decoded->generation.token);
      CHECK(parse_segment_name(to_file_name(segment.name)) == segment.name);
    }
  }
  auto later = whole;
  later[0] = 2;
  CHECK(decode_segment_list(later).error().kind == Error::unsupported);
  CHECK_FALSE(decode_segment_list(""));
}
