#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "aggregate/sample.hpp"
#include "base/bytes.hpp"
#include "base/result.hpp"
#include "base/time_types.hpp"
#include "store/file_system.hpp"
#include "store/segment_format.hpp"
#include "store/segment_list.hpp"

namespace mas {

/// What all segment writers of one process share: where, how, and their buffers.
/// Thread-safety: one owner, with all its writers.
struct SegmentStore {
  /// `data_directory` exists; `partition` is partition_length_min to _max (segment_format.hpp).
  SegmentStore(FileSystem& file_system, std::string data_directory, seconds partition);

  FileSystem& files;
  std::string data_dir;
  seconds partition_length;
  /// False when sync() will never be called: then nothing is remembered for it.
  bool remember_for_sync = true;

  /// Reused by every append, so that a steady writer does not allocate.
  Bytes encoded;
  std::vector<Sample> sorted;
};

/// What a lock's grant tells its writer.
struct WriterGrant {
  /// The grant's fencing token: larger than that of every earlier grant of this metric.
  std::uint64_t token = 0;
  /// True when the previous holder let go after its last write (or there was none), so that nobody
  /// else can still be writing.
  bool previous_end_clean = false;
};

/// What one append put into one partition.
struct CommittedPartition {
  WallTime start;              ///< of the partition
  std::uint64_t token = 0;     ///< of the segment, which may be older than the grant's
  std::uint32_t sequence = 0;  ///< of the segment, within its token
  std::uint64_t bytes = 0;     ///< the segment's length up to here, all of it valid
  std::uint32_t samples = 0;   ///< of this append

  friend bool operator==(const CommittedPartition&, const CommittedPartition&) = default;
};

/// Whether an append may make segments. Whatever changes which segments a metric has is done under
/// its exclusive lock, since readers may go by a list that they know from before.
enum class NewSegments : std::uint8_t { allowed, refused };

/// How far an append got.
enum class AppendEnd : std::uint8_t {
  all_written,
  needs_new_segment,  ///< which was refused: partitions that `committed` does not name are not in
};

/// Appends samples to the segments of one metric, for the holder of its append or exclusive lock.
/// It never writes to a segment that another writer might still hold open: after an unclean end it
/// takes the metric over first (see store/take_over.hpp) and leaves older segments untouched; after
/// a clean end it continues the newest one if that is whole.
///
/// A byte that was ever in a segment is never replaced by another: what is cut back after a write
/// that failed midway is not written again. So a paused writer that wakes changes nothing that a
/// take-over has counted meanwhile. Thread-safety: one owner.
class SegmentWriter {
 public:
  /// Touches no file: directories and segments are made by the first append that needs them.
  SegmentWriter(SegmentStore& store, std::string id, WriterGrant grant);

  [[nodiscard]] const std::string& id() const { return id_; }

  /// Writes the samples, in any order of stamps: sorted (stable), as one block for each partition
  /// they touch (more above samples_per_block_max), each partition's with one write. When it
  /// returns without error all of it is in the kernel and visible to readers that open from now on.
  ///
  /// `committed` is cleared, then gets an entry for each partition whose samples are in; after an
  /// error those of an earlier partition may be, and nothing of any other one is visible (unless
  /// the disk also refuses to cut what it took: then whole blocks of an append of more than
  /// samples_per_block_max samples may be). The next append tries anew, on another segment where
  /// the old one has taken some of the bytes.
  ///
  /// Under the append lock `new_segments` is refused: then it ends before the first partition for
  /// which a segment would have to be made.
  /// Errors: Error::io; Error::invalid for a stamp outside store_stamp_min … _max; Error::lost
  /// where a newer grant has written; Error::busy for a take-over of more segments than it can
  /// name.
  [[nodiscard]] Result<AppendEnd> append(std::span<const Sample> samples,
                                         std::vector<CommittedPartition>& committed,
                                         NewSegments new_segments = NewSegments::allowed);

  /// True when something was written since the last sync().
  [[nodiscard]] bool dirty() const;
  /// Returns when all that was appended, and the names of new files and directories, are on stable
  /// storage. On an error the files that fail are not tried again (the kernel forgets what it could
  /// not write), the others are done all the same; the first error is returned.
  [[nodiscard]] Result<void> sync();

  /// Files that are open now: at most open_partitions_max.
  [[nodiscard]] std::size_t open_files() const;
  /// Gives the descriptors back; the next append or sync opens again what it needs.
  void close_files();

  /// True once this writer has made or continued a segment. A lock whose writer has not must be
  /// released "as found": only a segment of a token tells later writers that all older ones, an
  /// unclean predecessor's among them, are closed to them.
  [[nodiscard]] bool touched() const { return touched_; }
  /// The metric's segments as bytes (see encode_segment_list) for whoever holds the lock later.
  /// Meaningful once this writer has touched the metric.
  [[nodiscard]] std::string segment_list() const;

  /// Partitions whose segment is remembered at a time; samples come for the current one and, late,
  /// for the one before.
  static constexpr std::size_t open_partitions_max = 2;
  /// A longer segment of an earlier grant is not continued, since its end would have to be found
  /// by reading all of it: a take-over reads at most this much, a few milliseconds.
  static constexpr std::uint64_t continue_bytes_max = 4 * MiB;

 private:
  struct Segment {
    SegmentName name;
    std::uint64_t bytes = 0;  ///< all valid; 0: not even the header is written
    std::unique_ptr<File> file;
    bool dirty = false;
  };

  [[nodiscard]] std::string path_of(const SegmentName& name) const;
  /// These give nothing where a segment would have to be made and must not be.
  Result<std::optional<CommittedPartition>> append_partition(WallTime start,
                                                             std::span<const Sample> samples,
                                                             NewSegments new_segments);
  Result<Segment*> writable_segment(WallTime start, NewSegments new_segments);
  Result<std::optional<Segment>> find_or_make(WallTime start, NewSegments new_segments);
  /// False when the file is not as this writer left it, and must be left alone from now on.
  Result<bool> reopen(Segment& segment);
  Result<SegmentList> list_or_make_directory(NewSegments new_segments);
  /// The segment that records the take-over, where it is one of this partition.
  Result<std::optional<Segment>> take_metric_over(WallTime start, SegmentList& list);
  Result<std::optional<Segment>> continue_segment(const SegmentName& name);
  Result<Segment> make_segment(WallTime start);
  void remember(const SegmentList& list);
  Result<void> make_directory();
  void cut_back(Segment& segment);
  /// Never to be written again, by this writer.
  void abandon(Segment& segment);
  void forget(Segment& segment);

  SegmentStore& store_;
  std::string id_;
  std::string directory_;  ///< relative to the data directory
  WriterGrant grant_;
  std::vector<Segment> segments_;  ///< the one used last at the end
  /// For new segments; own ones below it are not to be continued.
  std::uint32_t next_sequence_ = take_over_sequence + 1;
  std::uint32_t continue_from_sequence_ = 0;
  /// Directories with new names, and segments no longer remembered, that are not synced yet.
  std::vector<std::string> directories_to_sync_;
  std::vector<std::string> files_to_sync_;
  bool touched_ = false;
  /// The metric's segments; nothing while they are not known or too many to be handed on.
  std::optional<std::vector<ListedSegment>> listed_;
  std::uint32_t list_changes_ = 0;
};

}  // namespace mas
