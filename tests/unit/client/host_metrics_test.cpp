#include "client/host_metrics.hpp"

#include <cmath>

#include "support/catch.hpp"

namespace mas {
namespace {

/// A small host, as Linux 6 shows one.
HostSample sample_at(nanoseconds since_boot) {
  HostSample sample;
  sample.at = MonoTime{since_boot};
  sample.stat =
      "cpu  1000 10 500 8000 400 0 50 40 30 0\n"
      "cpu0 1000 10 500 8000 400 0 50 40 30 0\n"
      "intr 389690 0 0\n";
  sample.loadavg = "0.12 0.29 12.50 2/105 24248\n";
  sample.meminfo =
      "MemTotal:       16000 kB\n"
      "MemFree:         1000 kB\n"
      "MemAvailable:   12000 kB\n"
      "SwapTotal:       2000 kB\n"
      "SwapFree:        1500 kB\n";
  sample.net_dev =
      "Inter-|   Receive                            |  Transmit\n"
      " face |bytes packets errs drop fifo frame compressed multicast|bytes packets errs\n"
      "    lo: 9999 29 0 0 0 0 0 0 9999 29 0 0 0 0 0 0\n"
      "  eth0: 5000 72 0 0 0 0 0 0 7000 60 0 0 0 0 0 0\n"
      "  eth1:1000 72 0 0 0 0 0 0 2000 60 0 0 0 0 0 0\n";
  sample.diskstats =
      "   7       0 loop0 10 0 4000 0 10 0 4000 0 0 0 0\n"
      " 254       0 vda 100 20 6000 30 40 50 2000 60 0 70 80 1 2 3 4 5 6\n"
      " 254       1 vda1 90 20 5000 30 40 50 1900 60 0 70 80 1 2 3 4 5 6\n"
      " 259       0 nvme0n1 1 0 100 0 1 0 200 0 0 0 0\n"
      " 259       1 nvme0n1p1 1 0 100 0 1 0 200 0 0 0 0\n"
      " 253       0 dm-0 1 0 100 0 1 0 200 0 0 0 0\n";
  sample.disk_blocks = 1000;
  sample.disk_blocks_free = 400;
  sample.disk_blocks_available = 300;
  sample.processes = 57;
  return sample;
}

/// The same two seconds later.
HostSample next_sample() {
  HostSample sample = sample_at(seconds(102));
  sample.stat = "cpu  1030 10 510 8140 410 0 50 50 30 0\n";
  sample.net_dev =
      "    lo: 99999 29 0 0 0 0 0 0 99999 29 0 0 0 0 0 0\n"
      "  eth0: 5400 72 0 0 0 0 0 0 7000 60 0 0 0 0 0 0\n"
      "  eth1:1600 72 0 0 0 0 0 0 2050 60 0 0 0 0 0 0\n";
  sample.diskstats =
      " 254       0 vda 100 20 6010 30 40 50 2000 60 0 70 80\n"
      " 254       1 vda1 90 20 5010 30 40 50 1900 60 0 70 80\n"
      " 259       0 nvme0n1 1 0 102 0 1 0 204 0 0 0 0\n";
  return sample;
}

std::optional<double> value_of(const std::vector<HostMetric>& metrics, std::string_view id) {
  for (const HostMetric& metric : metrics)
    if (metric.id == id) return metric.value;
  return std::nullopt;
}

TEST_CASE("a host's levels are read from one look") {
  const auto metrics = host_metrics(nullptr, sample_at(seconds(100)));
  CHECK(value_of(metrics, "load_avg_1m") == 0.12);
  CHECK(value_of(metrics, "load_avg_5m") == 0.29);
  CHECK(value_of(metrics, "load_avg_15m") == 12.5);
  CHECK(value_of(metrics, "memory_used_percent") == 25);
  CHECK(value_of(metrics, "swap_used_percent") == 25);
  CHECK(value_of(metrics, "process_count") == 57);
  CHECK(metrics.size() == 7);
}

TEST_CASE("a disk is as full as df says: what is reserved for root counts on neither side") {
  const auto metrics = host_metrics(nullptr, sample_at(seconds(100)));
  CHECK(value_of(metrics, "disk_used_percent") == 100.0 * 600 / 900);
}

TEST_CASE("rates and processor time come from two looks") {
  const auto before = sample_at(seconds(100));
  const auto metrics = host_metrics(&before, next_sample());
  CHECK(value_of(metrics, "cpu_percent") == 25);  // 50 busy of 200
  CHECK(value_of(metrics, "net_rx_bytes_per_second") == 500);
  CHECK(value_of(metrics, "net_tx_bytes_per_second") == 25);
  CHECK(value_of(metrics, "disk_read_bytes_per_second") == 12 * 512 / 2);
  CHECK(value_of(metrics, "disk_write_bytes_per_second") == 4 * 512 / 2);
  CHECK(metrics.size() == 12);
}

TEST_CASE("a counter that stepped back gives no value, and costs no other metric its own") {
  const auto before = sample_at(seconds(100));
  auto after = next_sample();
  SECTION("of the processors") {
    after.stat = "cpu  1030 10 510 8140 399 0 50 50 30 0\ncpu0 1 2 3\n";
    after.stat.replace(after.stat.find("8140"), 4, "7000");
    const auto metrics = host_metrics(&before, after);
    CHECK(!value_of(metrics, "cpu_percent"));
    CHECK(value_of(metrics, "net_rx_bytes_per_second"));
  }
  SECTION("of an interface, one way") {
    after.net_dev = "  eth0: 4999 72 0 0 0 0 0 0 7002 60 0 0 0 0 0 0\n";
    const auto metrics = host_metrics(&before, after);
    CHECK(!value_of(metrics, "net_rx_bytes_per_second"));
    CHECK(value_of(metrics, "net_tx_bytes_per_second") == 1);
  }
  SECTION("of a disk") {
    after.diskstats = " 254 0 vda 100 20 5999 30 40 50 2002 60 0 70 80\n";
    const auto metrics = host_metrics(&before, after);
    CHECK(!value_of(metrics, "disk_read_bytes_per_second"));
    CHECK(value_of(metrics, "disk_write_bytes_per_second") == 512);
  }
}

TEST_CASE("an interface that came or went does not count for that time") {
  const auto before = sample_at(seconds(100));
  auto after = next_sample();
  after.net_dev =
      "  eth0: 5400 72 0 0 0 0 0 0 7000 60 0 0 0 0 0 0\n"
      " veth7: 123456789 72 0 0 0 0 0 0 7000 60 0 0 0 0 0 0\n";
  CHECK(value_of(host_metrics(&before, after), "net_rx_bytes_per_second") == 200);
  after.net_dev = "veth7: 1 72 0 0 0 0 0 0 7000 60 0 0 0 0 0 0\n";
  CHECK(!value_of(host_metrics(&before, after), "net_rx_bytes_per_second"));
}

TEST_CASE("two looks at the same moment, or with no tick between them, give no rates") {
  const auto before = sample_at(seconds(100));
  const auto metrics = host_metrics(&before, before);
  CHECK(!value_of(metrics, "cpu_percent"));
  CHECK(!value_of(metrics, "net_rx_bytes_per_second"));
  CHECK(!value_of(metrics, "disk_read_bytes_per_second"));
}

TEST_CASE("files that are missing, cut or odd cost only the metrics that need them") {
  SECTION("nothing could be read") {
    const HostSample nothing;
    HostSample later;
    later.at = MonoTime{seconds(1)};
    CHECK(host_metrics(&nothing, later).empty());
  }
  SECTION("every text cut at every point gives finite values or none") {
    const auto before = sample_at(seconds(100));
    const auto whole = next_sample();
    for (std::string HostSample::*file :
         {&HostSample::stat, &HostSample::loadavg, &HostSample::meminfo, &HostSample::net_dev,
          &HostSample::diskstats}) {
      for (std::size_t size = 0; size < (whole.*file).size(); ++size) {
        auto cut = whole;
        (cut.*file).resize(size);
        for (const HostMetric& metric : host_metrics(&before, cut))
          REQUIRE(std::isfinite(metric.value));
      }
    }
  }
  SECTION("garbage") {
    auto odd = sample_at(seconds(100));
    odd.loadavg = "nan inf -";
    odd.meminfo = "MemTotal: 10 kB\nMemAvailable: 20 kB\nSwapTotal: 0 kB\nSwapFree: 0 kB";
    odd.stat = "cpu 1 2 three";
    odd.disk_blocks_free = odd.disk_blocks + 1;
    const auto metrics = host_metrics(&odd, odd);
    CHECK(!value_of(metrics, "load_avg_1m"));
    CHECK(!value_of(metrics, "memory_used_percent"));  // more available than there is
    CHECK(value_of(metrics, "swap_used_percent") == 0);
    CHECK(!value_of(metrics, "disk_used_percent"));
    CHECK(!value_of(metrics, "cpu_percent"));
  }
  SECTION("a kernel without MemAvailable") {
    auto old_kernel = sample_at(seconds(100));
    old_kernel.meminfo = "MemTotal: 16000 kB\nMemFree: 1000 kB\n";
    CHECK(!value_of(host_metrics(nullptr, old_kernel), "memory_used_percent"));
  }
  SECTION("counters of 64 bits that are full") {
    const auto before = sample_at(seconds(100));
    auto after = next_sample();
    after.net_dev = "eth0: 18446744073709551615 1 0 0 0 0 0 0 18446744073709551616 1\n";
    const auto metrics = host_metrics(&before, after);
    CHECK(std::isfinite(value_of(metrics, "net_rx_bytes_per_second").value_or(0)));
    CHECK(!value_of(metrics, "net_tx_bytes_per_second"));
  }
}

}  // namespace
}  // namespace mas
