#include "store/segment_writer.hpp"

#include <algorithm>
#include <utility>

#include "base/check.hpp"
#include "store/metric_path.hpp"
#include "store/segment_reader.hpp"
#include "store/take_over.hpp"

namespace mas {
namespace {

/// Names of our own token that exist although the directory did not list them: a stale listing of
/// a shared file system, once or twice; more is a fault.
constexpr int create_attempts_max = 8;

bool by_stamp(const Sample& a, const Sample& b) { return a.stamp < b.stamp; }

void add_once(std::vector<std::string>& list, std::string entry) {
  if (std::find(list.begin(), list.end(), entry) == list.end()) list.push_back(std::move(entry));
}

}  // namespace

SegmentStore::SegmentStore(FileSystem& file_system, std::string data_directory, seconds partition)
    : files(file_system), data_dir(std::move(data_directory)), partition_length(partition) {
  MAS_CHECK(partition >= partition_length_min && partition <= partition_length_max);
}

SegmentWriter::SegmentWriter(SegmentStore& store, std::string id, WriterGrant grant)
    : store_(store), id_(std::move(id)), directory_(metric_directory(id_)), grant_(grant) {
  MAS_CHECK(!id_.empty() && id_.size() <= segment_id_bytes_max);
}

std::string SegmentWriter::path_of(const SegmentName& name) const {
  return store_.data_dir + '/' + directory_ + '/' + to_file_name(name);
}

Result<AppendEnd> SegmentWriter::append(std::span<const Sample> samples,
                                        std::vector<CommittedPartition>& committed,
                                        NewSegments new_segments) {
  committed.clear();
  for (const auto& sample : samples) {
    if (sample.stamp < store_stamp_min || sample.stamp > store_stamp_max) {
      return fail(Error::invalid, "stamp {} ns is outside the years 1678 to 2261",
                  to_int(sample.stamp));
    }
  }
  if (!std::is_sorted(samples.begin(), samples.end(), by_stamp)) {
    store_.sorted.assign(samples.begin(), samples.end());
    std::stable_sort(store_.sorted.begin(), store_.sorted.end(), by_stamp);
    samples = store_.sorted;
  }
  while (!samples.empty()) {
    const auto start = partition_start(samples.front().stamp, store_.partition_length);
    const auto end = start + store_.partition_length;
    std::size_t count = 1;
    while (count < samples.size() && samples[count].stamp < end) ++count;
    auto done = append_partition(start, samples.first(count), new_segments);
    if (!done) return pass_on(done);
    if (!*done) return AppendEnd::needs_new_segment;
    committed.push_back(**done);
    samples = samples.subspan(count);
  }
  return AppendEnd::all_written;
}

Result<std::optional<CommittedPartition>> SegmentWriter::append_partition(
    WallTime start, std::span<const Sample> samples, NewSegments new_segments) {
  const auto found = writable_segment(start, new_segments);
  if (!found) return pass_on(found);
  if (*found == nullptr) return std::optional<CommittedPartition>{};
  auto& segment = **found;

  auto& bytes = store_.encoded;
  bytes.clear();
  // The header goes with the first block, so that a segment without a block is an empty file.
  if (segment.bytes == 0) {
    SegmentHeader header;
    header.name = segment.name;
    header.id = id_;
    encode_segment_header(header, bytes);
  }
  for (auto rest = samples; !rest.empty();) {
    const auto block = rest.first(std::min<std::size_t>(rest.size(), samples_per_block_max));
    encode_block(block, bytes);
    rest = rest.subspan(block.size());
  }
  if (const auto written = segment.file->append(bytes); !written) {
    cut_back(segment);
    return pass_on(written);
  }
  segment.bytes += bytes.size();
  segment.dirty = store_.remember_for_sync;
  return std::optional(CommittedPartition{start, segment.name.token, segment.name.sequence,
                                          segment.bytes,
                                          static_cast<std::uint32_t>(samples.size())});
}

Result<SegmentWriter::Segment*> SegmentWriter::writable_segment(WallTime start,
                                                                NewSegments new_segments) {
  const auto found = std::find_if(segments_.begin(), segments_.end(), [&](const Segment& segment) {
    return segment.name.partition_start == start;
  });
  if (found != segments_.end()) {
    std::rotate(found, found + 1, segments_.end());
    if (segments_.back().file) return &segments_.back();
    const auto reopened = reopen(segments_.back());
    if (!reopened) return pass_on(reopened);
    if (*reopened) return &segments_.back();
    abandon(segments_.back());
  }
  auto segment = find_or_make(start, new_segments);
  if (!segment) return pass_on(segment);
  if (!*segment) return nullptr;
  if (segments_.size() == open_partitions_max) forget(segments_.front());
  segments_.push_back(*std::move(*segment));
  touched_ = true;
  return &segments_.back();
}

Result<bool> SegmentWriter::reopen(Segment& segment) {
  auto file = store_.files.open_append(path_of(segment.name));
  if (!file && file.error().kind == Error::not_found) return false;
  if (!file) return pass_on(file);
  const auto size = (*file)->size();
  if (!size) return pass_on(size);
  if (*size != segment.bytes) return false;
  segment.file = std::move(*file);
  return true;
}

Result<std::optional<SegmentWriter::Segment>> SegmentWriter::find_or_make(
    WallTime start, NewSegments new_segments) {
  auto list = list_or_make_directory(new_segments);
  if (!list) return pass_on(list);
  if (auto newest = check_newest(*list, id_, grant_.token); !newest) return pass_on(newest);
  remember(*list);
  if (!grant_.previous_end_clean && list->governing_token != grant_.token) {
    if (new_segments == NewSegments::refused) return std::optional<Segment>{};
    auto segment = take_metric_over(start, *list);
    if (!segment || *segment) return segment;
  }

  const ListedSegment* candidate = nullptr;
  for (const auto& segment : list->segments) {
    const auto& name = segment.name;
    if (name.token == grant_.token) next_sequence_ = std::max(next_sequence_, name.sequence + 1);
    // They are sorted by token and sequence within a partition: the last one is the newest.
    if (name.partition_start == start && name.partition_length == store_.partition_length) {
      candidate = &segment;
    }
  }
  if (candidate != nullptr) {
    const auto& name = candidate->name;
    const bool own = name.token == grant_.token && name.sequence >= continue_from_sequence_;
    // Every holder that wrote left a segment of its own token unless it continued one that was
    // closed to all others. So after a clean end those of the newest token are closed too; an
    // older token's may be of a holder that ended uncleanly, before another that ended cleanly.
    const bool closed = grant_.previous_end_clean && name.token != grant_.token &&
                        name.token == list->newest_token && continue_from_sequence_ == 0;
    if (own || closed) {
      auto continued = continue_segment(name);
      if (!continued || *continued) return continued;
    }
  }
  if (new_segments == NewSegments::refused) return std::optional<Segment>{};
  auto made = make_segment(start);
  if (!made) return pass_on(made);
  return std::optional(std::move(*made));
}

Result<SegmentList> SegmentWriter::list_or_make_directory(NewSegments new_segments) {
  auto list = list_segments(store_.files, store_.data_dir, id_);
  if (list || list.error().kind != Error::not_found) return list;
  if (new_segments == NewSegments::allowed) {
    if (auto made = make_directory(); !made) return pass_on(made);
  }
  return SegmentList{};
}

void SegmentWriter::remember(const SegmentList& list) {
  listed_.reset();
  if (list.segments.size() <= segment_list_segments_max) listed_ = list.segments;
}

std::string SegmentWriter::segment_list() const {
  return encode_segment_list({grant_.token, list_changes_}, listed_);
}

Result<std::optional<SegmentWriter::Segment>> SegmentWriter::take_metric_over(WallTime start,
                                                                              SegmentList& list) {
  auto taken = take_over(store_.files, store_.data_dir, id_, grant_.token, std::move(list), start,
                         store_.partition_length);
  if (!taken) return pass_on(taken);
  list = std::move(taken->list);
  remember(list);
  ++list_changes_;
  if (store_.remember_for_sync) {
    add_once(directories_to_sync_, store_.data_dir + '/' + directory_);
  }
  Segment segment{taken->name, taken->bytes, std::move(taken->file), store_.remember_for_sync};
  const bool of_this_partition = segment.name.partition_start == start &&
                                 segment.name.partition_length == store_.partition_length;
  if (of_this_partition) return std::optional(std::move(segment));
  if (segment.dirty) add_once(files_to_sync_, path_of(segment.name));
  return std::optional<Segment>{};
}

Result<std::optional<SegmentWriter::Segment>> SegmentWriter::continue_segment(
    const SegmentName& name) {
  auto file = store_.files.open_append(path_of(name));
  if (!file) return pass_on(file);
  const auto size = (*file)->size();
  if (!size) return pass_on(size);
  if (*size > continue_bytes_max) return std::optional<Segment>{};
  if (*size > 0) {
    SegmentReader reader(*size);
    const auto header = reader.read_header(**file);
    if (!header && header.error().kind == Error::io) return pass_on(header);
    if (!header || header->id != id_ || header->name != name) return std::optional<Segment>{};
    for (;;) {
      const auto block = reader.next_block(**file);
      if (!block) return pass_on(block);
      if (!*block) break;
    }
    // What does not check is damage, or of a later version: not ours to cut.
    if (reader.bytes_left() > 0) return std::optional<Segment>{};
  }
  return std::optional<Segment>(Segment{name, *size, std::move(*file), false});
}

Result<SegmentWriter::Segment> SegmentWriter::make_segment(WallTime start) {
  for (int attempt = 0;; ++attempt) {
    const SegmentName name{start, store_.partition_length, grant_.token, next_sequence_};
    auto file = store_.files.create(path_of(name));
    if (!file && file.error().kind == Error::exists && attempt < create_attempts_max) {
      ++next_sequence_;
      continue;
    }
    if (!file) return pass_on(file);
    ++next_sequence_;
    if (listed_) add_segment(*listed_, name);
    ++list_changes_;
    if (store_.remember_for_sync) {
      add_once(directories_to_sync_, store_.data_dir + '/' + directory_);
    }
    return Segment{name, 0, std::move(*file), false};
  }
}

Result<void> SegmentWriter::make_directory() {
  std::vector<std::string> new_names;
  auto made = make_directories(store_.files, store_.data_dir, directory_, new_names);
  if (store_.remember_for_sync) {
    for (auto& directory : new_names) add_once(directories_to_sync_, std::move(directory));
  }
  return made;
}

void SegmentWriter::cut_back(Segment& segment) {
  const auto size = segment.file->size();
  if (size && *size == segment.bytes) return;  // the disk took nothing
  // Whole blocks of the append that failed must not be read. But the place is not used again: a
  // take-over may have counted it if we were paused in between.
  const bool cut = segment.file->truncate(segment.bytes).has_value();
  if (cut && segment.bytes == 0 && store_.files.unlink(path_of(segment.name))) {
    // Nothing was ever in it; a disk that stays full does not collect such files.
    if (listed_) std::erase(*listed_, ListedSegment{segment.name, std::nullopt});
  }
  abandon(segment);
}

void SegmentWriter::abandon(Segment& segment) {
  continue_from_sequence_ = next_sequence_;
  forget(segment);
}

void SegmentWriter::forget(Segment& segment) {
  if (segment.dirty) add_once(files_to_sync_, path_of(segment.name));
  segments_.erase(segments_.begin() + (&segment - segments_.data()));
}

bool SegmentWriter::dirty() const {
  return !directories_to_sync_.empty() || !files_to_sync_.empty() ||
         std::any_of(segments_.begin(), segments_.end(),
                     [](const Segment& segment) { return segment.dirty; });
}

Result<void> SegmentWriter::sync() {
  Result<void> first_error;
  const auto succeeded = [&](Result<void> done) {
    if (done) return true;
    if (first_error) first_error = std::move(done);
    return false;
  };
  const auto sync_path = [&](const std::string& path) -> Result<void> {
    const auto file = store_.files.open_append(path);
    if (!file) return pass_on(file);
    return (*file)->sync_data();
  };
  // Data before names: a name never leads to bytes that are not there.
  for (const auto& path : std::exchange(files_to_sync_, {})) succeeded(sync_path(path));
  for (auto index = segments_.size(); index-- > 0;) {
    auto& segment = segments_[index];
    if (!std::exchange(segment.dirty, false)) continue;
    const bool done =
        succeeded(segment.file ? segment.file->sync_data() : sync_path(path_of(segment.name)));
    // What the disk did not take may be missing in the middle, and hides what comes behind it.
    if (!done) abandon(segment);
  }
  for (const auto& path : std::exchange(directories_to_sync_, {})) {
    succeeded(store_.files.sync_directory(path));
  }
  return first_error;
}

std::size_t SegmentWriter::open_files() const {
  return static_cast<std::size_t>(
      std::count_if(segments_.begin(), segments_.end(),
                    [](const Segment& segment) { return segment.file != nullptr; }));
}

void SegmentWriter::close_files() {
  for (auto& segment : segments_) segment.file.reset();
}

}  // namespace mas
