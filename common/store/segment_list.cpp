#include "store/segment_list.hpp"

#include <algorithm>
#include <tuple>

#include "base/byte_reader.hpp"
#include "base/check.hpp"
#include "store/metric_path.hpp"
#include "store/segment_reader.hpp"

namespace mas {
namespace {

/// What one read asks for where only a header is wanted.
constexpr std::size_t glance_bytes = 4 * KiB;

constexpr std::uint8_t list_version = 1;
/// In place of the count: the list is not here.
constexpr std::uint8_t read_directory = 0xff;
static_assert(segment_list_segments_max < read_directory);
constexpr std::size_t list_front_bytes = 14;
constexpr std::size_t listed_segment_bytes_min = 5;
static_assert(list_front_bytes + segment_list_segments_max * listed_segment_bytes_min <=
              segment_list_bytes_max);

auto order_of(const SegmentName& name) {
  return std::tuple(name.partition_start, name.partition_length, name.token, name.sequence);
}

bool by_name(const SegmentSeal& a, const SegmentSeal& b) {
  return std::tie(a.token, a.sequence) < std::tie(b.token, b.sequence);
}

/// The seals of the take-over segment of this name, sorted; nothing where its header is not whole.
Result<std::optional<std::vector<SegmentSeal>>> read_seals(FileSystem& files,
                                                           const std::string& directory,
                                                           std::string_view id,
                                                           const SegmentName& name) {
  const auto file = files.open_read(directory + '/' + to_file_name(name));
  if (!file) return fail(Error::io, "{}", file.error().text);
  const auto size = (*file)->size();
  if (!size) return pass_on(size);
  if (*size == 0) return std::optional<std::vector<SegmentSeal>>{};
  SegmentReader reader(*size, glance_bytes);
  auto header = reader.read_header(**file);
  if (!header && header.error().kind != Error::torn) return pass_on(header);
  if (!header || header->id != id || header->name != name) {
    return std::optional<std::vector<SegmentSeal>>{};
  }
  std::sort(header->seals.begin(), header->seals.end(), by_name);
  return std::optional(std::move(header->seals));
}

/// Leaves the segments that count under the governing seals.
void apply(const std::vector<SegmentSeal>& seals, SegmentList& list) {
  std::erase_if(list.segments, [&](ListedSegment& segment) {
    if (segment.name.token >= list.governing_token) return false;
    const SegmentSeal wanted{segment.name.token, segment.name.sequence, 0};
    const auto seal = std::lower_bound(seals.begin(), seals.end(), wanted, by_name);
    if (seal == seals.end() || by_name(wanted, *seal)) return true;
    segment.valid_bytes = seal->valid_bytes;
    return false;
  });
}

}  // namespace

Result<SegmentList> list_segments(FileSystem& files, const std::string& data_dir,
                                  std::string_view id) {
  const auto directory = data_dir + '/' + metric_directory(id);
  const auto entries = files.list(directory);
  if (!entries) return pass_on(entries);
  SegmentList list;
  std::vector<SegmentName> take_overs;
  for (const auto& entry : *entries) {
    const auto name = parse_segment_name(entry.name);
    if (!name) continue;
    list.newest_token = std::max(list.newest_token, name->token);
    list.segments.push_back({*name, std::nullopt});
    if (name->is_take_over()) take_overs.push_back(*name);
  }
  std::sort(take_overs.begin(), take_overs.end(),
            [](const SegmentName& a, const SegmentName& b) { return a.token > b.token; });
  for (const auto& name : take_overs) {
    const auto seals = read_seals(files, directory, id, name);
    if (!seals) return pass_on(seals);
    if (!*seals) continue;
    list.governing_token = name.token;
    apply(**seals, list);
    break;
  }
  return list;
}

void add_segment(std::vector<ListedSegment>& segments, const SegmentName& name) {
  const auto place = std::lower_bound(
      segments.begin(), segments.end(), name,
      [](const ListedSegment& a, const SegmentName& b) { return order_of(a.name) < order_of(b); });
  if (place != segments.end() && place->name == name) return;
  segments.insert(place, {name, std::nullopt});
}

std::string encode_segment_list(ListGeneration generation,
                                const std::optional<std::vector<ListedSegment>>& segments) {
  Bytes bytes;
  append_le(bytes, list_version);
  append_le(bytes, generation.token);
  append_le(bytes, generation.changes);
  bytes.push_back(read_directory);
  MAS_CHECK(bytes.size() == list_front_bytes);
  if (segments && !segments->empty() && segments->size() <= segment_list_segments_max) {
    bytes.back() = static_cast<std::uint8_t>(segments->size());
    std::int64_t previous_start = 0;
    for (const auto& [name, valid_bytes] : *segments) {
      MAS_CHECK(name.token <= generation.token);
      const auto start =
          std::chrono::duration_cast<seconds>(name.partition_start.time_since_epoch()).count();
      append_varint(bytes, zigzag(start - previous_start));
      append_varint(bytes, static_cast<std::uint64_t>(name.partition_length.count()));
      append_varint(bytes, generation.token - name.token);
      append_varint(bytes, name.sequence);
      append_varint(bytes, valid_bytes ? *valid_bytes + 1 : 0);
      previous_start = start;
    }
  }
  if (bytes.size() > segment_list_bytes_max) {
    bytes.resize(list_front_bytes);
    bytes.back() = read_directory;
  }
  return std::string(as_text(bytes));
}

Result<HandedList> decode_segment_list(std::string_view bytes) {
  ByteReader in(as_bytes(bytes));
  const auto version = in.u8();
  if (in.ok() && version != list_version) {
    return fail(Error::unsupported, "segment list of version {}", version);
  }
  HandedList list;
  list.generation.token = in.u64();
  list.generation.changes = in.u32();
  const auto count = in.u8();
  if (count == read_directory && in.done()) return list;
  if (!in.ok() || count == 0 || count > segment_list_segments_max) {
    return fail(Error::torn, "no segment list: {} segments in {} bytes", count, bytes.size());
  }
  auto& segments = list.segments.emplace();
  std::uint64_t start = 0;  // unsigned, so that hostile differences wrap
  for (std::uint8_t index = 0; index < count; ++index) {
    start += static_cast<std::uint64_t>(unzigzag(in.varint()));
    const auto length = in.varint();
    const auto token_difference = in.varint();
    const auto sequence = in.varint();
    const auto valid_bytes = in.varint();
    const auto start_seconds = static_cast<std::int64_t>(start);
    if (!in.ok() || token_difference > list.generation.token || sequence > 0xffffffffU ||
        length > static_cast<std::uint64_t>(partition_length_max.count()) ||
        !is_partition(start_seconds, static_cast<std::int64_t>(length))) {
      return fail(Error::torn, "segment list is bad at byte {}", in.offset());
    }
    ListedSegment segment;
    segment.name.partition_start = WallTime{seconds{start_seconds}};
    segment.name.partition_length = seconds{static_cast<std::int64_t>(length)};
    segment.name.token = list.generation.token - token_difference;
    segment.name.sequence = static_cast<std::uint32_t>(sequence);
    if (valid_bytes > 0) segment.valid_bytes = valid_bytes - 1;
    if (!segments.empty() && order_of(segments.back().name) >= order_of(segment.name)) {
      return fail(Error::torn, "segment list is out of order");
    }
    segments.push_back(segment);
  }
  if (!in.done()) return fail(Error::torn, "segment list of {} bytes", bytes.size());
  return list;
}

}  // namespace mas
