#include "store/file_system.hpp"

namespace mas {

Result<void> make_directories(FileSystem& files, const std::string& root, std::string_view relative,
                              std::vector<std::string>& to_sync) {
  std::string parent = root;
  while (!relative.empty()) {
    const auto slash = relative.find('/');
    const auto name = relative.substr(0, slash);
    relative = slash == std::string_view::npos ? std::string_view{} : relative.substr(slash + 1);

    auto path = parent + '/' + std::string(name);
    if (auto made = files.make_directory(path)) {
      to_sync.push_back(parent);
    } else if (made.error().kind != Error::exists) {
      return made;
    }
    parent = std::move(path);
  }
  return {};
}

Result<void> read_file(FileSystem& files, const std::string& path, std::size_t bytes_max,
                       Bytes& out) {
  out.clear();
  auto file = files.open_read(path);
  if (!file) return pass_on(file);
  const auto size = (*file)->size();
  if (!size) return pass_on(size);
  if (*size > bytes_max) {
    return fail(Error::invalid, "{}: {} bytes, at most {} are allowed", path, *size, bytes_max);
  }
  out.resize(*size);
  const auto read = (*file)->read_at(0, out);
  if (!read) return pass_on(read);
  out.resize(*read);
  return {};
}

Result<void> replace_file(FileSystem& files, const std::string& path, ByteView bytes) {
  const auto aside = path + ".new";
  // What an earlier attempt that was cut short has left.
  if (auto removed = files.unlink(aside); !removed && removed.error().kind != Error::not_found) {
    return removed;
  }
  auto file = files.create(aside);
  if (!file) return pass_on(file);
  if (auto written = (*file)->append(bytes); !written) return written;
  if (auto synced = (*file)->sync_data(); !synced) return synced;
  if (auto renamed = files.rename(aside, path); !renamed) return renamed;
  const auto slash = path.rfind('/');
  return files.sync_directory(slash == std::string::npos ? "." : path.substr(0, slash));
}

}  // namespace mas
