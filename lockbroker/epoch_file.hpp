#pragma once

#include <cstdint>
#include <string>

#include "base/bytes.hpp"
#include "base/result.hpp"
#include "base/time_types.hpp"
#include "base/unique_fd.hpp"
#include "store/file_system.hpp"

namespace mas {

/// What a broker leaves for the next one.
struct EpochRecord {
  std::uint32_t epoch = 0;       ///< of the broker that wrote it; 0: there was none
  milliseconds lease_ttl{0};     ///< the longest that leases from before this record may last
  bool leases_may_live = false;  ///< it did not end with every session closed
  bool names_clean = true;       ///< no name's last writer ended uncleanly

  friend bool operator==(const EpochRecord&, const EpochRecord&) = default;
};

/// Its form on disk, laid out in docs/locks.md.
[[nodiscard]] Bytes encode_epoch_record(const EpochRecord& record);
/// Error::torn when it is damaged, Error::unsupported for a version this build does not know.
[[nodiscard]] Result<EpochRecord> decode_epoch_record(ByteView bytes);

/// The record that starts an epoch after `previous` with a broker whose leases last `lease_ttl`.
[[nodiscard]] EpochRecord next_epoch(const EpochRecord& previous, milliseconds lease_ttl);

/// The broker's directory: the file `epoch`, replaced as a whole and durably, and `epoch.lock`,
/// whose lock (open file description lock, fcntl F_OFD_SETLK) keeps a second broker away as long
/// as this process lives. Thread-safety: one owner. `files` outlives it.
class EpochFile {
 public:
  /// Makes the directory if need be. Error::busy when another broker runs on it.
  [[nodiscard]] static Result<EpochFile> open(FileSystem& files, std::string directory);

  /// What the last broker left; epoch 0 when there was none.
  [[nodiscard]] const EpochRecord& record() const { return record_; }
  /// Durable when it returns without an error; else nothing may be granted on its strength.
  Result<void> write(const EpochRecord& record);

 private:
  EpochFile(FileSystem& files, std::string path, UniqueFd lock)
      : files_(&files), path_(std::move(path)), lock_(std::move(lock)) {}

  FileSystem* files_;
  std::string path_;
  UniqueFd lock_;
  EpochRecord record_;
};

}  // namespace mas
