#include "lockbroker/lock_report.hpp"

#include <algorithm>

namespace mas {
namespace {

bool has_prefix(const LockName& name, std::string_view prefix) {
  const auto space = to_text(name.space);
  if (!prefix.starts_with(space)) return space.starts_with(prefix);
  prefix.remove_prefix(space.size());
  if (prefix.empty()) return true;
  return prefix.front() == ':' && name.text.starts_with(prefix.substr(1));
}

std::uint64_t ms_between(MonoTime from, MonoTime to) {
  return static_cast<std::uint64_t>(std::max((to - from) / milliseconds{1}, std::int64_t{0}));
}

}  // namespace

// The table's own part of a report: what it keeps, as rows.

void LockTable::each_session(MonoTime now,
                             const std::function<void(const LockSessionRow&)>& take) const {
  LockSessionRow row;
  for (const auto& [token, session] : sessions_) {
    row.session = token;
    row.age_ms = ms_between(session.opened, now);
    row.silent_ms = ms_between(session.renewed, now);
    row.held = session.held.size();
    row.waiting = session.awaited.size();
    take(row);
  }
}

std::uint64_t LockTable::each_name(std::uint64_t from, std::size_t steps_max,
                                   const std::function<bool(const LockName&, bool awaited)>& wanted,
                                   MonoTime now,
                                   const std::function<bool(const LockNameRow&)>& take) const {
  // The place of a name: its bucket, and how many are before it in there.
  constexpr int place_bits = 16;
  auto bucket = static_cast<std::size_t>(from >> place_bits);
  auto skip = from & ((1U << place_bits) - 1);
  std::size_t steps = 0;
  LockNameRow row;
  for (; bucket < names_.bucket_count(); ++bucket, skip = 0) {
    if (++steps > steps_max) return std::uint64_t{bucket} << place_bits;
    std::uint64_t place = 0;
    for (auto at = names_.begin(bucket); at != names_.end(bucket); ++at, ++place) {
      if (place < skip) continue;
      const auto& name = at->second;
      if (++steps > steps_max) return (std::uint64_t{bucket} << place_bits) + place;
      if (name.remembered || !wanted(at->first, !name.waiters.empty())) continue;
      row.name = at->first;
      row.holders = static_cast<std::uint32_t>(name.holders.size());
      row.waiters = static_cast<std::uint32_t>(name.waiters.size());
      row.listed_holders.clear();
      for (const auto& holder : name.holders) {
        if (row.listed_holders.size() == lock_report_listed_max) break;
        row.listed_holders.push_back({holder.session, holder.token, holder.mode,
                                      holder.recalled.has_value(), holder.kept, holder.converting,
                                      ms_between(holder.granted, now)});
      }
      row.listed_waiters.clear();
      for (const auto& waiter : name.waiters) {
        if (row.listed_waiters.size() == lock_report_listed_max) break;
        row.listed_waiters.push_back({waiter.session, waiter.mode, ms_between(waiter.since, now)});
      }
      if (!take(row)) return (std::uint64_t{bucket} << place_bits) + place;
    }
  }
  return 0;
}

LockReport make_report(const LockInspect& asked, const LockTable& table, const WorkerOf& worker_of,
                       MonoTime now, Bytes& rows) {
  LockReport report;
  report.number = asked.number;
  report.what = asked.what;
  report.epoch = table.epoch();
  report.granting = table.granting();
  report.sessions = table.figures().sessions;
  report.names = table.figures().names;
  report.holders = table.figures().holders;
  report.waiters = table.figures().waiters;

  rows.clear();
  std::uint32_t count = 0;
  const auto full = [&] {
    return count == asked.rows_max ||
           rows.size() + lock_report_row_bytes_max > lock_report_bytes_max;
  };
  if (asked.what == LockReportKind::sessions) {
    // In the order of their tokens, which is that of their opening; bounded by sessions_max.
    std::vector<LockSessionRow> sessions;
    table.each_session(now, [&](const LockSessionRow& row) {
      if (row.session >= asked.from) sessions.push_back(row);
    });
    std::sort(sessions.begin(), sessions.end(),
              [](const auto& a, const auto& b) { return a.session < b.session; });
    for (auto& session : sessions) {
      if (full()) {
        report.next = session.session;
        break;
      }
      session.worker = worker_of(session.session);
      append_row(rows, session);
      ++count;
    }
  } else {
    const bool awaited_only = asked.what == LockReportKind::awaited;
    report.next = table.each_name(
        asked.from, report_steps_max,
        [&](const LockName& name, bool awaited) {
          return (awaited || !awaited_only) && has_prefix(name, asked.prefix);
        },
        now,
        [&](const LockNameRow& row) {
          if (full()) return false;
          append_row(rows, row);
          ++count;
          return true;
        });
  }
  report.rows = rows;
  return report;
}

}  // namespace mas
