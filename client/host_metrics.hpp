#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/time_types.hpp"

namespace mas {

/// One look at a Linux host: the kernel's texts as they were read. A file that could not be read
/// is empty and costs only the metrics that need it.
struct HostSample {
  MonoTime at;            ///< when it was taken
  std::string stat;       ///< /proc/stat
  std::string loadavg;    ///< /proc/loadavg
  std::string meminfo;    ///< /proc/meminfo
  std::string net_dev;    ///< /proc/net/dev
  std::string diskstats;  ///< /proc/diskstats
  /// statvfs(3) of the watched file system, in its blocks.
  std::uint64_t disk_blocks = 0;
  std::uint64_t disk_blocks_free = 0;       ///< f_bfree
  std::uint64_t disk_blocks_available = 0;  ///< f_bavail: without what is reserved for root
  /// Number of processes, if it could be counted.
  std::optional<std::uint64_t> processes;
};

/// A metric's id and its value, which is finite.
struct HostMetric {
  std::string_view id;  ///< static
  double value = 0;
};

/// The metrics of a host, in a fixed order:
/// `cpu_percent` (of all processors, 0 to 100; waiting for a disk counts as idle), `load_avg_1m`,
/// `load_avg_5m`, `load_avg_15m`, `memory_used_percent` (what is not available to programs),
/// `swap_used_percent` (0 without swap), `disk_used_percent` (as df(1) gives it),
/// `net_rx_bytes_per_second`, `net_tx_bytes_per_second` (all interfaces but loopback),
/// `disk_read_bytes_per_second`, `disk_write_bytes_per_second` (whole disks, without partitions and
/// what is stacked on disks), `process_count`.
///
/// Rates need `previous`. A text that cannot be understood and a counter that stepped back (a
/// counter that wrapped, an interface that was replaced) give no value rather than a wrong one; an
/// interface or disk that is only in one of both samples does not count for that time.
/// Source: proc(5), Linux Documentation/admin-guide/iostats.rst. Thread-safe.
[[nodiscard]] std::vector<HostMetric> host_metrics(const HostSample* previous,
                                                   const HostSample& current);

}  // namespace mas
