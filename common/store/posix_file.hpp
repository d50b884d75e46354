#pragma once

#include "store/file_system.hpp"

namespace mas {

/// The host's file system. Files are opened close-on-exec, directories made with mode 0777 and
/// files with 0666, both less the umask. Thread-safety: thread-safe (it has no state); each File
/// has one owner.
class PosixFileSystem final : public FileSystem {
 public:
  [[nodiscard]] Result<std::unique_ptr<File>> create(const std::string& path) override;
  [[nodiscard]] Result<std::unique_ptr<File>> open_read(const std::string& path) override;
  [[nodiscard]] Result<std::unique_ptr<File>> open_append(const std::string& path) override;
  Result<void> make_directory(const std::string& path) override;
  Result<void> sync_directory(const std::string& path) override;
  [[nodiscard]] Result<std::vector<DirectoryEntry>> list(const std::string& path) override;
  [[nodiscard]] Result<FileStatus> status(const std::string& path) override;
  Result<void> rename(const std::string& from, const std::string& to) override;
  Result<void> link(const std::string& from, const std::string& to) override;
  Result<void> unlink(const std::string& path) override;
};

/// Returns when all that was written to the file system that holds `path`, by whomever, is on
/// stable storage (syncfs). Errors: Error::io, where a write failed since the last call on any
/// descriptor or the directory cannot be opened. Thread-safe.
Result<void> sync_file_system(const std::string& path);

}  // namespace mas
