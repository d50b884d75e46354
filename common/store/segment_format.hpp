#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "aggregate/aggregate.hpp"
#include "aggregate/sample.hpp"
#include "base/bytes.hpp"
#include "base/result.hpp"
#include "base/time_types.hpp"

// The bytes of a segment file: its name, its header, its blocks. docs/storage.md has the same as
// tables; the golden test binds both. Thread-safety: plain values and free functions.

namespace mas {

/// A query's memory for one block: 4,096 decoded samples of 16 bytes are 64 KiB.
inline constexpr std::uint32_t samples_per_block_max = 4096;
static_assert(samples_per_block_max * sizeof(Sample) <= 64 * KiB);

/// A partition's length: a whole number of seconds in these bounds. Partitions begin at multiples
/// of their length since the epoch.
inline constexpr seconds partition_length_min{60};
inline constexpr seconds partition_length_max{30 * 86'400};

/// Stamps that the store takes: 1678-01-01 to 2262-01-01 (excluded), so that every partition that
/// holds one begins and ends within what a WallTime can say.
inline constexpr WallTime store_stamp_min = wall_time(-9'214'560'000'000'000'000);
inline constexpr WallTime store_stamp_max = wall_time(9'214'646'400'000'000'000 - 1);

/// The start of the partition that holds `stamp` (store_stamp_min … _max).
[[nodiscard]] WallTime partition_start(WallTime stamp, seconds length);
/// Whether there can be a partition that begins there and is so long; any numbers are taken.
[[nodiscard]] bool is_partition(std::int64_t start_seconds, std::int64_t length_seconds);

// ---- file name ----

/// Sequence of the segment with which a token takes over after an unclean end; others begin at 1.
inline constexpr std::uint32_t take_over_sequence = 0;

/// `20220426T000000Z-0086400-000000000000002a-00000001.seg`: partition start in UTC, its length in
/// seconds, token in hex, sequence in hex. Names sort by partition, token, sequence.
struct SegmentName {
  WallTime partition_start;
  seconds partition_length{};
  std::uint64_t token = 0;
  std::uint32_t sequence = 0;

  /// The first moment after the partition.
  [[nodiscard]] WallTime partition_end() const { return partition_start + partition_length; }
  /// Its header says which older segments count, see store/segment_list.hpp.
  [[nodiscard]] bool is_take_over() const { return sequence == take_over_sequence; }
  friend bool operator==(const SegmentName&, const SegmentName&) = default;
};
[[nodiscard]] std::string to_file_name(const SegmentName& name);
/// Nothing for any name that to_file_name() does not make.
[[nodiscard]] std::optional<SegmentName> parse_segment_name(std::string_view file_name);

// ---- header ----

inline constexpr std::uint16_t segment_version = 1;
/// Bytes of a header before the id, and after it the checksum.
inline constexpr std::size_t segment_header_fixed_bytes = 64;
inline constexpr std::size_t segment_id_bytes_max = 200;
/// Segments of one metric that a take-over can name: what the count's two bytes can say. A segment
/// a day lasts 179 years, one a minute 45 days.
inline constexpr std::uint32_t segment_seals_max = 65'535;
inline constexpr std::size_t segment_seal_bytes = 20;
/// Fixed fields, the longest id, most seals, checksum: 1.25 MiB, and a few hundred bytes nearly
/// always.
inline constexpr std::size_t segment_header_bytes_max =
    segment_header_fixed_bytes + segment_id_bytes_max + segment_seals_max * segment_seal_bytes + 4;

/// How much of an older segment is valid; the rest was written by a holder that had lost its lock.
struct SegmentSeal {
  std::uint64_t token = 0;
  std::uint32_t sequence = 0;
  std::uint64_t valid_bytes = 0;

  friend bool operator==(const SegmentSeal&, const SegmentSeal&) = default;
};

/// What a segment says of itself, so that it can be told without its directory.
struct SegmentHeader {
  SegmentName name;
  std::string id;
  /// The journal that its writer kept when it was made, and that journal's position; 0: none.
  std::uint64_t journal = 0;
  std::uint64_t lsn = 0;
  std::vector<SegmentSeal> seals;

  friend bool operator==(const SegmentHeader&, const SegmentHeader&) = default;
};
/// Appends the header's bytes, checksum included.
void encode_segment_header(const SegmentHeader& header, Bytes& out);

struct DecodedSegmentHeader {
  SegmentHeader header;
  std::size_t bytes = 0;  ///< where the first block begins
};
/// How long the header is whose first segment_header_prefix_bytes these are. Errors as below.
inline constexpr std::size_t segment_header_prefix_bytes = 16;
[[nodiscard]] Result<std::size_t> segment_header_bytes(ByteView front);
/// Reads the header at the front of `bytes`. Errors: Error::torn (cut, damaged, not a segment's,
/// impossible values), Error::unsupported (a later version).
[[nodiscard]] Result<DecodedSegmentHeader> decode_segment_header(ByteView bytes);

// ---- blocks ----

inline constexpr std::size_t block_header_bytes = 80;
/// Each sample but the first: a stamp delta of at most 10 bytes; each: a value of 8.
inline constexpr std::size_t block_payload_bytes_max =
    (samples_per_block_max - 1) * std::size_t{10} + samples_per_block_max * std::size_t{8};
inline constexpr std::size_t block_bytes_max = block_header_bytes + block_payload_bytes_max;

/// How a block's samples are written. 0 is none, so that zeroed bytes are never a block.
enum class BlockEncoding : std::uint8_t {
  varint_delta_raw = 1,  ///< stamps: zigzag varint deltas; values: 8 bytes each
};

/// What a block says of its samples without their being decoded.
struct BlockHeader {
  std::uint32_t payload_bytes = 0;
  BlockEncoding encoding = BlockEncoding::varint_delta_raw;
  WallTime first_stamp;
  WallTime last_stamp;
  AggregateParts aggregate;  ///< of all its samples; count is 1 … samples_per_block_max
  /// Where its last sample stands in the writer's journal; 0: written without one.
  std::uint64_t journal = 0;
  std::uint64_t lsn = 0;
  std::uint32_t sample_index = 0;

  [[nodiscard]] std::size_t bytes() const { return block_header_bytes + payload_bytes; }
};

/// Appends `samples` (1 … samples_per_block_max, in stamp order) as one block.
void encode_block(std::span<const Sample> samples, Bytes& out);

/// Reads the block header at the front of `bytes` without its checksum: enough to know how many
/// bytes the block has. Errors: Error::torn for bytes that cannot be a block's, a header that is
/// cut included; Error::unsupported for an encoding or flag of a later version.
[[nodiscard]] Result<BlockHeader> decode_block_header(ByteView bytes);
/// True when the checksum of `block` (a whole block, exactly header.bytes() long) is right.
[[nodiscard]] bool block_checks(ByteView block);
/// Appends the samples of a whole block whose checksum is right. Errors: Error::torn when the
/// payload is not what its header says.
[[nodiscard]] Result<void> decode_block(ByteView block, std::vector<Sample>& out);

}  // namespace mas
