#include "client/bench_report.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <iterator>

#include "client/json_text.hpp"

namespace mas {
namespace {

std::string duration_shown(nanoseconds duration) {
  const auto ns = static_cast<double>(duration.count());
  if (ns < 1e3) return fmt::format("{:.0f} ns", ns);
  if (ns < 1e6) return fmt::format("{:.3g} us", ns / 1e3);
  if (ns < 1e9) return fmt::format("{:.3g} ms", ns / 1e6);
  return fmt::format("{:.3g} s", ns / 1e9);
}

std::string rate_shown(double rate) {
  if (rate < 1e4) return fmt::format("{:.0f}", rate);
  if (rate < 1e6) return fmt::format("{:.1f} k", rate / 1e3);
  return fmt::format("{:.2f} M", rate / 1e6);
}

}  // namespace

std::string bench_table(const std::vector<BenchResult>& results) {
  constexpr std::array<double, 3> shares{0.5, 0.99, 0.999};
  std::vector<std::vector<std::string>> rows{
      {"SCENARIO", "PER SECOND", "P50", "P99", "P99.9", "MAX", "OF"}};
  for (const auto& result : results) {
    auto& row = rows.emplace_back();
    row = {result.scenario, rate_shown(result.rate())};
    for (const double share : shares) {
      row.push_back(result.latency.count() == 0 ? "-"
                                                : duration_shown(result.latency.percentile(share)));
    }
    row.push_back(result.latency.count() == 0 ? "-" : duration_shown(result.latency.max()));
    row.push_back(result.latency_of);
  }
  std::vector<std::size_t> widths(rows.front().size());
  for (const auto& row : rows) {
    for (std::size_t at = 0; at < row.size(); ++at) {
      widths[at] = std::max(widths[at], row[at].size());
    }
  }
  std::string out;
  for (std::size_t line = 0; line < rows.size(); ++line) {
    const auto& row = rows[line];
    for (std::size_t at = 0; at < row.size(); ++at) {
      const bool last = at + 1 == row.size();
      // Words to the left, numbers to the right.
      if (at == 0) {
        fmt::format_to(std::back_inserter(out), "{:<{}}", row[at], widths[at]);
      } else if (last) {
        fmt::format_to(std::back_inserter(out), "  {}", row[at]);
      } else {
        fmt::format_to(std::back_inserter(out), "  {:>{}}", row[at], widths[at]);
      }
    }
    out += '\n';
    if (line == 0) continue;
    for (const auto& figure : results[line - 1].figures) {
      fmt::format_to(std::back_inserter(out), "    {}: {:.4g}{}{}\n", figure.name, figure.value,
                     figure.unit.empty() ? "" : " ", figure.unit);
    }
  }
  return out;
}

std::string bench_json(const std::vector<BenchResult>& results) {
  std::string out = "{\"scenarios\":[";
  for (const auto& result : results) {
    if (&result != &results.front()) out += ',';
    out += "{\"scenario\":";
    append_json_string(result.scenario, out);
    fmt::format_to(std::back_inserter(out),
                   ",\"operations\":{},\"elapsed_seconds\":{:.6f},\"per_second\":{:.1f},"
                   "\"latency_of\":",
                   result.operations, result.elapsed_seconds, result.rate());
    append_json_string(result.latency_of, out);
    fmt::format_to(std::back_inserter(out),
                   ",\"latency_ns\":{{\"count\":{},\"mean\":{:.1f},\"p50\":{},\"p99\":{},"
                   "\"p99.9\":{},\"max\":{}}},\"figures\":[",
                   result.latency.count(), result.latency.mean_ns(),
                   result.latency.percentile(0.5).count(), result.latency.percentile(0.99).count(),
                   result.latency.percentile(0.999).count(), result.latency.max().count());
    for (const auto& figure : result.figures) {
      if (&figure != &result.figures.front()) out += ',';
      out += "{\"name\":";
      append_json_string(figure.name, out);
      fmt::format_to(std::back_inserter(out), ",\"value\":{:.6g},\"unit\":", figure.value);
      append_json_string(figure.unit, out);
      out += '}';
    }
    out += "]}";
  }
  out += "]}\n";
  return out;
}

}  // namespace mas
