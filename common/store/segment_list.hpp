#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.hpp"
#include "store/file_system.hpp"
#include "store/segment_format.hpp"

// Which segments of a metric count, and how much of each.
//
// The newest take-over segment (sequence 0) whose header is whole governs: of the segments with
// older tokens only those that its seals name count, up to the length that they say; the others
// were written by a holder that had lost its lock, and are void. Segments with its own or a newer
// token count wholly. Thread-safety: plain values and free functions.

namespace mas {

/// A segment that counts.
struct ListedSegment {
  SegmentName name;
  /// Where a take-over sealed it: what stands behind is void. Nothing: all of it counts.
  std::optional<std::uint64_t> valid_bytes;

  friend bool operator==(const ListedSegment&, const ListedSegment&) = default;
};

struct SegmentList {
  /// By partition, then token, then sequence.
  std::vector<ListedSegment> segments;
  /// Of the segment that governs; 0: none does.
  std::uint64_t governing_token = 0;
  /// The highest of any segment, void ones included; 0: there is none.
  std::uint64_t newest_token = 0;
};

/// Lists a metric's directory, under any lock on the metric. A take-over segment whose header is
/// cut or damaged governs nothing: the take-over that wrote it failed before anything else was
/// written. Cost: one directory listing, and one header read where there was a take-over; memory:
/// 64 bytes for each segment, and 1.5 MiB for the header at most. Errors: Error::not_found when
/// there is no directory; Error::unsupported for a governing header of a later version; Error::io.
[[nodiscard]] Result<SegmentList> list_segments(FileSystem& files, const std::string& data_dir,
                                                std::string_view id);

/// Puts a segment that was made into its place, once.
void add_segment(std::vector<ListedSegment>& segments, const SegmentName& name);

// ---- as bytes, to be handed from a metric's writer to its readers ----

/// Bytes of an encoded list at most: what a lock's value holds.
inline constexpr std::size_t segment_list_bytes_max = 128;
/// Segments of an encoded list at most: each takes five bytes or more. Longer ones are not kept.
inline constexpr std::size_t segment_list_segments_max = 22;

/// Which state of a metric's list something is: the later has the higher one.
struct ListGeneration {
  std::uint64_t token = 0;    ///< of the grant under which it was changed
  std::uint32_t changes = 0;  ///< under that grant

  friend auto operator<=>(const ListGeneration&, const ListGeneration&) = default;
};

/// A list that was handed on.
struct HandedList {
  ListGeneration generation;
  /// All segments that count, in order; nothing: too many, read the directory.
  std::optional<std::vector<ListedSegment>> segments;
};

/// The bytes for a list of which all is known; says "read the directory" where they do not fit or
/// nothing is known. No token in it is above the generation's.
[[nodiscard]] std::string encode_segment_list(
    ListGeneration generation, const std::optional<std::vector<ListedSegment>>& segments);
/// Errors: Error::torn for bytes that are no list; Error::unsupported for those of a later version.
[[nodiscard]] Result<HandedList> decode_segment_list(std::string_view bytes);

}  // namespace mas
