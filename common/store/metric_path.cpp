#include "store/metric_path.hpp"

#include <algorithm>
#include <array>
#include <cstdint>

#define XXH_INLINE_ALL
#include <xxhash.h>

namespace mas {
namespace {

constexpr std::string_view root = "metrics";
constexpr std::size_t bucket_digits = 3;
/// The longest name that file systems take, less the `+` at either end of a part.
constexpr std::size_t part_bytes_max = 255 - 2;
/// Ends a part that another one follows and begins one that follows another. The escape makes no
/// `+`, so no part of a long id is ever the name of a short one.
constexpr char joint = '+';
constexpr std::string_view hex = "0123456789abcdef";

bool is_plain(char c) {
  return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_' || c == '-' || c == '.';
}

/// Names that DOS and its heirs keep for devices, with any extension.
bool is_device(std::string_view name) {
  const auto stem = name.substr(0, name.find('.'));
  if (stem.size() == 3) {
    constexpr std::array<std::string_view, 4> devices{"con", "prn", "aux", "nul"};
    return std::find(devices.begin(), devices.end(), stem) != devices.end();
  }
  return stem.size() == 4 && (stem.starts_with("com") || stem.starts_with("lpt")) &&
         stem[3] >= '0' && stem[3] <= '9';
}

std::string escape(std::string_view id) {
  std::string out;
  const bool device = is_device(id);
  for (std::size_t at = 0; at < id.size(); ++at) {
    const char c = id[at];
    const bool edge = at == 0 || at + 1 == id.size();
    if (is_plain(c) && !(c == '.' && edge) && !(device && at == 0)) {
      out += c;
      continue;
    }
    const auto byte = static_cast<unsigned char>(c);
    out += '%';
    out += hex[byte >> 4U];
    out += hex[byte & 0xFU];
  }
  return out;
}

std::string bucket_of(std::string_view id) {
  const auto top = XXH3_64bits(id.data(), id.size()) >> 52U;
  return {hex[(top >> 8U) & 0xFU], hex[(top >> 4U) & 0xFU], hex[top & 0xFU]};
}

/// The value of a digit that escape() writes, or -1.
int digit_of(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/// Undoes escape() and the parts, without asking whether they are the ones that would be made.
std::string unescape(std::string_view path) {
  std::string escaped(path);
  // A cut between parts may go through a `%41`.
  std::erase_if(escaped, [](char c) { return c == joint || c == '/'; });
  std::string id;
  for (std::size_t at = 0; at < escaped.size(); ++at) {
    const bool coded = escaped[at] == '%' && at + 2 < escaped.size();
    const int high = coded ? digit_of(escaped[at + 1]) : -1;
    const int low = coded ? digit_of(escaped[at + 2]) : -1;
    if (high >= 0 && low >= 0) {
      id += static_cast<char>(high * 16 + low);
      at += 2;
    } else {
      id += escaped[at];
    }
  }
  return id;
}

/// Walks the directories of one bucket; a long id's parts are nested.
Result<void> collect(FileSystem& files, const std::string& data_dir, const std::string& relative,
                     std::vector<std::string>& ids) {
  const auto entries = files.list(data_dir + '/' + relative);
  if (!entries) return pass_on(entries);
  for (const auto& entry : *entries) {
    if (!entry.is_directory) continue;
    const auto path = relative + '/' + entry.name;
    if (entry.name.ends_with(joint)) {
      if (auto below = collect(files, data_dir, path, ids); !below) return below;
    } else if (auto id = metric_id_of(path)) {
      ids.push_back(std::move(*id));
    }
  }
  return {};
}

}  // namespace

std::string metric_directory(std::string_view id) {
  const auto escaped = escape(id);
  std::string path(root);
  path += '/';
  path += bucket_of(id);
  path += '/';
  std::string_view rest = escaped;
  while (rest.size() > part_bytes_max) {
    path += rest.substr(0, part_bytes_max);
    path += joint;
    path += '/';
    path += joint;
    rest.remove_prefix(part_bytes_max);
  }
  path += rest;
  return path;
}

Result<std::string> metric_id_of(std::string_view relative_directory) {
  const auto prefix = root.size() + 1 + bucket_digits + 1;
  if (relative_directory.size() > prefix) {
    auto id = unescape(relative_directory.substr(prefix));
    // The one path of that id, or a look-alike that nobody made.
    if (!id.empty() && metric_directory(id) == relative_directory) return id;
  }
  return fail(Error::invalid, "{}: not the directory of a metric", relative_directory);
}

Result<std::vector<std::string>> list_metrics(FileSystem& files, const std::string& data_dir) {
  std::vector<std::string> ids;
  const auto buckets = files.list(data_dir + '/' + std::string(root));
  if (!buckets && buckets.error().kind == Error::not_found) return ids;
  if (!buckets) return pass_on(buckets);
  for (const auto& bucket : *buckets) {
    if (!bucket.is_directory || bucket.name.size() != bucket_digits) continue;
    const auto path = std::string(root) + '/' + bucket.name;
    if (auto collected = collect(files, data_dir, path, ids); !collected) return pass_on(collected);
  }
  std::sort(ids.begin(), ids.end());
  return ids;
}

}  // namespace mas
