#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "aggregate/sample.hpp"
#include "base/result.hpp"
#include "base/time_types.hpp"
#include "store/file_system.hpp"
#include "store/segment_format.hpp"

namespace mas {

/// One segment as it was when a snapshot was taken.
struct SnapshotSegment {
  std::string path;
  SegmentName name;
  /// Bytes to read; what comes after was written later, or by a holder that had lost its lock.
  std::uint64_t bytes = 0;
  /// Opened with the snapshot for the first snapshot_open_files_max segments, later for the rest.
  std::unique_ptr<File> file;
};

/// The segments of one metric that may hold samples of a range, with their lengths at one moment:
/// what was appended before is in it, wholly. Thread-safety: one owner.
struct MetricSnapshot {
  FileSystem* files = nullptr;
  std::string id;
  WallTime from;
  WallTime to;
  /// By partition, then token, then sequence.
  std::vector<SnapshotSegment> segments;
};

/// Descriptors that a snapshot holds at most; a longer list of segments is opened in turn.
inline constexpr std::size_t snapshot_open_files_max = 64;

/// Takes a snapshot for the samples stamped from `from` to `to`, both included. The caller holds
/// the metric's shared lock (or a stronger one) while this runs, and needs it no longer after; its
/// grant says that the last writer ended cleanly, or the metric has been taken over since. Only
/// what counts is in it, see store/segment_list.hpp.
///
/// `handed_list`: the bytes that the metric's last writer left with the lock, empty where there are
/// none that are valid. Where they name all segments no directory is listed.
/// Cost: one directory listing (and one header, if the metric was ever taken over) or none, an open
/// and a status for each segment in the range, and one small read; no samples are decoded. `from`
/// after `to` is an empty range, not an error.
/// Errors: Error::not_found when the metric was never logged, that is no segment holds a valid
/// block that counts; Error::unsupported for a take-over of a later version; Error::io.
[[nodiscard]] Result<MetricSnapshot> open_metric(FileSystem& files, const std::string& data_dir,
                                                 std::string_view id, WallTime from, WallTime to,
                                                 std::string_view handed_list = {});

/// What a stream left out since it did not check, for its caller to log.
struct IgnoredBytes {
  /// Segments with a cut or damaged end; a block being written at the time of the snapshot counts.
  std::uint32_t segments = 0;
  std::uint64_t bytes = 0;
  /// Path, offset and cause of the last one.
  std::string last;
};

/// Streams a snapshot's samples in stamp order; samples with equal stamps all come, in the order
/// they were written within a segment, older segments first. Blocks outside the range are not
/// decoded. Memory: for the partition being read, 32 bytes per block in the range, a window of at
/// most 256 KiB for each of its segments (of windows_max at most), and the decoded blocks that
/// overlap in time at one point (one, where stamps were written in order; 64 KiB each at most).
/// Thread-safety: one owner.
class SampleStream {
 public:
  /// Segments of a partition that are read side by side without rereading.
  static constexpr std::size_t windows_max = 16;

  explicit SampleStream(MetricSnapshot snapshot);
  ~SampleStream();
  SampleStream(SampleStream&&) noexcept;
  SampleStream& operator=(SampleStream&&) noexcept;

  /// One bounded step: clears `out`, then decodes one block or so and gives at most
  /// samples_per_block_max samples, or indexes 256 KiB and gives none. False when the stream has
  /// ended (`out` is empty then); true asks for another call, also where `out` is empty. After an
  /// error (Error::io; Error::not_found for a segment that is gone) the stream has ended.
  [[nodiscard]] Result<bool> next(std::vector<Sample>& out);

  [[nodiscard]] const IgnoredBytes& ignored() const;

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace mas
