#pragma once

#include <algorithm>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "store/file_system.hpp"

namespace mas {

/// The calls of FileSystem and File.
enum class FileCall : unsigned char {
  create,
  open,
  append,
  read,
  size,
  truncate,
  sync_data,
  make_directory,
  sync_directory,
  list,
  status,
  rename,
  link,
  unlink,
};

/// One call, told before it takes effect.
struct FileOperation {
  FileCall call;
  std::string path;
  std::size_t bytes = 0;  ///< of an append
};

/// How an operation fails.
struct FileFault {
  std::string text;             ///< what the operating system would say
  std::size_t bytes_taken = 0;  ///< of an append: what is in the file all the same
};

/// A file system in memory whose every operation a test can make fail. Thread-safety: one owner.
class FaultyFileSystem final : public FileSystem {
 public:
  using OnOperation = std::function<std::optional<FileFault>(const FileOperation&)>;

  explicit FaultyFileSystem(std::vector<std::string> directories = {"data"}) {
    directories_.insert(directories.begin(), directories.end());
  }

  /// Asked before each operation; nothing: let it pass.
  OnOperation on_operation;

  /// Lets the next `passing` operations pass, fails the one after, and lets all others pass.
  void fail_after(std::uint64_t passing, FileFault fault) {
    on_operation = [passing, fault, seen = std::uint64_t{0}](
                       const FileOperation&) mutable -> std::optional<FileFault> {
      if (seen++ == passing) return fault;
      return std::nullopt;
    };
  }

  /// The bytes of a file, to look at or to damage.
  [[nodiscard]] Bytes& bytes(const std::string& path) { return *files_.at(path); }
  [[nodiscard]] std::vector<std::string> paths() const {
    std::vector<std::string> result;
    for (const auto& [path, bytes] : files_) result.push_back(path);
    return result;
  }
  /// Calls that were let pass, by kind.
  std::map<FileCall, std::uint64_t> counts;
  /// Files that are open now, and the most that ever were.
  std::size_t open_files = 0;
  std::size_t open_files_peak = 0;
  /// Every path that was synced, in order.
  std::vector<std::string> synced;

  Result<std::unique_ptr<File>> create(const std::string& path) override {
    if (auto fault = check({FileCall::create, path})) return failed(*fault, path);
    if (files_.count(path) != 0) return fail(Error::exists, "create {}: exists", path);
    if (directories_.count(parent(path)) == 0) return fail(Error::not_found, "create {}", path);
    files_[path] = std::make_shared<Bytes>();
    return opened(path);
  }
  Result<std::unique_ptr<File>> open_read(const std::string& path) override { return open(path); }
  Result<std::unique_ptr<File>> open_append(const std::string& path) override { return open(path); }

  Result<void> make_directory(const std::string& path) override {
    if (auto fault = check({FileCall::make_directory, path})) return failed(*fault, path);
    if (directories_.count(parent(path)) == 0) return fail(Error::not_found, "mkdir {}", path);
    if (!directories_.insert(path).second) return fail(Error::exists, "mkdir {}", path);
    return {};
  }
  Result<void> sync_directory(const std::string& path) override {
    if (auto fault = check({FileCall::sync_directory, path})) return failed(*fault, path);
    synced.push_back(path);
    return {};
  }
  Result<std::vector<DirectoryEntry>> list(const std::string& path) override {
    if (auto fault = check({FileCall::list, path})) return failed(*fault, path);
    if (directories_.count(path) == 0) return fail(Error::not_found, "list {}", path);
    std::map<std::string, bool> names;
    for (const auto& directory : directories_) {
      if (parent(directory) == path) names[directory.substr(path.size() + 1)] = true;
    }
    for (const auto& [file, bytes] : files_) {
      if (parent(file) == path) names[file.substr(path.size() + 1)] = false;
    }
    std::vector<DirectoryEntry> entries;
    for (const auto& [name, is_directory] : names) entries.push_back({name, is_directory});
    return entries;
  }
  Result<FileStatus> status(const std::string& path) override {
    if (auto fault = check({FileCall::status, path})) return failed(*fault, path);
    if (directories_.count(path) != 0) return FileStatus{0, true};
    const auto found = files_.find(path);
    if (found == files_.end()) return fail(Error::not_found, "stat {}", path);
    return FileStatus{found->second->size(), false};
  }
  Result<void> rename(const std::string& from, const std::string& to) override {
    if (auto fault = check({FileCall::rename, from})) return failed(*fault, from);
    const auto found = files_.find(from);
    if (found == files_.end()) return fail(Error::not_found, "rename {}", from);
    files_[to] = found->second;
    files_.erase(from);
    return {};
  }
  Result<void> link(const std::string& from, const std::string& to) override {
    if (auto fault = check({FileCall::link, from})) return failed(*fault, from);
    if (files_.count(from) == 0) return fail(Error::not_found, "link {}", from);
    if (files_.count(to) != 0) return fail(Error::exists, "link {}", to);
    files_[to] = files_[from];
    return {};
  }
  Result<void> unlink(const std::string& path) override {
    if (auto fault = check({FileCall::unlink, path})) return failed(*fault, path);
    if (files_.erase(path) == 0) return fail(Error::not_found, "unlink {}", path);
    return {};
  }

 private:
  class OpenFile final : public File {
   public:
    OpenFile(FaultyFileSystem& owner, std::string path, std::shared_ptr<Bytes> bytes)
        : owner_(owner), path_(std::move(path)), bytes_(std::move(bytes)) {
      owner_.open_files_peak = std::max(owner_.open_files_peak, ++owner_.open_files);
    }
    ~OpenFile() override { --owner_.open_files; }

    Result<void> append(ByteView bytes) override {
      if (auto fault = owner_.check({FileCall::append, path_, bytes.size()})) {
        mas::append(*bytes_, bytes.first(std::min(bytes.size() - 1, fault->bytes_taken)));
        return failed(*fault, path_);
      }
      mas::append(*bytes_, bytes);
      return {};
    }
    Result<std::size_t> read_at(std::uint64_t offset, std::span<std::uint8_t> out) override {
      if (auto fault = owner_.check({FileCall::read, path_})) return failed(*fault, path_);
      if (offset >= bytes_->size()) return std::size_t{0};
      const auto count = std::min<std::size_t>(out.size(), bytes_->size() - offset);
      std::copy_n(bytes_->begin() + static_cast<std::ptrdiff_t>(offset), count, out.begin());
      return count;
    }
    Result<std::uint64_t> size() override {
      if (auto fault = owner_.check({FileCall::size, path_})) return failed(*fault, path_);
      return std::uint64_t{bytes_->size()};
    }
    Result<void> truncate(std::uint64_t size) override {
      if (auto fault = owner_.check({FileCall::truncate, path_})) return failed(*fault, path_);
      bytes_->resize(size);
      return {};
    }
    Result<void> sync_data() override {
      if (auto fault = owner_.check({FileCall::sync_data, path_})) {
        return failed(*fault, path_);
      }
      owner_.synced.push_back(path_);
      return {};
    }

   private:
    FaultyFileSystem& owner_;
    std::string path_;
    std::shared_ptr<Bytes> bytes_;
  };

  static std::string parent(const std::string& path) {
    const auto slash = path.rfind('/');
    return slash == std::string::npos ? std::string{} : path.substr(0, slash);
  }
  static tl::unexpected<Error> failed(const FileFault& fault, const std::string& path) {
    return fail(Error::io, "{}: {}", path, fault.text);
  }
  std::optional<FileFault> check(const FileOperation& operation) {
    if (on_operation) {
      if (auto fault = on_operation(operation)) return fault;
    }
    ++counts[operation.call];
    return std::nullopt;
  }
  Result<std::unique_ptr<File>> opened(const std::string& path) {
    return std::make_unique<OpenFile>(*this, path, files_.at(path));
  }
  Result<std::unique_ptr<File>> open(const std::string& path) {
    if (auto fault = check({FileCall::open, path})) return failed(*fault, path);
    if (files_.count(path) == 0) return fail(Error::not_found, "open {}", path);
    return opened(path);
  }

  std::map<std::string, std::shared_ptr<Bytes>> files_;
  std::set<std::string> directories_;
};

}  // namespace mas
