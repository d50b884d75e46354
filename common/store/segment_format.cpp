#include "store/segment_format.hpp"

#include <fmt/format.h>

#include <charconv>
#include <chrono>

#include "base/byte_reader.hpp"
#include "base/check.hpp"
#include "base/crc32c.hpp"

namespace mas {
namespace {

/// The newline shows a file that was sent through a text-mode transfer.
constexpr std::string_view segment_magic = "mas-seg\n";
constexpr std::string_view segment_suffix = ".seg";
constexpr std::int64_t seconds_per_day = 86'400;
constexpr std::size_t crc_bytes = 4;

/// In BlockHeader's flags byte.
constexpr std::uint8_t block_flag_sum_scaled = 1;

template <typename T>
void put_at(Bytes& out, std::size_t at, T value) {
  std::memcpy(out.data() + at, &value, sizeof value);
}

/// Reads exactly `digits` digits of the base; nothing else, no sign, no upper case.
template <typename T>
bool parse_digits(std::string_view& text, std::size_t digits, int base, T& value) {
  if (text.size() < digits) return false;
  const auto part = text.substr(0, digits);
  for (const char c : part) {
    const bool hex_letter = base == 16 && c >= 'a' && c <= 'f';
    if (!hex_letter && (c < '0' || c > '9')) return false;
  }
  text.remove_prefix(digits);
  return std::from_chars(part.data(), part.data() + part.size(), value, base).ec == std::errc{};
}

bool parse_char(std::string_view& text, char expected) {
  if (text.empty() || text.front() != expected) return false;
  text.remove_prefix(1);
  return true;
}

}  // namespace

WallTime partition_start(WallTime stamp, seconds length) {
  const auto length_ns = nanoseconds(length).count();
  const auto since_epoch = to_int(stamp);
  auto rest = since_epoch % length_ns;
  if (rest < 0) rest += length_ns;
  return wall_time(since_epoch - rest);
}

bool is_partition(std::int64_t start_seconds, std::int64_t length_seconds) {
  constexpr auto first = std::chrono::floor<seconds>(store_stamp_min - partition_length_max)
                             .time_since_epoch()
                             .count();
  constexpr auto last = std::chrono::floor<seconds>(store_stamp_max).time_since_epoch().count();
  return length_seconds >= partition_length_min.count() &&
         length_seconds <= partition_length_max.count() && start_seconds >= first &&
         start_seconds <= last && start_seconds % length_seconds == 0;
}

std::string to_file_name(const SegmentName& name) {
  using namespace std::chrono;
  const auto day = partition_start(name.partition_start, seconds{seconds_per_day});
  const year_month_day date(sys_days(days(to_int(day) / (seconds_per_day * 1'000'000'000))));
  const auto second_of_day = duration_cast<seconds>(name.partition_start - day).count();
  return fmt::format("{:04}{:02}{:02}T{:02}{:02}{:02}Z-{:07}-{:016x}-{:08x}{}",
                     static_cast<int>(date.year()), static_cast<unsigned>(date.month()),
                     static_cast<unsigned>(date.day()), second_of_day / 3600,
                     second_of_day / 60 % 60, second_of_day % 60, name.partition_length.count(),
                     name.token, name.sequence, segment_suffix);
}

std::optional<SegmentName> parse_segment_name(std::string_view file_name) {
  using namespace std::chrono;
  auto rest = file_name;
  int year_number = 0;
  unsigned month_number = 0;
  unsigned day_number = 0;
  std::int64_t hour = 0;
  std::int64_t minute = 0;
  std::int64_t second = 0;
  std::int64_t length = 0;
  SegmentName name;
  const bool read =
      parse_digits(rest, 4, 10, year_number) && parse_digits(rest, 2, 10, month_number) &&
      parse_digits(rest, 2, 10, day_number) && parse_char(rest, 'T') &&
      parse_digits(rest, 2, 10, hour) && parse_digits(rest, 2, 10, minute) &&
      parse_digits(rest, 2, 10, second) && parse_char(rest, 'Z') && parse_char(rest, '-') &&
      parse_digits(rest, 7, 10, length) && parse_char(rest, '-') &&
      parse_digits(rest, 16, 16, name.token) && parse_char(rest, '-') &&
      parse_digits(rest, 8, 16, name.sequence) && rest == segment_suffix;
  // Before the arithmetic, so that it cannot overflow.
  if (!read || year_number < 1677 || year_number > 2261) return std::nullopt;
  const year_month_day date{year(year_number), month(month_number), day(day_number)};
  if (!date.ok()) return std::nullopt;
  const auto day_count = sys_days(date).time_since_epoch().count();
  const auto since_epoch =
      seconds{day_count * seconds_per_day + hour * 3600 + minute * 60 + second};
  if (!is_partition(since_epoch.count(), length)) return std::nullopt;
  name.partition_start = WallTime{since_epoch};
  name.partition_length = seconds{length};
  // One spelling only: 24:00:00 and second 60 are other moments' names.
  if (to_file_name(name) != file_name) return std::nullopt;
  return name;
}

void encode_segment_header(const SegmentHeader& header, Bytes& out) {
  MAS_CHECK(header.id.size() <= segment_id_bytes_max);
  MAS_CHECK(header.seals.size() <= segment_seals_max);
  const auto begin = out.size();
  const auto bytes = segment_header_fixed_bytes + header.id.size() +
                     header.seals.size() * segment_seal_bytes + crc_bytes;
  append(out, as_bytes(segment_magic));
  append_le(out, segment_version);
  append_le(out, std::uint16_t{0});  // flags
  append_le(out, static_cast<std::uint32_t>(bytes));
  append_le(out, to_int(header.name.partition_start));
  append_le(out, std::int64_t{nanoseconds(header.name.partition_length).count()});
  append_le(out, header.name.token);
  append_le(out, header.name.sequence);
  append_le(out, static_cast<std::uint16_t>(header.id.size()));
  append_le(out, static_cast<std::uint16_t>(header.seals.size()));
  append_le(out, header.journal);
  append_le(out, header.lsn);
  append(out, as_bytes(header.id));
  for (const auto& seal : header.seals) {
    append_le(out, seal.token);
    append_le(out, seal.sequence);
    append_le(out, seal.valid_bytes);
  }
  append_le(out, crc32c(ByteView(out).subspan(begin)));
  MAS_CHECK(out.size() - begin == bytes);
}

Result<std::size_t> segment_header_bytes(ByteView front) {
  ByteReader in(front);
  const auto magic = in.take(segment_magic.size());
  const auto version = in.u16();
  const auto flags = in.u16();
  const auto header_bytes = in.u32();
  if (!in.ok()) return fail(Error::torn, "segment header cut at byte {}", in.offset());
  if (as_text(magic) != segment_magic) return fail(Error::torn, "no segment header");
  if (version != segment_version || flags != 0) {
    return fail(Error::unsupported, "segment version {} with flags {:#x}", version, flags);
  }
  if (header_bytes > segment_header_bytes_max) {
    return fail(Error::torn, "segment header of {} bytes", header_bytes);
  }
  return std::size_t{header_bytes};
}

Result<DecodedSegmentHeader> decode_segment_header(ByteView bytes) {
  const auto length_said = segment_header_bytes(bytes);
  if (!length_said) return pass_on(length_said);
  const auto header_bytes = *length_said;
  ByteReader in(bytes);
  static_cast<void>(in.take(segment_header_prefix_bytes));
  DecodedSegmentHeader decoded;
  auto& header = decoded.header;
  const auto start = in.i64();
  const auto length = in.i64();
  header.name.token = in.u64();
  header.name.sequence = in.u32();
  const auto id_bytes = in.u16();
  const auto seal_count = in.u16();
  header.journal = in.u64();
  header.lsn = in.u64();
  const auto expected_bytes =
      segment_header_fixed_bytes + id_bytes + seal_count * segment_seal_bytes + crc_bytes;
  if (!in.ok() || header_bytes != expected_bytes || bytes.size() < header_bytes) {
    return fail(Error::torn, "segment header of {} bytes cut at {}", header_bytes, bytes.size());
  }
  const auto id = in.take(id_bytes);
  header.seals.reserve(seal_count);  // no more than the bytes that are there
  for (std::uint16_t index = 0; index < seal_count; ++index) {
    SegmentSeal seal;
    seal.token = in.u64();
    seal.sequence = in.u32();
    seal.valid_bytes = in.u64();
    header.seals.push_back(seal);
  }
  const auto crc = in.u32();
  MAS_CHECK(in.ok() && in.offset() == header_bytes);
  if (crc != crc32c(bytes.first(header_bytes - crc_bytes))) {
    return fail(Error::torn, "segment header fails its checksum");
  }
  constexpr std::int64_t second_ns = 1'000'000'000;
  if (start % second_ns != 0 || length % second_ns != 0 ||
      !is_partition(start / second_ns, length / second_ns)) {
    return fail(Error::torn, "impossible partition: start {} ns, length {} ns", start, length);
  }
  header.name.partition_start = wall_time(start);
  header.name.partition_length = seconds{length / second_ns};
  header.id = as_text(id);
  decoded.bytes = header_bytes;
  return decoded;
}

void encode_block(std::span<const Sample> samples, Bytes& out) {
  MAS_CHECK(!samples.empty() && samples.size() <= samples_per_block_max);
  const auto begin = out.size();
  out.resize(begin + block_header_bytes);

  Aggregate aggregate;
  auto previous = to_int(samples.front().stamp);
  for (const auto& sample : samples) {
    aggregate.add(sample.value);
    if (&sample == &samples.front()) continue;
    const auto stamp = to_int(sample.stamp);
    MAS_CHECK(stamp >= previous);
    append_varint(out, zigzag(stamp - previous));
    previous = stamp;
  }
  const auto values = out.size();
  out.resize(values + samples.size() * sizeof(double));
  auto* value_at = out.data() + values;
  for (const auto& sample : samples) {
    std::memcpy(value_at, &sample.value, sizeof(double));
    value_at += sizeof(double);
  }

  const auto& parts = aggregate.parts();
  put_at(out, begin + 4, static_cast<std::uint32_t>(out.size() - begin - block_header_bytes));
  put_at(out, begin + 8, static_cast<std::uint16_t>(samples.size()));
  put_at(out, begin + 10, BlockEncoding::varint_delta_raw);
  put_at(out, begin + 11, parts.sum_scaled ? block_flag_sum_scaled : std::uint8_t{0});
  put_at(out, begin + 12, std::uint32_t{0});  // sample index
  put_at(out, begin + 16, to_int(samples.front().stamp));
  put_at(out, begin + 24, to_int(samples.back().stamp));
  put_at(out, begin + 32, parts.min);
  put_at(out, begin + 40, parts.max);
  put_at(out, begin + 48, parts.sum_high);
  put_at(out, begin + 56, parts.sum_low);
  put_at(out, begin + 64, std::uint64_t{0});  // journal
  put_at(out, begin + 72, std::uint64_t{0});  // LSN
  put_at(out, begin, crc32c(ByteView(out).subspan(begin + crc_bytes)));
}

Result<BlockHeader> decode_block_header(ByteView bytes) {
  if (bytes.size() < block_header_bytes) {
    return fail(Error::torn, "block header cut at byte {}", bytes.size());
  }
  ByteReader in(bytes);
  BlockHeader header;
  static_cast<void>(in.u32());  // checksum, see block_checks()
  header.payload_bytes = in.u32();
  const auto count = in.u16();
  const auto encoding = in.u8();
  const auto flags = in.u8();
  header.sample_index = in.u32();
  header.first_stamp = wall_time(in.i64());
  header.last_stamp = wall_time(in.i64());
  auto& parts = header.aggregate;
  parts.count = count;
  parts.sum_scaled = (flags & block_flag_sum_scaled) != 0;
  parts.min = in.f64();
  parts.max = in.f64();
  parts.sum_high = in.f64();
  parts.sum_low = in.f64();
  header.journal = in.u64();
  header.lsn = in.u64();
  MAS_CHECK(in.ok() && in.offset() == block_header_bytes);

  // Each sample has a value, and each but the first at least one byte of stamp.
  const std::size_t payload_bytes_min = count * std::size_t{9} - 1;
  if (count == 0 || count > samples_per_block_max || header.payload_bytes < payload_bytes_min ||
      header.payload_bytes > block_payload_bytes_max || header.last_stamp < header.first_stamp) {
    return fail(Error::torn, "no block header: {} samples in {} bytes", count,
                header.payload_bytes);
  }
  if (encoding != static_cast<std::uint8_t>(BlockEncoding::varint_delta_raw) ||
      (flags & ~block_flag_sum_scaled) != 0) {
    return fail(Error::unsupported, "block encoding {} with flags {:#x}", encoding, flags);
  }
  header.encoding = BlockEncoding::varint_delta_raw;
  return header;
}

bool block_checks(ByteView block) {
  if (block.size() < block_header_bytes) return false;
  return ByteReader(block).u32() == crc32c(block.subspan(crc_bytes));
}

Result<void> decode_block(ByteView block, std::vector<Sample>& out) {
  const auto header = decode_block_header(block);
  if (!header) return pass_on(header);
  if (block.size() != header->bytes()) {
    return fail(Error::torn, "block of {} bytes cut at {}", header->bytes(), block.size());
  }
  const auto count = static_cast<std::size_t>(header->aggregate.count);
  ByteReader in(block.subspan(block_header_bytes));
  const auto begin = out.size();
  out.resize(begin + count);
  auto* const samples = out.data() + begin;
  // Unsigned, so that hostile deltas wrap instead of being undefined; the order is checked below.
  auto stamp = static_cast<std::uint64_t>(to_int(header->first_stamp));
  samples[0].stamp = header->first_stamp;
  bool ordered = true;
  for (std::size_t index = 1; index < count; ++index) {
    stamp += static_cast<std::uint64_t>(unzigzag(in.varint()));
    samples[index].stamp = wall_time(static_cast<std::int64_t>(stamp));
    ordered = ordered && samples[index - 1].stamp <= samples[index].stamp;
  }
  const auto values = in.take(count * sizeof(double));
  if (!in.done() || !ordered || samples[count - 1].stamp != header->last_stamp) {
    out.resize(begin);
    return fail(Error::torn, "block payload is not what its header says");
  }
  for (std::size_t index = 0; index < count; ++index) {
    std::memcpy(&samples[index].value, values.data() + index * sizeof(double), sizeof(double));
  }
  return {};
}

}  // namespace mas
