#include "store/segment_format.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cstring>
#include <limits>
#include <random>

#include "support/catch.hpp"

using namespace mas;

namespace {

std::string hex_of(ByteView bytes) {
  std::string text;
  for (const auto byte : bytes) text += fmt::format("{:02x}", byte);
  return text;
}

SegmentHeader example_header() {
  SegmentHeader header;
  header.name = {wall_time(1'650'931'200'000'000'000), seconds{86'400}, 0x2a, 1};
  header.id = "cpu";
  return header;
}

}  // namespace

TEST_CASE("a segment header is these bytes") {
  Bytes bytes;
  encode_segment_header(example_header(), bytes);
  CHECK(hex_of(bytes) ==
        "6d61732d7365670a"  // magic "mas-seg\n"
        "0100"
        "0000"
        "47000000"          // version 1, flags 0, 71 bytes
        "00009cec2d49e916"  // 2022-04-26T00:00:00Z
        "00004f91944e0000"  // a day
        "2a00000000000000"
        "01000000"  // token, sequence
        "0300"
        "0000"              // id bytes, seals
        "0000000000000000"  // journal
        "0000000000000000"  // LSN
        "637075"
        "896ab6c4");
}

TEST_CASE("a block is these bytes") {
  const auto t0 = 1'650'931'205'000'000'000;
  const std::vector<Sample> samples{{wall_time(t0), 1.0}, {wall_time(t0 + 300), 2.5}};
  Bytes bytes;
  encode_block(samples, bytes);
  CHECK(hex_of(bytes) ==
        "3fa38907"  // CRC-32C
        "12000000"
        "0200"
        "01"
        "00"
        "00000000"  // payload bytes, count, encoding, flags, index
        "00f2a1162f49e916"
        "2cf3a1162f49e916"  // first and last stamp
        "000000000000f03f"
        "0000000000000440"  // min 1.0, max 2.5
        "0000000000000c40"
        "0000000000000000"  // sum 3.5 and its rest
        "0000000000000000"
        "0000000000000000"  // journal, LSN
        "d804"              // zigzag(300)
        "000000000000f03f"
        "0000000000000440");
}

TEST_CASE("segment names say their partition and sort by it, then by token and sequence") {
  const SegmentName name{wall_time(1'650'931'200'000'000'000), seconds{86'400}, 42, 1};
  CHECK(to_file_name(name) == "20220426T000000Z-0086400-000000000000002a-00000001.seg");

  std::mt19937_64 random(8421);
  const std::vector<std::int64_t> lengths{60, 3600, 86'400, 7 * 86'400, 30 * 86'400};
  std::uniform_int_distribution any_stamp(to_int(store_stamp_min), to_int(store_stamp_max));
  std::pair<SegmentName, std::string> previous;
  for (int round = 0; round < 5000; ++round) {
    const seconds length{lengths[random() % lengths.size()]};
    const auto stamp = wall_time(any_stamp(random));
    const auto start = partition_start(stamp, length);
    REQUIRE(start <= stamp);
    REQUIRE(stamp - start < length);
    const SegmentName made{start, length, random(), static_cast<std::uint32_t>(random())};
    const auto text = to_file_name(made);
    CAPTURE(text);
    const auto parsed = parse_segment_name(text);
    REQUIRE(parsed);
    CHECK(*parsed == made);
    if (round > 0 && previous.first.partition_start != made.partition_start) {
      CHECK((previous.second < text) == (previous.first.partition_start < made.partition_start));
    }
    previous = {made, text};
  }
}

TEST_CASE("the first and the last partitions have names") {
  for (const auto stamp : {store_stamp_min, store_stamp_max}) {
    for (const auto length : {partition_length_min, partition_length_max}) {
      const SegmentName name{partition_start(stamp, length), length, 1, 1};
      const auto text = to_file_name(name);
      CAPTURE(text);
      const auto parsed = parse_segment_name(text);
      REQUIRE(parsed);
      CHECK(*parsed == name);
      CHECK(parsed->partition_end() > stamp);
    }
  }
}

TEST_CASE("a name that is not exactly a segment's is none") {
  for (const std::string wrong :
       {"", ".seg", "20220426T000000Z-0086400-000000000000002a-00000001.segx",
        "20220426T000000Z-0086400-000000000000002A-00000001.seg",
        "20220426T000000Z-0086400-000000000000002a-0000001.seg",
        "20220426T000000Z-0086401-000000000000002a-00000001.seg",
        "20220426T000001Z-0086400-000000000000002a-00000001.seg",
        "20220426T240000Z-0086400-000000000000002a-00000001.seg",
        "20220431T000000Z-0086400-000000000000002a-00000001.seg",
        "20221326T000000Z-0086400-000000000000002a-00000001.seg",
        "00010101T000000Z-0086400-000000000000002a-00000001.seg",
        "99991231T000000Z-0086400-000000000000002a-00000001.seg",
        "+0220426T000000Z-0086400-000000000000002a-00000001.seg",
        "20220426T000000Z-0000000-000000000000002a-00000001.seg",
        "20220426T000000Z-9999999-000000000000002a-00000001.seg"}) {
    CAPTURE(wrong);
    CHECK_FALSE(parse_segment_name(wrong));
  }
}

TEST_CASE("a segment header with seals reads back, and no cut or changed one does") {
  auto header = example_header();
  header.id = std::string(segment_id_bytes_max, 'x');
  header.journal = 7;
  header.lsn = 8;
  header.seals = {{1, 2, 3}, {4, 5, std::numeric_limits<std::uint64_t>::max()}};
  Bytes bytes;
  encode_segment_header(header, bytes);
  const auto size = bytes.size();
  bytes.push_back(99);  // what follows is not the header's

  const auto decoded = decode_segment_header(bytes);
  REQUIRE(decoded);
  CHECK(decoded->header == header);
  CHECK(decoded->bytes == size);

  for (std::size_t cut = 0; cut < size; ++cut) {
    // Exact-size copies on the heap, so that a sanitizer sees a byte read too far.
    const Bytes exact(bytes.begin(), bytes.begin() + static_cast<std::ptrdiff_t>(cut));
    CHECK_FALSE(decode_segment_header(exact));
  }
  for (std::size_t at = 0; at < size; ++at) {
    for (const int bit : {0, 3, 7}) {
      auto changed = bytes;
      changed[at] ^= static_cast<std::uint8_t>(1U << static_cast<unsigned>(bit));
      CHECK_FALSE(decode_segment_header(changed));
    }
  }
}

TEST_CASE("a later version is told from damage") {
  Bytes bytes;
  encode_segment_header(example_header(), bytes);
  auto later = bytes;
  later[8] = 2;
  CHECK(decode_segment_header(later).error().kind == Error::unsupported);
  CHECK(decode_segment_header(Bytes(100, 'x')).error().kind != Error::io);

  Bytes block;
  encode_block(std::vector<Sample>{{wall_time(1), 1.0}}, block);
  block[10] = 2;
  CHECK(decode_block_header(block).error().kind == Error::unsupported);
  block[10] = 1;
  block[11] = 2;
  CHECK(decode_block_header(block).error().kind == Error::unsupported);
}

TEST_CASE("blocks give back their samples, bit for bit, and say what is in them") {
  std::mt19937_64 random(8421);
  for (int round = 0; round < 300; ++round) {
    std::vector<Sample> samples(round == 0 ? samples_per_block_max : 1 + random() % 50);
    auto stamp = round % 3 == 0 ? to_int(store_stamp_min) : std::int64_t{0};
    Aggregate expected;
    for (auto& sample : samples) {
      const auto step = random() % (round % 2 == 0 ? 3 : 1'000'000'000'000);
      stamp += static_cast<std::int64_t>(step);
      const auto bits = random();
      double value = 0;
      std::memcpy(&value, &bits, sizeof value);
      if (!(value - value == 0)) value = round % 5 == 0 ? -0.0 : 1.7976931348623157e308;
      sample = {wall_time(stamp), value};
      expected.add(value);
    }
    Bytes bytes{1, 2, 3};  // encoders append
    encode_block(samples, bytes);
    const auto block = ByteView(bytes).subspan(3);
    CHECK(block.size() <= block_bytes_max);
    CHECK(block_checks(block));

    const auto header = decode_block_header(block);
    REQUIRE(header);
    CHECK(header->bytes() == block.size());
    CHECK(header->first_stamp == samples.front().stamp);
    CHECK(header->last_stamp == samples.back().stamp);
    CHECK(header->aggregate == expected.parts());

    std::vector<Sample> decoded{{wall_time(0), 0}};
    REQUIRE(decode_block(block, decoded));
    REQUIRE(decoded.size() == samples.size() + 1);
    CHECK(std::memcmp(decoded.data() + 1, samples.data(), samples.size() * sizeof(Sample)) == 0);
  }
}

TEST_CASE("no cut or changed block passes for one, and no bytes harm the decoder") {
  std::mt19937_64 random(8421);
  std::vector<Sample> samples;
  for (int index = 0; index < 20; ++index) {
    samples.push_back({wall_time(index * 1'000'000'007LL), index * 0.1});
  }
  Bytes bytes;
  encode_block(samples, bytes);
  for (std::size_t cut = 0; cut < bytes.size(); ++cut) {
    const Bytes exact(bytes.begin(), bytes.begin() + static_cast<std::ptrdiff_t>(cut));
    CHECK_FALSE(block_checks(exact));
    std::vector<Sample> out;
    CHECK_FALSE(decode_block(exact, out));
    CHECK(out.empty());
  }
  for (int round = 0; round < 20'000; ++round) {
    auto changed = bytes;
    const auto changes = 1 + random() % 4;
    for (std::uint64_t change = 0; change < changes; ++change) {
      changed[random() % changed.size()] ^= static_cast<std::uint8_t>(1 + random() % 255);
    }
    if (changed == bytes) continue;
    CHECK_FALSE(block_checks(changed));
    std::vector<Sample> out;
    if (!decode_block(changed, out)) CHECK(out.empty());
    const auto order = [](const Sample& a, const Sample& b) { return a.stamp < b.stamp; };
    CHECK(std::is_sorted(out.begin(), out.end(), order));
  }
  CHECK_FALSE(block_checks(Bytes(200, 0)));
  CHECK_FALSE(decode_block_header(Bytes(200, 0)));
}
