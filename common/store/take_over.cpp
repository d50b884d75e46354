#include "store/take_over.hpp"

#include <algorithm>
#include <tuple>
#include <utility>

#include "base/check.hpp"
#include "store/metric_path.hpp"

namespace mas {
namespace {

Result<std::vector<SegmentSeal>> seal(FileSystem& files, const std::string& directory,
                                      std::string_view id, std::uint64_t token,
                                      std::vector<ListedSegment>& segments) {
  std::vector<SegmentSeal> seals;
  for (auto& segment : segments) {
    if (segment.name.token == token) continue;
    const auto status = files.status(directory + '/' + to_file_name(segment.name));
    if (!status && status.error().kind == Error::not_found) continue;  // deleted by hand meanwhile
    if (!status) return pass_on(status);
    segment.valid_bytes = std::min(status->bytes, segment.valid_bytes.value_or(status->bytes));
    if (segment.valid_bytes == 0) continue;
    seals.push_back({segment.name.token, segment.name.sequence, *segment.valid_bytes});
  }
  if (seals.size() > segment_seals_max) {
    return fail(Error::busy, "metric '{}' has {} segments, a take-over can name {}", id,
                seals.size(), segment_seals_max);
  }
  std::erase_if(segments, [&](const ListedSegment& segment) {
    return segment.name.token != token && segment.valid_bytes.value_or(0) == 0;
  });
  std::sort(seals.begin(), seals.end(), [](const SegmentSeal& a, const SegmentSeal& b) {
    return std::tie(a.token, a.sequence) < std::tie(b.token, b.sequence);
  });
  return seals;
}

/// A new file, or the one that an attempt of ours has left: only we write under our token, and its
/// header was never whole.
Result<std::unique_ptr<File>> create_or_empty(FileSystem& files, const std::string& path) {
  auto file = files.create(path);
  if (file || file.error().kind != Error::exists) return file;
  file = files.open_append(path);
  if (!file) return file;
  if (auto emptied = (*file)->truncate(0); !emptied) return pass_on(emptied);
  return file;
}

}  // namespace

Result<void> check_newest(const SegmentList& list, std::string_view id, std::uint64_t token) {
  if (list.newest_token <= token) return {};
  return fail(Error::lost,
              "metric '{}' has a segment of token {:x}, newer than our lock's {:x}: the lock is "
              "over, or the lock broker has lost its epoch",
              id, list.newest_token, token);
}

Result<TakenOver> take_over(FileSystem& files, const std::string& data_dir, std::string_view id,
                            std::uint64_t token, SegmentList before, WallTime partition_start,
                            seconds partition_length) {
  if (auto newest = check_newest(before, id, token); !newest) return pass_on(newest);
  MAS_CHECK(before.governing_token != token);
  const auto directory = data_dir + '/' + metric_directory(id);
  auto& segments = before.segments;
  SegmentHeader header;
  header.name = {partition_start, partition_length, token, take_over_sequence};
  header.id = id;
  const auto begun = std::find_if(segments.begin(), segments.end(), [&](const auto& segment) {
    return segment.name.token == token && segment.name.is_take_over();
  });
  if (begun != segments.end()) header.name = begun->name;
  auto seals = seal(files, directory, id, token, segments);
  if (!seals) return pass_on(seals);
  header.seals = std::move(*seals);

  Bytes bytes;
  encode_segment_header(header, bytes);
  auto file = create_or_empty(files, directory + '/' + to_file_name(header.name));
  if (!file) return pass_on(file);
  if (auto written = (*file)->append(bytes); !written) return pass_on(written);

  before.governing_token = before.newest_token = token;
  add_segment(segments, header.name);
  return TakenOver{header.name, bytes.size(), std::move(*file), std::move(before)};
}

Result<std::optional<SegmentList>> take_over_for_reading(FileSystem& files,
                                                         const std::string& data_dir,
                                                         std::string_view id, std::uint64_t token) {
  auto list = list_segments(files, data_dir, id);
  if (!list && list.error().kind == Error::not_found) return std::optional<SegmentList>{};
  if (!list) return pass_on(list);
  if (list->segments.empty()) return std::optional<SegmentList>{};
  if (list->governing_token == token) return std::optional(std::move(*list));
  const auto newest = list->segments.back().name;
  auto taken = take_over(files, data_dir, id, token, std::move(*list), newest.partition_start,
                         newest.partition_length);
  if (!taken) return pass_on(taken);
  return std::optional(std::move(taken->list));
}

}  // namespace mas
