#include "client/host_metrics.hpp"

#include <algorithm>
#include <charconv>
#include <map>

#include "text/number.hpp"

namespace mas {
namespace {

/// diskstats counts in these, whatever the disk's own sectors are.
constexpr double sector_bytes = 512;

/// Cuts the next line off `text`.
std::string_view next_line(std::string_view& text) {
  const auto end = text.find('\n');
  const auto line = text.substr(0, end);
  text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);
  return line;
}

/// Cuts the next word off `line`; empty at its end.
std::string_view next_word(std::string_view& line) {
  const auto begin = line.find_first_not_of(" \t");
  if (begin == std::string_view::npos) {
    line = {};
    return {};
  }
  line.remove_prefix(begin);
  const auto word = line.substr(0, line.find_first_of(" \t"));
  line.remove_prefix(word.size());
  return word;
}

std::optional<std::uint64_t> counter(std::string_view word) {
  std::uint64_t value = 0;
  const auto [end, error] = std::from_chars(word.data(), word.data() + word.size(), value);
  if (error != std::errc{} || end != word.data() + word.size()) return std::nullopt;
  return value;
}

/// The next `count` words as counters; nothing when one is missing or none.
std::optional<std::vector<std::uint64_t>> counters(std::string_view line, std::size_t count) {
  std::vector<std::uint64_t> values;
  while (values.size() < count) {
    const auto value = counter(next_word(line));
    if (!value) return std::nullopt;
    values.push_back(*value);
  }
  return values;
}

// --- /proc/stat ---

struct CpuTimes {
  std::uint64_t busy = 0;
  std::uint64_t idle = 0;
};

/// The line of all processors: user nice system idle iowait irq softirq steal. guest and
/// guest_nice follow; they are in user and nice already.
std::optional<CpuTimes> cpu_times(std::string_view stat) {
  auto line = next_line(stat);
  if (next_word(line) != "cpu") return std::nullopt;
  const auto values = counters(line, 8);
  if (!values) return std::nullopt;
  const auto& v = *values;
  return CpuTimes{.busy = v[0] + v[1] + v[2] + v[5] + v[6] + v[7], .idle = v[3] + v[4]};
}

std::optional<double> cpu_percent(std::string_view before, std::string_view after) {
  const auto old_times = cpu_times(before);
  const auto new_times = cpu_times(after);
  if (!old_times || !new_times) return std::nullopt;
  if (new_times->busy < old_times->busy || new_times->idle < old_times->idle) return std::nullopt;
  const auto busy = static_cast<double>(new_times->busy - old_times->busy);
  const auto idle = static_cast<double>(new_times->idle - old_times->idle);
  if (busy + idle == 0) return std::nullopt;
  return 100 * busy / (busy + idle);
}

// --- /proc/meminfo ---

/// The value of `key`, in KiB.
std::optional<std::uint64_t> memory_kib(std::string_view meminfo, std::string_view key) {
  while (!meminfo.empty()) {
    auto line = next_line(meminfo);
    const auto name = next_word(line);
    if (name.size() == key.size() + 1 && name.starts_with(key) && name.back() == ':')
      return counter(next_word(line));
  }
  return std::nullopt;
}

/// How much of `total_key` is not `free_key`.
std::optional<double> used_percent(std::string_view meminfo, std::string_view total_key,
                                   std::string_view free_key) {
  const auto total = memory_kib(meminfo, total_key);
  const auto free = memory_kib(meminfo, free_key);
  if (!total || !free || *free > *total) return std::nullopt;
  if (*total == 0) return 0;
  return 100 * static_cast<double>(*total - *free) / static_cast<double>(*total);
}

// --- /proc/net/dev and /proc/diskstats ---

/// Bytes in (received, read) and out (sent, written) since the device came up.
struct Traffic {
  std::uint64_t in = 0;
  std::uint64_t out = 0;
};
/// By device name.
using Devices = std::map<std::string_view, Traffic>;

Devices interfaces(std::string_view net_dev) {
  Devices devices;
  while (!net_dev.empty()) {
    // "  eth0:1296 ..." on old kernels: no space need follow the colon. An alias, "eth0:1", has
    // one in its name.
    const auto line = next_line(net_dev);
    const auto colon = line.rfind(':');
    if (colon == std::string_view::npos) continue;
    auto head = line.substr(0, colon);
    const auto name = next_word(head);
    if (name.empty() || name == "lo") continue;
    // Received: bytes packets errs drop fifo frame compressed multicast; then sent: bytes ...
    if (const auto values = counters(line.substr(colon + 1), 9))
      devices[name] = Traffic{.in = (*values)[0], .out = (*values)[8]};
  }
  return devices;
}

/// Memory, loops and what is stacked on disks (device mapper, md): their bytes are none of a disk
/// or are counted at the disk below.
bool is_virtual_disk(std::string_view name) {
  for (const std::string_view prefix : {"loop", "ram", "zram", "dm-", "md", "sr", "fd"})
    if (name.starts_with(prefix)) return true;
  return false;
}

/// `sda1` of `sda`, `nvme0n1p2` of `nvme0n1`.
bool is_partition_of(std::string_view name, std::string_view disk) {
  if (disk.empty() || name.size() <= disk.size() || !name.starts_with(disk)) return false;
  const auto is_digit = [](char c) { return c >= '0' && c <= '9'; };
  auto rest = name.substr(disk.size());
  if (is_digit(disk.back())) {
    if (rest.front() != 'p') return false;
    rest.remove_prefix(1);
  }
  return !rest.empty() && std::all_of(rest.begin(), rest.end(), is_digit);
}

Devices disks(std::string_view diskstats) {
  Devices all;
  while (!diskstats.empty()) {
    auto line = next_line(diskstats);
    if (next_word(line).empty() || next_word(line).empty()) continue;  // major and minor
    const auto name = next_word(line);
    if (name.empty() || is_virtual_disk(name)) continue;
    // reads merged sectors_read ms_reading writes merged sectors_written
    if (const auto values = counters(line, 7))
      all[name] = Traffic{.in = (*values)[2], .out = (*values)[6]};
  }
  Devices whole;
  for (const auto& [name, traffic] : all) {
    const bool partition = std::any_of(all.begin(), all.end(), [disk = name](const auto& other) {
      return is_partition_of(disk, other.first);
    });
    if (!partition) whole[name] = traffic;
  }
  return whole;
}

/// What went in or out between both, over the devices that are in both.
std::optional<double> difference(const Devices& before, const Devices& after,
                                 std::uint64_t Traffic::*direction) {
  double sum = 0;
  bool any = false;
  for (const auto& [name, traffic] : after) {
    const auto old_device = before.find(name);
    if (old_device == before.end()) continue;
    if (traffic.*direction < old_device->second.*direction) return std::nullopt;
    sum += static_cast<double>(traffic.*direction - old_device->second.*direction);
    any = true;
  }
  if (!any) return std::nullopt;
  return sum;
}

// --- /proc/loadavg and statvfs ---

std::optional<double> load_average(std::string_view loadavg, int word) {
  for (int skipped = 0; skipped < word; ++skipped) static_cast<void>(next_word(loadavg));
  const auto text = next_word(loadavg);
  return parse_number(text);
}

/// df's formula: of what there is for everybody. The blocks reserved for root are neither used nor
/// available.
std::optional<double> disk_used_percent(const HostSample& sample) {
  if (sample.disk_blocks_free > sample.disk_blocks) return std::nullopt;
  const auto used = static_cast<double>(sample.disk_blocks - sample.disk_blocks_free);
  const auto available = static_cast<double>(sample.disk_blocks_available);
  if (used + available == 0) return std::nullopt;
  return 100 * used / (used + available);
}

}  // namespace

std::vector<HostMetric> host_metrics(const HostSample* previous, const HostSample& current) {
  std::vector<HostMetric> metrics;
  const auto add = [&metrics](std::string_view id, std::optional<double> value) {
    if (value) metrics.push_back(HostMetric{id, *value});
  };

  if (previous != nullptr) add("cpu_percent", cpu_percent(previous->stat, current.stat));
  add("load_avg_1m", load_average(current.loadavg, 0));
  add("load_avg_5m", load_average(current.loadavg, 1));
  add("load_avg_15m", load_average(current.loadavg, 2));
  add("memory_used_percent", used_percent(current.meminfo, "MemTotal", "MemAvailable"));
  add("swap_used_percent", used_percent(current.meminfo, "SwapTotal", "SwapFree"));
  add("disk_used_percent", disk_used_percent(current));

  if (previous != nullptr && previous->at < current.at) {
    const double elapsed_seconds = std::chrono::duration<double>(current.at - previous->at).count();
    const auto add_rate = [&](std::string_view id, std::optional<double> bytes) {
      if (bytes) add(id, *bytes / elapsed_seconds);
    };
    const auto old_interfaces = interfaces(previous->net_dev);
    const auto new_interfaces = interfaces(current.net_dev);
    add_rate("net_rx_bytes_per_second", difference(old_interfaces, new_interfaces, &Traffic::in));
    add_rate("net_tx_bytes_per_second", difference(old_interfaces, new_interfaces, &Traffic::out));
    const auto old_disks = disks(previous->diskstats);
    const auto new_disks = disks(current.diskstats);
    const auto add_disk_rate = [&](std::string_view id, std::optional<double> sectors) {
      if (sectors) add_rate(id, *sectors * sector_bytes);
    };
    add_disk_rate("disk_read_bytes_per_second", difference(old_disks, new_disks, &Traffic::in));
    add_disk_rate("disk_write_bytes_per_second", difference(old_disks, new_disks, &Traffic::out));
  }

  if (current.processes) add("process_count", static_cast<double>(*current.processes));
  return metrics;
}

}  // namespace mas
