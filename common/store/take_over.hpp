#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "base/result.hpp"
#include "base/time_types.hpp"
#include "store/file_system.hpp"
#include "store/segment_list.hpp"

namespace mas {

/// A take-over that is whole: from now on nothing counts that earlier holders still write.
struct TakenOver {
  SegmentName name;         ///< of the segment that records it, which may be written further
  std::uint64_t bytes = 0;  ///< of its header
  std::unique_ptr<File> file;
  SegmentList list;  ///< what counts now, that segment included
};

/// Takes a metric over, for the holder of its exclusive lock whose grant says that the one before
/// ended uncleanly and may still be writing: makes the segment of sequence 0 of `token`, whose
/// header names every segment that counts up to now with its present length. `before` is the
/// metric's list as it is on disk, not governed by `token` yet; the directory exists.
///
/// Whole or not at all: an attempt that fails leaves at most a file without a whole header, which
/// governs nothing, and which the next attempt under the same token completes (then in the
/// partition of the first attempt, whatever is given here).
/// Cost: a status for each segment, one file made, one write.
/// Errors: Error::lost when a newer grant has written (this one is over); Error::busy above
/// segment_seals_max segments; Error::io.
[[nodiscard]] Result<TakenOver> take_over(FileSystem& files, const std::string& data_dir,
                                          std::string_view id, std::uint64_t token,
                                          SegmentList before, WallTime partition_start,
                                          seconds partition_length);

/// The same for a reader, who has nothing to write: in the partition of the newest segment.
/// Nothing where the metric has no segment, so that there is nothing to take over.
[[nodiscard]] Result<std::optional<SegmentList>> take_over_for_reading(FileSystem& files,
                                                                       const std::string& data_dir,
                                                                       std::string_view id,
                                                                       std::uint64_t token);

/// Errors with Error::lost when a grant newer than `token` has written: this one is over, or the
/// lock broker has lost count. What is written under an older token than others is not read.
[[nodiscard]] Result<void> check_newest(const SegmentList& list, std::string_view id,
                                        std::uint64_t token);

}  // namespace mas
