#include "wire/lock_report.hpp"

#include <memory>

#include "support/catch.hpp"

namespace mas {
namespace {

Envelope envelope() { return {0, "test", 11, 22}; }

LockNameRow a_name() {
  LockNameRow row;
  row.name = {LockSpace::metric, std::string(255, 'n')};
  row.holders = 17;
  row.waiters = 70000;
  row.listed_holders.assign(lock_report_listed_max,
                            {0x500000007, 0x500000009, LockMode::append, true, true, false, 12});
  row.listed_holders.back().converting = true;
  row.listed_waiters.assign(lock_report_listed_max, {0x500000008, LockMode::exclusive, 9});
  return row;
}
LockSessionRow a_session() { return {0x500000007, std::string(128, 'w'), 1, 2, 3, 4}; }

/// The frame of a report, its rows as they are.
Bytes report_of(LockReportKind what, ByteView rows) {
  Bytes frame;
  LockReport report{7, what, 8, 9, true, 1, 2, 3, 4, rows};
  encode(frame, envelope(), report);
  return frame;
}
bool reads(ByteView frame, LockReport& report) {
  Decoder in(frame);
  return decode_envelope(in) && decode(in, report);
}

}  // namespace

TEST_CASE("a question about locks reads back as it was written") {
  Bytes frame;
  encode(frame, envelope(), LockInspect{5, LockReportKind::awaited, 77, 10, "metric:cpu"});
  Decoder in(frame);
  REQUIRE(decode_envelope(in));
  LockInspect asked;
  REQUIRE(decode(in, asked));
  CHECK(asked.number == 5);
  CHECK(asked.what == LockReportKind::awaited);
  CHECK(asked.from == 77);
  CHECK(asked.rows_max == 10);
  CHECK(asked.prefix == "metric:cpu");
}

TEST_CASE("a report reads back as it was written, rows of either kind") {
  Bytes rows;
  append_row(rows, a_session());
  append_row(rows, a_session());
  CHECK(rows.size() <= 2 * lock_report_row_bytes_max);
  const auto sessions = report_of(LockReportKind::sessions, rows);
  LockReport report;
  REQUIRE(reads(sessions, report));
  CHECK(report.number == 7);
  CHECK(report.next == 8);
  CHECK(report.epoch == 9);
  CHECK(report.granting);
  CHECK(report.sessions == 1);
  CHECK(report.names == 2);
  CHECK(report.holders == 3);
  CHECK(report.waiters == 4);
  ByteReader session_rows(report.rows);
  LockSessionRow session;
  REQUIRE(next_row(session_rows, session));
  REQUIRE(next_row(session_rows, session));
  CHECK(session == a_session());
  CHECK_FALSE(next_row(session_rows, session));

  rows.clear();
  append_row(rows, a_name());
  append_row(rows, a_name());
  CHECK(rows.size() <= 2 * lock_report_row_bytes_max);
  const auto names = report_of(LockReportKind::names, rows);
  REQUIRE(reads(names, report));
  ByteReader name_rows(report.rows);
  LockNameRow name;
  REQUIRE(next_row(name_rows, name));
  REQUIRE(next_row(name_rows, name));
  CHECK(name == a_name());
  CHECK(name_rows.done());
}

TEST_CASE("a report cut anywhere, or with any byte changed, is refused or read without overrun") {
  Bytes rows;
  append_row(rows, a_name());
  for (const auto what : {LockReportKind::sessions, LockReportKind::names}) {
    if (what == LockReportKind::sessions) {
      rows.clear();
      append_row(rows, a_session());
    }
    const auto frame = report_of(what, rows);
    LockReport report;
    for (std::size_t size = 0; size < frame.size(); ++size) {
      const std::unique_ptr<std::uint8_t[]> exact(new std::uint8_t[size]);
      std::copy_n(frame.begin(), size, exact.get());
      CHECK_FALSE(reads({exact.get(), size}, report));
    }
    for (std::size_t at = 0; at < frame.size(); ++at) {
      for (const auto value : {0x00, 0x7f, 0x80, 0xff}) {
        auto changed = frame;
        changed[at] = static_cast<std::uint8_t>(value);
        if (!reads(changed, report)) continue;
        ByteReader reader(report.rows);
        LockNameRow name;
        LockSessionRow session;
        if (report.what == LockReportKind::sessions) {
          while (next_row(reader, session)) CHECK(session.worker.size() <= 128);
        } else {
          while (next_row(reader, name)) CHECK_FALSE(name.name.text.empty());
        }
        CHECK(reader.done());  // what was accepted can be read to its end
      }
    }
  }
}

TEST_CASE("a question that asks for nothing, or too much, is refused") {
  const auto reads_back = [](const LockInspect& asked) {
    Bytes frame;
    encode(frame, envelope(), asked);
    Decoder in(frame);
    LockInspect read;
    return decode_envelope(in) && decode(in, read);
  };
  const std::string prefix(lock_prefix_bytes_max + 1, 'p');
  CHECK(reads_back({1, LockReportKind::names, 0, 1, ""}));
  CHECK_FALSE(reads_back({1, LockReportKind::names, 0, 0, ""}));
  CHECK_FALSE(reads_back({1, LockReportKind::names, 0, 1, prefix}));
  CHECK_FALSE(reads_back({1, LockReportKind{4}, 0, 1, ""}));
  CHECK_FALSE(reads_back({1, LockReportKind{0}, 0, 1, ""}));
}

}  // namespace mas
