#include "client/agent.hpp"

#include <dirent.h>
#include <fmt/format.h>
#include <spdlog/spdlog.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include <algorithm>
#include <cctype>
#include <cerrno>
#include <csignal>
#include <cstdio>
#include <ctime>
#include <fstream>
#include <memory>
#include <optional>
#include <sstream>

#include "client/host_metrics.hpp"
#include "client/text_link.hpp"
#include "net/clock.hpp"
#include "service/logging.hpp"
#include "service/options.hpp"
#include "service/process.hpp"
#include "text/number.hpp"
#include "text/tokens.hpp"

namespace mas {
namespace {

constexpr nanoseconds redial_delay_min = milliseconds(100);
constexpr nanoseconds redial_delay_max = seconds(5);
constexpr nanoseconds dial_time_max = seconds(5);
/// A gateway answers, if only with 503, well within this.
constexpr nanoseconds reply_time_max = seconds(10);
/// Leaves room for the metric's own name in the 200 bytes of an id.
constexpr std::size_t prefix_bytes_max = 150;

/// The agent has nothing to save or to give back, and a signal must end it also in the middle of
/// the system's look-up of a name, which cannot be interrupted.
extern "C" void end_process(int) { ::_exit(0); }

/// Waits until that moment, however often a signal interrupts.
void sleep_until(MonoTime moment) {
  const auto since_boot = moment.time_since_epoch();
  const auto whole = std::chrono::floor<seconds>(since_boot);
  const timespec at{.tv_sec = static_cast<time_t>(whole.count()),
                    .tv_nsec = static_cast<long>((since_boot - whole).count())};
  while (::clock_nanosleep(CLOCK_BOOTTIME, TIMER_ABSTIME, &at, nullptr) == EINTR) {
  }
}

/// Empty when it cannot be read.
std::string text_of_file(const char* path) {
  std::ostringstream text;
  text << std::ifstream(path).rdbuf();
  return std::move(text).str();
}

/// Processes are the directories in /proc that are named by numbers.
std::optional<std::uint64_t> count_processes() {
  const std::unique_ptr<DIR, int (*)(DIR*)> proc(::opendir("/proc"), ::closedir);
  if (!proc) return std::nullopt;
  std::uint64_t count = 0;
  while (const dirent* entry = ::readdir(proc.get()))
    if (std::isdigit(static_cast<unsigned char>(entry->d_name[0])) != 0) ++count;
  return count;
}

HostSample look(const std::string& disk) {
  HostSample sample;
  sample.stat = text_of_file("/proc/stat");
  sample.loadavg = text_of_file("/proc/loadavg");
  sample.meminfo = text_of_file("/proc/meminfo");
  sample.net_dev = text_of_file("/proc/net/dev");
  sample.diskstats = text_of_file("/proc/diskstats");
  sample.processes = count_processes();
  struct statvfs file_system {};
  if (::statvfs(disk.c_str(), &file_system) == 0) {
    sample.disk_blocks = file_system.f_blocks;
    sample.disk_blocks_free = file_system.f_bfree;
    sample.disk_blocks_available = file_system.f_bavail;
  }
  sample.at = mono_now();
  return sample;
}

/// Dials until it succeeds, with growing pauses, but not beyond `give_up`. Says when it starts to
/// fail, not each time.
std::optional<TextLink> dial(const HostPort& server, MonoTime give_up, bool& failing) {
  for (nanoseconds delay = redial_delay_min;; delay = std::min(delay * 2, redial_delay_max)) {
    auto link = TextLink::dial(server.host, server.port, mono_now() + dial_time_max);
    if (link) {
      spdlog::info("connected server={}:{}", server.host, server.port);
      failing = false;
      return std::move(*link);
    }
    if (!failing) spdlog::warn("{}, trying again", link.error().text);
    failing = true;
    if (mono_now() + delay >= give_up) return std::nullopt;
    sleep_until(mono_now() + delay);
  }
}

/// Logs all in one write and reads a reply to each. Says which were refused.
Result<void> log_all(TextLink& link, const std::string& prefix,
                     const std::vector<HostMetric>& metrics) {
  std::string requests;
  for (const HostMetric& metric : metrics) {
    fmt::format_to(std::back_inserter(requests), "LOG {}{} ", prefix, metric.id);
    append_number(metric.value, requests);
    requests += '\n';
  }
  const auto deadline = mono_now() + reply_time_max;
  if (auto sent = link.send(requests, deadline); !sent) return sent;
  std::size_t refused = 0;
  std::string last_refusal;
  for (std::size_t reply = 0; reply < metrics.size(); ++reply) {
    auto line = link.read_line(deadline);
    if (!line) return pass_on(line);
    if (line->starts_with("201 ")) continue;
    ++refused;
    last_refusal = std::move(*line);
  }
  if (refused > 0) spdlog::warn("refused {} of {}: {}", refused, metrics.size(), last_refusal);
  return {};
}

/// Why the prefix cannot begin an id; empty when it can.
std::string wrong_with_prefix(const std::string& prefix) {
  const bool begins_id = prefix.empty() || is_metric_id(prefix);
  if (begins_id && prefix.size() <= prefix_bytes_max) return {};
  return fmt::format("--prefix: up to {} bytes of UTF-8 without white space", prefix_bytes_max);
}

}  // namespace

int run_agent(int argc, const char* const* argv) {
  HostPort server{"127.0.0.1", 12345};
  nanoseconds period = seconds(5);
  std::string prefix;
  std::string disk = "/";
  Options options("mas agent",
                  "Log this host's metrics (cpu_percent, load_avg_1m, ...) until it is stopped.");
  options.address(server, "server", "text port of a gateway");
  options.duration(period, "period", milliseconds(100), std::chrono::hours(24),
                   "time between two looks at the host");
  options.text(prefix, "prefix", "put before each metric's name, such as web1.");
  options.text(disk, "disk", "disk_used_percent is of the file system that this path is on");
  if (const auto exit_code = options.parse(argc, argv)) return *exit_code;
  if (const auto wrong = wrong_with_prefix(prefix); !wrong.empty())
    return refuse("mas agent", wrong);
  start_logging("mas agent", options.log_level());

  std::signal(SIGTERM, end_process);
  std::signal(SIGINT, end_process);
  std::optional<TextLink> link;
  bool failing = false;
  HostSample previous = look(disk);
  for (MonoTime next = previous.at + period;;) {
    sleep_until(next);
    // What is overdue is left out; the schedule stays.
    next += period * ((mono_now() - next) / period + 1);

    if (!link) link = dial(server, next, failing);
    if (!link) continue;
    HostSample current = look(disk);
    if (const auto logged = log_all(*link, prefix, host_metrics(&previous, current)); !logged) {
      spdlog::warn("{}", logged.error().text);
      link.reset();
    }
    previous = std::move(current);
  }
}

}  // namespace mas
