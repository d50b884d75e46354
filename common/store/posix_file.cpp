#include "store/posix_file.hpp"

#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <system_error>
#include <utility>

#include "base/unique_fd.hpp"

namespace mas {
namespace {

/// The one place where errno becomes an Error. To be called before anything can change errno.
tl::unexpected<Error> os_error(const char* what, const std::string& path) {
  const int code = errno;
  const auto kind = code == ENOENT ? Error::not_found : code == EEXIST ? Error::exists : Error::io;
  return fail(kind, "{} {}: {}", what, path, std::generic_category().message(code));
}

/// Calls again as long as a signal interrupted it.
template <typename Call>
auto retry_interrupted(Call call) {
  auto result = call();
  while (result < 0 && errno == EINTR) result = call();
  return result;
}

class PosixFile final : public File {
 public:
  PosixFile(UniqueFd fd, std::string path) : fd_(std::move(fd)), path_(std::move(path)) {}

  Result<void> append(ByteView bytes) override {
    // The descriptor has O_APPEND, so a continued write goes behind what the first one took.
    while (!bytes.empty()) {
      const auto written =
          retry_interrupted([&] { return ::write(fd_.get(), bytes.data(), bytes.size()); });
      if (written < 0) return os_error("write", path_);
      bytes = bytes.subspan(static_cast<std::size_t>(written));
    }
    return {};
  }

  Result<std::size_t> read_at(std::uint64_t offset, std::span<std::uint8_t> out) override {
    std::size_t total = 0;
    while (total < out.size()) {
      const auto read = retry_interrupted([&] {
        return ::pread(fd_.get(), out.data() + total, out.size() - total,
                       static_cast<off_t>(offset + total));
      });
      if (read < 0) return os_error("read", path_);
      if (read == 0) break;
      total += static_cast<std::size_t>(read);
    }
    return total;
  }

  Result<std::uint64_t> size() override {
    struct stat status {};
    if (::fstat(fd_.get(), &status) < 0) return os_error("stat", path_);
    return static_cast<std::uint64_t>(status.st_size);
  }

  Result<void> truncate(std::uint64_t size) override {
    if (retry_interrupted([&] { return ::ftruncate(fd_.get(), static_cast<off_t>(size)); }) < 0) {
      return os_error("truncate", path_);
    }
    return {};
  }

  Result<void> sync_data() override {
    if (retry_interrupted([&] { return ::fdatasync(fd_.get()); }) < 0) {
      return os_error("sync", path_);
    }
    return {};
  }

 private:
  UniqueFd fd_;
  std::string path_;
};

Result<std::unique_ptr<File>> open_file(const char* what, const std::string& path, int flags) {
  UniqueFd fd(retry_interrupted([&] { return ::open(path.c_str(), flags | O_CLOEXEC, 0666); }));
  if (!fd) return os_error(what, path);
  return std::make_unique<PosixFile>(std::move(fd), path);
}

struct CloseDirectory {
  void operator()(DIR* directory) const noexcept { ::closedir(directory); }
};

}  // namespace

Result<std::unique_ptr<File>> PosixFileSystem::create(const std::string& path) {
  return open_file("create", path, O_CREAT | O_EXCL | O_RDWR | O_APPEND);
}

Result<std::unique_ptr<File>> PosixFileSystem::open_read(const std::string& path) {
  return open_file("open", path, O_RDONLY);
}

Result<std::unique_ptr<File>> PosixFileSystem::open_append(const std::string& path) {
  return open_file("open", path, O_RDWR | O_APPEND);
}

Result<void> PosixFileSystem::make_directory(const std::string& path) {
  if (::mkdir(path.c_str(), 0777) < 0) return os_error("make directory", path);
  return {};
}

Result<void> PosixFileSystem::sync_directory(const std::string& path) {
  UniqueFd fd(
      retry_interrupted([&] { return ::open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC); }));
  if (!fd) return os_error("open", path);
  if (retry_interrupted([&] { return ::fsync(fd.get()); }) < 0) return os_error("sync", path);
  return {};
}

Result<std::vector<DirectoryEntry>> PosixFileSystem::list(const std::string& path) {
  const std::unique_ptr<DIR, CloseDirectory> directory(::opendir(path.c_str()));
  if (!directory) return os_error("list", path);
  std::vector<DirectoryEntry> entries;
  for (;;) {
    errno = 0;  // readdir tells its end and its failure apart by errno only
    const auto* entry = ::readdir(directory.get());
    if (entry == nullptr) {
      if (errno != 0) return os_error("list", path);
      break;
    }
    std::string name = entry->d_name;
    if (name == "." || name == "..") continue;
    bool is_directory = entry->d_type == DT_DIR;
    if (entry->d_type == DT_UNKNOWN) {  // some file systems do not say
      const auto known = status(path + '/' + name);
      if (!known && known.error().kind == Error::not_found) continue;  // gone meanwhile
      if (!known) return pass_on(known);
      is_directory = known->is_directory;
    }
    entries.push_back({std::move(name), is_directory});
  }
  std::sort(entries.begin(), entries.end(),
            [](const DirectoryEntry& a, const DirectoryEntry& b) { return a.name < b.name; });
  return entries;
}

Result<FileStatus> PosixFileSystem::status(const std::string& path) {
  struct stat status {};
  if (::stat(path.c_str(), &status) < 0) return os_error("stat", path);
  return FileStatus{static_cast<std::uint64_t>(status.st_size), S_ISDIR(status.st_mode)};
}

Result<void> PosixFileSystem::rename(const std::string& from, const std::string& to) {
  if (::rename(from.c_str(), to.c_str()) < 0) return os_error("rename", from + " to " + to);
  return {};
}

Result<void> PosixFileSystem::link(const std::string& from, const std::string& to) {
  if (::link(from.c_str(), to.c_str()) < 0) return os_error("link", from + " to " + to);
  return {};
}

Result<void> PosixFileSystem::unlink(const std::string& path) {
  if (::unlink(path.c_str()) < 0) return os_error("unlink", path);
  return {};
}

Result<void> sync_file_system(const std::string& path) {
  UniqueFd fd(
      retry_interrupted([&] { return ::open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC); }));
  if (!fd) return os_error("open", path);
  if (retry_interrupted([&] { return ::syncfs(fd.get()); }) < 0) {
    return os_error("sync the file system of", path);
  }
  return {};
}

}  // namespace mas
