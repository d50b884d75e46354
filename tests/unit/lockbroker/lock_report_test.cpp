#include "lockbroker/lock_report.hpp"

#include <fmt/format.h>

#include <set>

#include "support/catch.hpp"

namespace mas {
namespace {

/// A table with sessions that ask for names, and pages of reports on it.
struct Reported {
  LockToken open() {
    actions.clear();
    table.on(OpenSession{1}, now, actions);
    return std::get<SessionOpened>(actions.front()).session;
  }
  void acquire(LockToken session, const LockName& name, LockMode mode) {
    LockRequest request;
    request.name = name;
    request.mode = mode;
    table.on(LockEventRequest{session, &request}, now, actions);
  }
  LockReport page(LockReportKind what, std::uint64_t from = 0, std::uint32_t rows_max = 1000,
                  std::string_view prefix = "") {
    return make_report(
        {9, what, from, rows_max, prefix}, table,
        [](LockToken) { return std::string_view("worker"); }, now, rows);
  }
  /// The names of all pages, however many there are.
  std::multiset<std::string> names(LockReportKind what, std::uint32_t rows_max,
                                   std::string_view prefix = "") {
    std::multiset<std::string> all;
    std::uint64_t from = 0;
    do {
      const auto report = page(what, from, rows_max, prefix);
      CHECK(report.rows.size() <= lock_report_bytes_max);
      ByteReader reader(report.rows);
      LockNameRow row;
      std::uint32_t count = 0;
      for (; next_row(reader, row); ++count) all.insert(to_text(row.name));
      CHECK(reader.done());
      CHECK(count <= rows_max);
      from = report.next;
      ++pages;
    } while (from != 0);
    return all;
  }

  LockTable table{LockTableOptions{}};
  MonoTime now{seconds{1000}};
  std::vector<LockTableAction> actions;
  Bytes rows;
  int pages = 0;

  Reported() { table.on(TimePassed{}, now, actions); }
};

}  // namespace

TEST_CASE("a report tells who holds a name and who waits for it, since when") {
  Reported it;
  const auto first = it.open();
  it.now += milliseconds{10};
  const auto second = it.open();
  it.acquire(first, {LockSpace::user, "job"}, LockMode::append);
  it.now += milliseconds{50};
  it.acquire(second, {LockSpace::user, "job"}, LockMode::exclusive);
  it.now += milliseconds{70};

  const auto names = it.page(LockReportKind::names);
  CHECK(names.number == 9);
  CHECK(names.next == 0);
  CHECK(names.sessions == 2);
  CHECK(names.names == 1);
  CHECK(names.holders == 1);
  CHECK(names.waiters == 1);
  ByteReader name_rows(names.rows);
  LockNameRow name;
  REQUIRE(next_row(name_rows, name));
  CHECK(name.name == LockName{LockSpace::user, "job"});
  REQUIRE(name.listed_holders.size() == 1);
  CHECK(name.listed_holders[0].session == first);
  CHECK(name.listed_holders[0].mode == LockMode::append);
  CHECK(name.listed_holders[0].held_ms == 120);
  CHECK(name.listed_holders[0].recalled);
  CHECK_FALSE(name.listed_holders[0].kept);
  REQUIRE(name.listed_waiters.size() == 1);
  CHECK(name.listed_waiters[0] == LockNameRow::Waiter{second, LockMode::exclusive, 70});

  const auto sessions = it.page(LockReportKind::sessions);
  ByteReader session_rows(sessions.rows);
  LockSessionRow session;
  REQUIRE(next_row(session_rows, session));
  CHECK(session == LockSessionRow{first, "worker", 130, 130, 1, 0});
  REQUIRE(next_row(session_rows, session));
  CHECK(session == LockSessionRow{second, "worker", 120, 120, 0, 1});
  CHECK_FALSE(next_row(session_rows, session));
}

TEST_CASE("pages of a report are bounded, and together have every name once") {
  Reported it;
  const auto session = it.open();
  std::multiset<std::string> all;
  for (int n = 0; n < 20'000; ++n) {
    const LockName name{LockSpace::metric, fmt::format("metric-{}", n)};
    it.acquire(session, name, LockMode::shared);
    all.insert(to_text(name));
    it.actions.clear();
  }
  const auto rows_max = GENERATE(7U, 1000U, 1'000'000U);
  CHECK(it.names(LockReportKind::names, rows_max) == all);
  CHECK(it.pages > 1);
  CHECK(it.names(LockReportKind::awaited, rows_max).empty());
}

TEST_CASE("pages of sessions go on where the one before ended") {
  Reported it;
  std::vector<LockToken> opened;
  for (int n = 0; n < 10; ++n) opened.push_back(it.open());
  std::vector<LockToken> told;
  std::uint64_t from = 0;
  do {
    const auto report = it.page(LockReportKind::sessions, from, 3);
    ByteReader reader(report.rows);
    LockSessionRow row;
    while (next_row(reader, row)) told.push_back(row.session);
    from = report.next;
  } while (from != 0);
  CHECK(told == opened);
}

TEST_CASE("a report lists what begins with the prefix, name space and all") {
  Reported it;
  const auto session = it.open();
  it.acquire(session, {LockSpace::metric, "cpu"}, LockMode::shared);
  it.acquire(session, {LockSpace::metric, "disk"}, LockMode::shared);
  it.acquire(session, {LockSpace::user, "cpu"}, LockMode::shared);
  using Names = std::multiset<std::string>;
  const auto names = [&](std::string_view prefix) {
    return it.names(LockReportKind::names, 100, prefix);
  };
  CHECK(names("") == Names{"metric:cpu", "metric:disk", "user:cpu"});
  CHECK(names("m") == Names{"metric:cpu", "metric:disk"});
  CHECK(names("metric") == Names{"metric:cpu", "metric:disk"});
  CHECK(names("metric:") == Names{"metric:cpu", "metric:disk"});
  CHECK(names("metric:c") == Names{"metric:cpu"});
  CHECK(names("user:cpu") == Names{"user:cpu"});
  CHECK(names("user:cpu2").empty());
  CHECK(names("cpu").empty());
  CHECK(names("metrics").empty());
}

TEST_CASE("only the first of many holders and waiters are listed, and all are counted") {
  Reported it;
  for (int n = 0; n < 20; ++n) it.acquire(it.open(), {LockSpace::user, "job"}, LockMode::shared);
  for (int n = 0; n < 30; ++n) it.acquire(it.open(), {LockSpace::user, "job"}, LockMode::exclusive);
  const auto report = it.page(LockReportKind::awaited);
  ByteReader reader(report.rows);
  LockNameRow row;
  REQUIRE(next_row(reader, row));
  CHECK(row.holders == 20);
  CHECK(row.waiters == 30);
  CHECK(row.listed_holders.size() == lock_report_listed_max);
  CHECK(row.listed_waiters.size() == lock_report_listed_max);
}

}  // namespace mas
