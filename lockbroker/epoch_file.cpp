#include "lockbroker/epoch_file.hpp"

#include <fcntl.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <filesystem>

#include "base/byte_reader.hpp"
#include "base/crc32c.hpp"

namespace mas {
namespace {

constexpr std::string_view magic = "MASEPOCH";
constexpr std::uint16_t format_version = 1;
constexpr std::uint16_t flag_leases_may_live = 1;
constexpr std::uint16_t flag_names_clean = 2;
constexpr std::size_t record_bytes = 24;
/// Read before it is judged; anything longer is no epoch file.
constexpr std::size_t read_bytes_max = 4 * KiB;

}  // namespace

Bytes encode_epoch_record(const EpochRecord& record) {
  Bytes out;
  out.reserve(record_bytes);
  append(out, as_bytes(magic));
  append_le(out, format_version);
  append_le(out, static_cast<std::uint16_t>((record.leases_may_live ? flag_leases_may_live : 0) |
                                            (record.names_clean ? flag_names_clean : 0)));
  append_le(out, record.epoch);
  append_le(out, static_cast<std::uint32_t>(record.lease_ttl.count()));
  append_le(out, crc32c(out));
  return out;
}

Result<EpochRecord> decode_epoch_record(ByteView bytes) {
  ByteReader in(bytes);
  const auto head = as_text(in.take(magic.size()));
  const auto version = in.u16();
  if (!in.ok() || head != magic) return fail(Error::torn, "not an epoch file");
  if (version != format_version) {
    return fail(Error::unsupported, "epoch file of version {} (this build knows {})", version,
                format_version);
  }
  EpochRecord record;
  const auto flags = in.u16();
  record.epoch = in.u32();
  record.lease_ttl = milliseconds{in.u32()};
  const auto checked = in.offset();
  const auto checksum = in.u32();
  if (!in.done() || checksum != crc32c(bytes.first(checked)) || record.epoch == 0) {
    return fail(Error::torn, "damaged epoch file");
  }
  record.leases_may_live = (flags & flag_leases_may_live) != 0;
  record.names_clean = (flags & flag_names_clean) != 0;
  return record;
}

EpochRecord next_epoch(const EpochRecord& previous, milliseconds lease_ttl) {
  EpochRecord next;
  next.epoch = previous.epoch + 1;
  // Should we die while we still wait for the old leases, the next broker must wait for them too.
  next.lease_ttl = previous.leases_may_live ? std::max(previous.lease_ttl, lease_ttl) : lease_ttl;
  next.leases_may_live = true;
  next.names_clean = previous.names_clean && !previous.leases_may_live;
  return next;
}

Result<EpochFile> EpochFile::open(FileSystem& files, std::string directory) {
  std::error_code error;
  std::filesystem::create_directories(directory, error);
  if (error) return fail(Error::io, "cannot make {}: {}", directory, error.message());

  // Not the epoch file itself: that one is replaced, and a lock stays with the file it was put on.
  const auto lock_path = directory + "/epoch.lock";
  UniqueFd lock(::open(lock_path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0666));
  if (!lock) return fail(Error::io, "cannot open {}: {}", lock_path, std::strerror(errno));
  struct flock whole {};
  whole.l_type = F_WRLCK;
  whole.l_whence = SEEK_SET;
  if (::fcntl(lock.get(), F_OFD_SETLK, &whole) != 0) {
    if (errno == EAGAIN || errno == EACCES) {
      return fail(Error::busy, "another lock broker runs on {}", directory);
    }
    return fail(Error::io, "cannot lock {}: {}", lock_path, std::strerror(errno));
  }

  EpochFile file(files, directory + "/epoch", std::move(lock));
  Bytes bytes;
  if (const auto read = read_file(files, file.path_, read_bytes_max, bytes); read) {
    auto record = decode_epoch_record(bytes);
    if (!record) {
      return fail(record.error().kind,
                  "{}: {}; remove it only when no worker of this system is running", file.path_,
                  record.error().text);
    }
    file.record_ = *record;
  } else if (read.error().kind != Error::not_found) {
    return pass_on(read);
  }
  return file;
}

Result<void> EpochFile::write(const EpochRecord& record) {
  if (auto replaced = replace_file(*files_, path_, encode_epoch_record(record)); !replaced) {
    return replaced;
  }
  record_ = record;
  return {};
}

}  // namespace mas
