#include "store/metric_reader.hpp"

#include <algorithm>
#include <utility>

#include "store/metric_path.hpp"
#include "store/segment_list.hpp"
#include "store/segment_reader.hpp"

namespace mas {
namespace {

/// What one read asks for where only a header and a first block are wanted.
constexpr std::size_t glance_bytes = 4 * KiB;

/// A listed segment is not there: to be told from a metric that was never logged.
constexpr auto segment_gone = Error::lost;

tl::unexpected<Error> never_logged(std::string_view id) {
  return fail(Error::not_found, "metric '{}' was never logged", id);
}

/// Whether the segment of this name holds a valid block of this metric.
Result<bool> has_block(File& file, std::uint64_t bytes, std::string_view id) {
  if (bytes == 0) return false;
  SegmentReader reader(bytes, glance_bytes);
  const auto header = reader.read_header(file);
  if (!header && header.error().kind == Error::io) return pass_on(header);
  if (!header || header->id != id) return false;
  const auto block = reader.next_block(file);
  if (!block) return pass_on(block);
  return block->has_value();
}

/// Opens what of these segments touches the range. Errors: segment_gone where one is not there.
Result<MetricSnapshot> open_segments(FileSystem& files, const std::string& directory,
                                     std::string_view id, WallTime from, WallTime to,
                                     const std::vector<ListedSegment>& listed) {
  const auto gone_or = [](const Error& error) {
    return error.kind == Error::not_found ? Error{segment_gone, error.text} : error;
  };
  MetricSnapshot snapshot;
  snapshot.files = &files;
  snapshot.id = id;
  snapshot.from = from;
  snapshot.to = to;
  std::vector<const ListedSegment*> others;
  for (const auto& segment : listed) {
    const auto& name = segment.name;
    if (from > to || name.partition_start > to || name.partition_end() <= from) {
      others.push_back(&segment);
      continue;
    }
    SnapshotSegment opened;
    opened.path = directory + '/' + to_file_name(name);
    opened.name = name;
    // The length of the file that is read, where it is open, not of what now bears its name.
    if (snapshot.segments.size() < snapshot_open_files_max) {
      auto file = files.open_read(opened.path);
      if (!file) return tl::unexpected(gone_or(file.error()));
      const auto size = (*file)->size();
      if (!size) return pass_on(size);
      opened.bytes = *size;
      opened.file = std::move(*file);
    } else {
      const auto status = files.status(opened.path);
      if (!status) return tl::unexpected(gone_or(status.error()));
      opened.bytes = status->bytes;
    }
    if (segment.valid_bytes) opened.bytes = std::min(opened.bytes, *segment.valid_bytes);
    if (opened.bytes == 0) {
      others.push_back(&segment);
      continue;
    }
    snapshot.segments.push_back(std::move(opened));
  }

  // Newest first: nearly always the first glance decides.
  bool exists = false;
  for (auto segment = snapshot.segments.rbegin(); segment != snapshot.segments.rend() && !exists;
       ++segment) {
    if (!segment->file) continue;
    const auto found = has_block(*segment->file, segment->bytes, id);
    if (!found) return pass_on(found);
    exists = *found;
  }
  for (auto other = others.rbegin(); other != others.rend() && !exists; ++other) {
    const auto file = files.open_read(directory + '/' + to_file_name((*other)->name));
    if (!file) return tl::unexpected(gone_or(file.error()));
    const auto size = (*file)->size();
    if (!size) return pass_on(size);
    const auto found =
        has_block(**file, std::min(*size, (*other)->valid_bytes.value_or(*size)), id);
    if (!found) return pass_on(found);
    exists = *found;
  }
  if (!exists) return never_logged(id);
  return snapshot;
}

}  // namespace

Result<MetricSnapshot> open_metric(FileSystem& files, const std::string& data_dir,
                                   std::string_view id, WallTime from, WallTime to,
                                   std::string_view handed_list) {
  const auto directory = data_dir + '/' + metric_directory(id);
  if (!handed_list.empty()) {
    const auto handed = decode_segment_list(handed_list);
    if (handed && handed->segments) {
      auto snapshot = open_segments(files, directory, id, from, to, *handed->segments);
      if (snapshot || snapshot.error().kind != segment_gone) return snapshot;
    }
  }
  const auto list = list_segments(files, data_dir, id);
  if (!list && list.error().kind == Error::not_found) return never_logged(id);
  if (!list) return pass_on(list);
  auto snapshot = open_segments(files, directory, id, from, to, list->segments);
  // Nobody may delete while we hold the lock: this is no sign that the metric never was.
  if (!snapshot && snapshot.error().kind == segment_gone) {
    return fail(Error::io, "{}", snapshot.error().text);
  }
  return snapshot;
}

/// Partition by partition: index the blocks of its segments, then merge the blocks by stamp.
class SampleStream::Impl {
 public:
  explicit Impl(MetricSnapshot snapshot)
      : snapshot_(std::move(snapshot)), ended_(snapshot_.segments.empty()) {
    for (const auto& segment : snapshot_.segments) sources_.emplace_back(segment.bytes);
    if (!ended_) begin_group();
  }

  Result<bool> next(std::vector<Sample>& out) {
    out.clear();
    if (ended_) return false;
    auto stepped = step(out);
    if (!stepped || ended_) {
      ended_ = true;
      sources_.clear();
      snapshot_.segments.clear();
    }
    if (!stepped) {
      out.clear();
      return pass_on(stepped);
    }
    return !(ended_ && out.empty());
  }

  [[nodiscard]] const IgnoredBytes& ignored() const { return ignored_; }

 private:
  /// A segment while it is read.
  struct Source {
    explicit Source(std::uint64_t bytes) : reader(bytes) {}

    SegmentReader reader;
    std::unique_ptr<File> reopened;  ///< where the snapshot does not hold it open
    std::uint64_t last_use = 0;
  };
  /// A block in the range, found but not decoded.
  struct BlockEntry {
    std::uint64_t offset;
    WallTime first_stamp;
    std::uint32_t bytes;
    std::uint32_t samples;
    std::uint32_t source;
    std::uint32_t rank;  ///< order among equal stamps: segment, then place in it
  };
  static_assert(sizeof(BlockEntry) == 32);
  /// A decoded block that is being merged.
  struct Cursor {
    std::vector<Sample> samples;
    std::size_t at = 0;
    std::uint32_t rank = 0;

    [[nodiscard]] WallTime stamp() const { return samples[at].stamp; }
  };
  /// For a heap whose front is the sample that comes first.
  struct Later {
    bool operator()(const Cursor& a, const Cursor& b) const {
      return a.stamp() != b.stamp() ? a.stamp() > b.stamp() : a.rank > b.rank;
    }
  };

  Result<void> step(std::vector<Sample>& out) {
    if (scanning_ == group_end_) return merge(out);
    auto scanned = scan();
    if (scanning_ == group_end_) {
      std::sort(entries_.begin(), entries_.end(), [](const BlockEntry& a, const BlockEntry& b) {
        return a.first_stamp != b.first_stamp ? a.first_stamp < b.first_stamp : a.rank < b.rank;
      });
    }
    return scanned;
  }

  /// Takes the next segments whose partitions overlap in time: those of one partition, and of those
  /// beside it where the partition length was changed.
  void begin_group() {
    const auto& segments = snapshot_.segments;
    scanning_ = group_end_;
    auto end = segments[scanning_].name.partition_end();
    while (group_end_ < segments.size() && segments[group_end_].name.partition_start < end) {
      end = std::max(end, segments[group_end_].name.partition_end());
      ++group_end_;
    }
    entries_.clear();
    next_entry_ = 0;
    header_read_ = false;
  }

  void end_group() {
    for (std::size_t index = group_begin_; index < group_end_; ++index) {
      sources_[index].reader.drop_window();
      sources_[index].reopened.reset();
      snapshot_.segments[index].file.reset();
    }
    group_begin_ = group_end_;
    with_window_.clear();
    if (group_end_ == snapshot_.segments.size()) {
      ended_ = true;
    } else {
      begin_group();
    }
  }

  /// The segment's file, open; keeps the files and windows of the windows_max used last.
  Result<File*> file_of(std::uint32_t index) {
    auto& source = sources_[index];
    source.last_use = ++uses_;
    if (std::find(with_window_.begin(), with_window_.end(), index) == with_window_.end()) {
      if (with_window_.size() == windows_max) {
        const auto oldest = std::min_element(
            with_window_.begin(), with_window_.end(),
            [&](auto a, auto b) { return sources_[a].last_use < sources_[b].last_use; });
        sources_[*oldest].reader.drop_window();
        sources_[*oldest].reopened.reset();
        *oldest = index;
      } else {
        with_window_.push_back(index);
      }
    }
    auto& segment = snapshot_.segments[index];
    if (segment.file) return segment.file.get();
    if (!source.reopened) {
      auto file = snapshot_.files->open_read(segment.path);
      if (!file) return pass_on(file);
      source.reopened = std::move(*file);
    }
    return source.reopened.get();
  }

  /// Indexes the next 256 KiB of the segment that is scanned.
  Result<void> scan() {
    const auto index = static_cast<std::uint32_t>(scanning_);
    const auto file = file_of(index);
    if (!file) return pass_on(file);
    auto& reader = sources_[index].reader;
    if (!header_read_) {
      const auto header = reader.read_header(**file);
      if (!header && header.error().kind == Error::io) return pass_on(header);
      const auto& segment = snapshot_.segments[index];
      if (!header || header->id != snapshot_.id || header->name != segment.name) {
        ignore(index, header ? "its header names another segment" : header.error().text);
        ++scanning_;
        return {};
      }
      header_read_ = true;
    }
    const auto pause_at = reader.offset() + SegmentReader::window_bytes_max;
    while (reader.offset() < pause_at) {
      const auto block = reader.next_block(**file);
      if (!block) return pass_on(block);
      if (!*block) {
        if (reader.end_error()) ignore(index, reader.end_error()->text);
        ++scanning_;
        header_read_ = false;
        break;
      }
      const auto& header = (*block)->header;
      if (header.last_stamp < snapshot_.from || header.first_stamp > snapshot_.to) continue;
      entries_.push_back({(*block)->offset, header.first_stamp,
                          static_cast<std::uint32_t>(header.bytes()),
                          static_cast<std::uint32_t>(header.aggregate.count), index,
                          static_cast<std::uint32_t>(entries_.size())});
    }
    return {};
  }

  /// Gives samples until a block's worth of them is out or decoded.
  Result<void> merge(std::vector<Sample>& out) {
    std::uint32_t decoded = 0;
    while (out.size() < samples_per_block_max && decoded < samples_per_block_max) {
      // Every block that may hold the next sample is decoded before that sample is given.
      if (next_entry_ < entries_.size() &&
          (cursors_.empty() || entries_[next_entry_].first_stamp <= cursors_.front().stamp())) {
        const auto& entry = entries_[next_entry_++];
        decoded += entry.samples;
        if (auto opened = open_cursor(entry); !opened) return opened;
        continue;
      }
      if (cursors_.empty()) {
        end_group();
        break;
      }
      std::pop_heap(cursors_.begin(), cursors_.end(), Later{});
      give(cursors_.back(), out);
      if (cursors_.back().at < cursors_.back().samples.size()) {
        std::push_heap(cursors_.begin(), cursors_.end(), Later{});
      } else {
        spare_.push_back(std::move(cursors_.back().samples));
        cursors_.pop_back();
      }
    }
    return {};
  }

  Result<void> open_cursor(const BlockEntry& entry) {
    const auto file = file_of(entry.source);
    if (!file) return pass_on(file);
    Cursor cursor;
    cursor.rank = entry.rank;
    if (!spare_.empty()) {
      cursor.samples = std::move(spare_.back());
      spare_.pop_back();
    }
    cursor.samples.clear();
    const auto bytes = sources_[entry.source].reader.block(**file, entry.offset, entry.bytes);
    if (!bytes && bytes.error().kind != Error::torn) return pass_on(bytes);
    const auto decoded =
        bytes ? decode_block(*bytes, cursor.samples) : Result<void>(pass_on(bytes));
    if (!decoded) {
      ++ignored_.segments;
      ignored_.bytes += entry.bytes;
      ignored_.last = snapshot_.segments[entry.source].path + ": " + decoded.error().text;
      return {};
    }
    auto& samples = cursor.samples;
    while (!samples.empty() && samples.back().stamp > snapshot_.to) samples.pop_back();
    while (cursor.at < samples.size() && cursor.stamp() < snapshot_.from) ++cursor.at;
    if (cursor.at == samples.size()) return {};  // spans the range without a sample in it
    cursors_.push_back(std::move(cursor));
    std::push_heap(cursors_.begin(), cursors_.end(), Later{});
    return {};
  }

  /// Gives the samples of `cursor` (taken off the heap, at the back) that come before all others.
  void give(Cursor& cursor, std::vector<Sample>& out) const {
    const Cursor* other = cursors_.size() > 1 ? &cursors_.front() : nullptr;
    do {
      out.push_back(cursor.samples[cursor.at++]);
    } while (
        cursor.at < cursor.samples.size() && out.size() < samples_per_block_max &&
        (other == nullptr || !Later{}(cursor, *other)) &&
        (next_entry_ == entries_.size() || cursor.stamp() < entries_[next_entry_].first_stamp));
  }

  void ignore(std::uint32_t index, const std::string& cause) {
    const auto& reader = sources_[index].reader;
    ++ignored_.segments;
    ignored_.bytes += reader.bytes_left();
    ignored_.last = snapshot_.segments[index].path + " at byte " + std::to_string(reader.offset()) +
                    ": " + cause;
  }

  MetricSnapshot snapshot_;
  std::vector<Source> sources_;  ///< as snapshot_.segments
  std::size_t group_begin_ = 0;
  std::size_t group_end_ = 0;
  std::size_t scanning_ = 0;
  bool header_read_ = false;
  std::vector<BlockEntry> entries_;
  std::size_t next_entry_ = 0;
  std::vector<Cursor> cursors_;
  std::vector<std::vector<Sample>> spare_;
  std::vector<std::uint32_t> with_window_;
  std::uint64_t uses_ = 0;
  IgnoredBytes ignored_;
  bool ended_;
};

SampleStream::SampleStream(MetricSnapshot snapshot)
    : impl_(std::make_unique<Impl>(std::move(snapshot))) {}
SampleStream::~SampleStream() = default;
SampleStream::SampleStream(SampleStream&&) noexcept = default;
SampleStream& SampleStream::operator=(SampleStream&&) noexcept = default;

Result<bool> SampleStream::next(std::vector<Sample>& out) { return impl_->next(out); }

const IgnoredBytes& SampleStream::ignored() const { return impl_->ignored(); }

}  // namespace mas
