#include "store/segment_reader.hpp"

#include <algorithm>

namespace mas {

Result<ByteView> SegmentReader::view(File& file, std::uint64_t offset, std::size_t bytes) {
  if (offset >= bytes_) return ByteView{};
  const auto wanted = static_cast<std::size_t>(std::min<std::uint64_t>(bytes, bytes_ - offset));
  const bool inside =
      offset >= window_offset_ && offset + wanted <= window_offset_ + window_.size();
  if (!inside) {
    const auto size = std::min<std::uint64_t>(std::max(wanted, step_), bytes_ - offset);
    window_.resize(static_cast<std::size_t>(size));
    window_offset_ = offset;
    const auto read = file.read_at(offset, window_);
    if (!read) {
      window_.clear();
      return pass_on(read);
    }
    window_.resize(*read);  // shorter when the file was cut since its length was noted
  }
  const auto begin = static_cast<std::size_t>(offset - window_offset_);
  return ByteView(window_).subspan(begin, std::min(wanted, window_.size() - begin));
}

Result<SegmentHeader> SegmentReader::read_header(File& file) {
  auto bytes = view(file, 0, segment_header_prefix_bytes);
  if (!bytes) return pass_on(bytes);
  const auto size = segment_header_bytes(*bytes);
  if (!size) return pass_on(size);
  bytes = view(file, 0, *size);
  if (!bytes) return pass_on(bytes);
  auto decoded = decode_segment_header(*bytes);
  if (window_.size() > window_bytes_max) drop_window();
  if (!decoded) return pass_on(decoded);
  offset_ = decoded->bytes;
  return std::move(decoded->header);
}

Result<std::optional<BlockPlace>> SegmentReader::next_block(File& file) {
  if (end_error_ || bytes_left() == 0) return std::optional<BlockPlace>{};
  auto bytes = view(file, offset_, block_header_bytes);
  if (!bytes) return pass_on(bytes);
  const auto header = decode_block_header(*bytes);
  if (!header) {
    end_error_ = header.error();
    return std::optional<BlockPlace>{};
  }
  bytes = view(file, offset_, header->bytes());
  if (!bytes) return pass_on(bytes);
  if (bytes->size() < header->bytes()) {
    end_error_ = Error{Error::torn, "block cut short"};
    return std::optional<BlockPlace>{};
  }
  if (!block_checks(*bytes)) {
    end_error_ = Error{Error::torn, "block fails its checksum"};
    return std::optional<BlockPlace>{};
  }
  const BlockPlace place{offset_, *header};
  offset_ += header->bytes();
  return std::optional<BlockPlace>{place};
}

Result<ByteView> SegmentReader::block(File& file, std::uint64_t offset, std::size_t bytes) {
  const auto found = view(file, offset, bytes);
  if (!found) return pass_on(found);
  if (found->size() != bytes || !block_checks(*found)) {
    return fail(Error::torn, "block at byte {} has changed", offset);
  }
  return *found;
}

void SegmentReader::drop_window() {
  window_ = Bytes{};
  window_offset_ = 0;
}

}  // namespace mas
