#include "client/locks_view.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <iterator>
#include <unordered_map>

#include "client/json_text.hpp"

namespace mas {
namespace {

using Row = std::vector<std::string>;

std::string printable(std::string text) {
  std::replace_if(
      text.begin(), text.end(), [](char c) { return (c >= 0 && c < ' ') || c == 127; }, '?');
  return text;
}

std::string plural(std::uint64_t count, std::string_view what) {
  return fmt::format("{} {}{}", count, what, count == 1 ? "" : "s");
}

/// Columns as wide as their widest cell.
void append_table(std::string& out, const std::vector<Row>& rows) {
  std::vector<std::size_t> widths(rows.front().size());
  for (const auto& row : rows) {
    for (std::size_t at = 0; at < row.size(); ++at) {
      widths[at] = std::max(widths[at], row[at].size());
    }
  }
  for (const auto& row : rows) {
    for (std::size_t at = 0; at + 1 < row.size(); ++at) {
      fmt::format_to(std::back_inserter(out), "{:<{}}  ", row[at], widths[at]);
    }
    out += row.back() + '\n';
  }
}

class Workers {
 public:
  explicit Workers(const std::vector<LockSessionRow>& sessions) {
    for (const auto& row : sessions) workers_.emplace(row.session, row.worker);
  }
  [[nodiscard]] std::string of(LockToken session) const {
    const auto at = workers_.find(session);
    return at == workers_.end() ? fmt::format("session {:x}", session) : at->second;
  }

 private:
  std::unordered_map<LockToken, std::string> workers_;
};

std::string state_of(const LockNameRow::Holder& holder) {
  if (holder.converting) return "waits for exclusive";
  if (holder.kept) return "works on";
  return holder.recalled ? "recalled" : "";
}

std::uint64_t longest_wait(const LockNameRow& row) {
  std::uint64_t longest = 0;
  for (const auto& waiter : row.listed_waiters) longest = std::max(longest, waiter.waited_ms);
  return longest;
}

}  // namespace

void keep_longest_wait(std::vector<LockNameRow>& awaited, const LockNameRow& row) {
  const auto at = std::upper_bound(
      awaited.begin(), awaited.end(), row,
      [](const auto& a, const auto& b) { return longest_wait(a) > longest_wait(b); });
  if (static_cast<std::size_t>(at - awaited.begin()) >= longest_waits_shown) return;
  awaited.insert(at, row);
  if (awaited.size() > longest_waits_shown) awaited.pop_back();
}

std::string age_text(std::uint64_t ms) {
  const auto secs = ms / 1000;
  if (ms < 1000) return fmt::format("{}ms", ms);
  if (secs < 60) return fmt::format("{}.{}s", secs, ms % 1000 / 100);
  if (secs < 3600) return fmt::format("{}m{:02}s", secs / 60, secs % 60);
  if (secs < 86400) return fmt::format("{}h{:02}m", secs / 3600, secs % 3600 / 60);
  return fmt::format("{}d{:02}h", secs / 86400, secs % 86400 / 3600);
}

std::string locks_table(const LocksView& view) {
  const Workers workers(view.sessions);
  const auto& totals = view.totals;
  std::string out =
      fmt::format("lock broker {}: epoch {}, {}, {}, {} held, {} waiting{}\n", view.broker,
                  totals.epoch, plural(totals.sessions, "session"), plural(totals.names, "name"),
                  plural(totals.holders, "lock"), plural(totals.waiters, "request"),
                  totals.granting ? "" : "; nothing is granted yet");
  if (!view.sessions.empty()) {
    std::vector<Row> rows{{"SESSION", "AGE", "SILENT", "LOCKS", "WAITING", "WORKER"}};
    for (const auto& it : view.sessions) {
      rows.push_back({fmt::format("{:x}", it.session), age_text(it.age_ms), age_text(it.silent_ms),
                      std::to_string(it.held), std::to_string(it.waiting), printable(it.worker)});
    }
    out += '\n';
    append_table(out, rows);
    if (view.more_sessions) out += "... and more sessions (--limit)\n";
  }
  if (!view.names.empty()) {
    std::vector<Row> rows{{"NAME", "MODE", "FOR", "WAITING", "TOKEN", "STATE", "HOLDER"}};
    for (const auto& it : view.names) {
      auto name = printable(to_text(it.name));
      for (const auto& holder : it.listed_holders) {
        rows.push_back({name, std::string(to_text(holder.mode)), age_text(holder.held_ms),
                        std::to_string(it.waiters), std::to_string(holder.token), state_of(holder),
                        printable(workers.of(holder.session))});
      }
      if (it.holders == 0)
        rows.push_back({name, "-", "-", std::to_string(it.waiters), "-", "", "-"});
      if (it.holders > it.listed_holders.size()) {
        rows.push_back({name, "...", "", "", "", "",
                        fmt::format("and {} more", it.holders - it.listed_holders.size())});
      }
    }
    out += '\n';
    append_table(out, rows);
    if (view.more_names) out += "... and more names (--limit, --prefix)\n";
  }
  if (!view.awaited.empty()) {
    std::vector<Row> rows{{"LONGEST WAITS", "MODE", "FOR", "BEHIND", "WHO WAITS"}};
    for (const auto& it : view.awaited) {
      const auto& waiter =
          *std::max_element(it.listed_waiters.begin(), it.listed_waiters.end(),
                            [](const auto& a, const auto& b) { return a.waited_ms < b.waited_ms; });
      auto behind = it.listed_holders.empty() ? std::string("-")
                                              : workers.of(it.listed_holders.front().session);
      if (it.holders > 1) behind += fmt::format(" and {} more", it.holders - 1);
      rows.push_back({printable(to_text(it.name)), std::string(to_text(waiter.mode)),
                      age_text(waiter.waited_ms), printable(std::move(behind)),
                      printable(workers.of(waiter.session))});
    }
    out += '\n';
    append_table(out, rows);
  }
  return out;
}

std::string locks_json(const LocksView& view) {
  std::string out;
  const auto put = [&out]<typename... Args>(fmt::format_string<Args...> text, Args&&... args) {
    fmt::format_to(std::back_inserter(out), text, std::forward<Args>(args)...);
  };
  const auto put_names = [&](const std::vector<LockNameRow>& names) {
    for (std::size_t at = 0; at < names.size(); ++at) {
      const auto& it = names[at];
      put("{}{{\"space\":\"{}\",\"name\":", at == 0 ? "" : ",", to_text(it.name.space));
      append_json_string(it.name.text, out);
      put(",\"holders\":{},\"waiters\":{},\"held_by\":[", it.holders, it.waiters);
      for (std::size_t n = 0; n < it.listed_holders.size(); ++n) {
        const auto& holder = it.listed_holders[n];
        put("{}{{\"session\":\"{}\",\"token\":\"{}\",\"mode\":\"{}\",\"held_ms\":{},"
            "\"recalled\":{},\"kept\":{},\"converting\":{}}}",
            n == 0 ? "" : ",", holder.session, holder.token, to_text(holder.mode), holder.held_ms,
            holder.recalled, holder.kept, holder.converting);
      }
      put("],\"awaited_by\":[");
      for (std::size_t n = 0; n < it.listed_waiters.size(); ++n) {
        const auto& waiter = it.listed_waiters[n];
        put("{}{{\"session\":\"{}\",\"mode\":\"{}\",\"waited_ms\":{}}}", n == 0 ? "" : ",",
            waiter.session, to_text(waiter.mode), waiter.waited_ms);
      }
      put("]}}");
    }
  };
  const auto& totals = view.totals;
  put("{{\"broker\":");
  append_json_string(view.broker, out);
  put(",\"epoch\":{},\"granting\":{},\"totals\":{{\"sessions\":{},\"names\":{},\"locks\":{},"
      "\"waiting\":{}}},\"sessions\":[",
      totals.epoch, totals.granting, totals.sessions, totals.names, totals.holders, totals.waiters);
  for (std::size_t at = 0; at < view.sessions.size(); ++at) {
    const auto& it = view.sessions[at];
    put("{}{{\"session\":\"{}\",\"worker\":", at == 0 ? "" : ",", it.session);
    append_json_string(it.worker, out);
    put(",\"age_ms\":{},\"silent_ms\":{},\"locks\":{},\"waiting\":{}}}", it.age_ms, it.silent_ms,
        it.held, it.waiting);
  }
  put("],\"more_sessions\":{},\"names\":[", view.more_sessions);
  put_names(view.names);
  put("],\"more_names\":{},\"longest_waits\":[", view.more_names);
  put_names(view.awaited);
  put("]}}\n");
  return out;
}

}  // namespace mas
