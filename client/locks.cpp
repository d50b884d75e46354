#include "client/locks.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cstdio>

#include "client/lock_inspector.hpp"
#include "client/locks_view.hpp"
#include "net/clock.hpp"
#include "service/options.hpp"
#include "service/process.hpp"

namespace mas {
namespace {

constexpr const char* program = "mas locks";

/// Asks page after page and hands each row to `take`, until that wants no more.
template <typename Row, typename Take>
Result<void> each_row(LockInspector& inspector, LockInspect question, nanoseconds timeout,
                      LockReport& totals, Take&& take) {
  question.rows_max = 1000;
  do {
    const auto page = inspector.ask(question, mono_now() + timeout);
    if (!page) return pass_on(page);
    totals = *page;
    totals.rows = {};
    ByteReader rows(page->rows);
    Row row;
    while (next_row(rows, row)) {
      if (!take(row)) return {};
    }
    question.from = page->next;
  } while (question.from != 0);
  return {};
}

Result<void> look(LockInspector& inspector, const std::string& prefix, std::size_t limit,
                  nanoseconds timeout, LocksView& view) {
  const auto keep = [limit](auto& rows, bool& more, const auto& row) {
    more = rows.size() == limit;
    if (!more) rows.push_back(row);
    return !more;
  };
  auto done = each_row<LockSessionRow>(
      inspector, {0, LockReportKind::sessions, 0, 0, {}}, timeout, view.totals,
      [&](const auto& row) { return keep(view.sessions, view.more_sessions, row); });
  if (!done) return done;
  done = each_row<LockNameRow>(
      inspector, {0, LockReportKind::names, 0, 0, prefix}, timeout, view.totals,
      [&](const auto& row) { return keep(view.names, view.more_names, row); });
  if (!done) return done;
  std::sort(view.names.begin(), view.names.end(),
            [](const auto& a, const auto& b) { return a.name < b.name; });
  return each_row<LockNameRow>(inspector, {0, LockReportKind::awaited, 0, 0, prefix}, timeout,
                               view.totals, [&](const auto& row) {
                                 keep_longest_wait(view.awaited, row);
                                 return true;
                               });
}

}  // namespace

int run_locks(int argc, const char* const* argv) {
  HostPort broker{"127.0.0.1", 5558};
  std::string cluster = "mas";
  std::string prefix;
  std::uint32_t limit = 50;
  nanoseconds timeout = seconds(5);
  bool json = false;
  Options options(program,
                  "Show a lock broker's sessions, who holds what, and who waits for it longest.");
  options.address(broker, "locks", "port of the lock broker");
  options.text(cluster, "cluster", "name that all processes of one system share");
  options.text(prefix, "prefix", "only names that begin so, such as user: or metric:cpu");
  options.count(limit, "limit", 1, 10'000'000, "sessions, and names, that are shown at most");
  options.duration(timeout, "timeout", milliseconds(10), std::chrono::hours(1),
                   "how long an answer may take");
  options.flag(json, "json", "for programs: one line, one JSON object");
  if (const auto exit_code = options.parse(argc, argv)) return *exit_code;
  if (cluster.size() > cluster_name_bytes_max) return refuse(program, "--cluster: too long");
  if (prefix.size() > lock_prefix_bytes_max) return refuse(program, "--prefix: too long");

  LocksView view;
  view.broker = fmt::format("{}:{}", broker.host, broker.port);
  auto inspector = LockInspector::dial(broker, cluster);
  auto looked =
      inspector ? look(*inspector, prefix, limit, timeout, view) : Result<void>(pass_on(inspector));
  if (!looked) {
    fmt::print(stderr, "{}: {} at {}\n", program, looked.error().text, view.broker);
    return 1;
  }
  const auto text = json ? locks_json(view) : locks_table(view);
  std::fwrite(text.data(), 1, text.size(), stdout);
  return std::fflush(stdout) == 0 ? 0 : 1;
}

}  // namespace mas
