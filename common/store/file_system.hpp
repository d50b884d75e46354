#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/bytes.hpp"
#include "base/result.hpp"

namespace mas {

/// One open file. Every operation retries EINTR; errors name the path and what the operating
/// system said. Closed by its destructor. Thread-safety: one owner.
class File {
 public:
  File() = default;
  File(const File&) = delete;
  File& operator=(const File&) = delete;
  virtual ~File() = default;

  /// Writes all of `bytes` at the end of the file. In the usual case that is one write(2). After an
  /// error (Error::io) any number of the bytes, from none to all but one, may be in the file.
  virtual Result<void> append(ByteView bytes) = 0;
  /// Reads at `offset` into `out`, as much as there is: fewer bytes than asked for mean the end of
  /// the file.
  virtual Result<std::size_t> read_at(std::uint64_t offset, std::span<std::uint8_t> out) = 0;
  [[nodiscard]] virtual Result<std::uint64_t> size() = 0;
  virtual Result<void> truncate(std::uint64_t size) = 0;
  /// Returns when the file's data and length are on stable storage (fdatasync). An error is final
  /// for what was written since the last success: the kernel forgets it, a second try proves
  /// nothing.
  virtual Result<void> sync_data() = 0;
};

/// What is known of a name without opening it.
struct FileStatus {
  std::uint64_t bytes = 0;
  bool is_directory = false;
};

/// One name in a directory.
struct DirectoryEntry {
  std::string name;
  bool is_directory = false;

  friend bool operator==(const DirectoryEntry&, const DirectoryEntry&) = default;
};

/// The file operations that the store is made of, and no others, so that tests can fail each of
/// them. Errors: Error::not_found where the name does not exist, Error::exists where it must not,
/// Error::io for the rest (full, read-only, too many open files, permission, …).
/// Thread-safety: as the implementation; PosixFileSystem is thread-safe.
class FileSystem {
 public:
  FileSystem() = default;
  FileSystem(const FileSystem&) = delete;
  FileSystem& operator=(const FileSystem&) = delete;
  virtual ~FileSystem() = default;

  /// Makes a new, empty file for appending and reading, never an existing one (O_EXCL).
  [[nodiscard]] virtual Result<std::unique_ptr<File>> create(const std::string& path) = 0;
  [[nodiscard]] virtual Result<std::unique_ptr<File>> open_read(const std::string& path) = 0;
  /// Opens an existing file for appending and reading.
  [[nodiscard]] virtual Result<std::unique_ptr<File>> open_append(const std::string& path) = 0;

  virtual Result<void> make_directory(const std::string& path) = 0;
  /// Returns when the names in this directory are on stable storage.
  virtual Result<void> sync_directory(const std::string& path) = 0;
  /// Every entry but `.` and `..`, sorted by name.
  [[nodiscard]] virtual Result<std::vector<DirectoryEntry>> list(const std::string& path) = 0;
  [[nodiscard]] virtual Result<FileStatus> status(const std::string& path) = 0;

  /// Replaces `to` at once and wholly.
  virtual Result<void> rename(const std::string& from, const std::string& to) = 0;
  /// Gives a file a second name, never an existing one.
  virtual Result<void> link(const std::string& from, const std::string& to) = 0;
  virtual Result<void> unlink(const std::string& path) = 0;
};

/// Makes `root/relative` with all directories between; those that exist are fine. Appends to
/// `to_sync` the directories that got a new name, so that the caller can make them durable.
Result<void> make_directories(FileSystem& files, const std::string& root, std::string_view relative,
                              std::vector<std::string>& to_sync);

/// Reads a whole file of at most `bytes_max` bytes; a larger one is Error::invalid.
Result<void> read_file(FileSystem& files, const std::string& path, std::size_t bytes_max,
                       Bytes& out);

/// Makes `path` hold exactly `bytes`, at once, wholly and durably, or leaves it as it was: writes
/// `path` + ".new", syncs it, renames it over `path`, syncs the directory.
Result<void> replace_file(FileSystem& files, const std::string& path, ByteView bytes);

}  // namespace mas
