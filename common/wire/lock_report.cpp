#include "wire/lock_report.hpp"

#include "base/check.hpp"
#include "wire/encode.hpp"
#include "wire/lock_messages.hpp"

namespace mas {
namespace {

constexpr std::uint8_t flag_recalled = 1;
constexpr std::uint8_t flag_kept = 2;
constexpr std::uint8_t flag_converting = 4;
constexpr std::uint8_t flags_max = flag_recalled | flag_kept | flag_converting;

// Two texts and counts; or a name, and the most that is listed of it.
static_assert(2 + lock_worker_bytes_max + 5 * 8 <= lock_report_row_bytes_max);
static_assert(2 + lock_name_bytes_max + 2 * 4 + 2 + lock_report_listed_max * (26 + 17) <=
              lock_report_row_bytes_max);

template <typename Enum, typename Reader>
Enum read_enum(Reader& in, Enum last) {
  const auto value = in.u8();
  if (value < 1 || value > static_cast<std::uint8_t>(last)) in.fail();
  return static_cast<Enum>(value);
}

template <typename Row>
bool all_read(ByteView bytes) {
  ByteReader rows(bytes);
  Row row;
  while (next_row(rows, row)) {
  }
  return rows.done();
}

}  // namespace

void encode(Bytes& out, Envelope envelope, const LockInspect& message) {
  envelope.type = static_cast<std::uint8_t>(LockMessage::inspect);
  Encoder(out, envelope, 5)
      .u64(message.number)
      .u64(static_cast<std::uint8_t>(message.what))
      .u64(message.from)
      .u64(message.rows_max)
      .str(message.prefix);
}
Result<void> decode(Decoder& in, LockInspect& message) {
  message.number = in.u64();
  message.what = read_enum(in, LockReportKind::awaited);
  message.from = in.u64();
  message.rows_max = in.u32();
  message.prefix = in.str(lock_prefix_bytes_max);
  if (message.rows_max == 0) in.fail();
  if (!in.ok()) return fail(Error::torn, "a lock inspect with missing or wrong fields");
  return {};
}

void encode(Bytes& out, Envelope envelope, const LockReport& message) {
  envelope.type = static_cast<std::uint8_t>(LockMessage::report);
  Encoder(out, envelope, 10)
      .u64(message.number)
      .u64(static_cast<std::uint8_t>(message.what))
      .u64(message.next)
      .u64(message.epoch)
      .boolean(message.granting)
      .u64(message.sessions)
      .u64(message.names)
      .u64(message.holders)
      .u64(message.waiters)
      .bin(message.rows);
}
Result<void> decode(Decoder& in, LockReport& message) {
  message.number = in.u64();
  message.what = read_enum(in, LockReportKind::awaited);
  message.next = in.u64();
  message.epoch = in.u32();
  message.granting = in.boolean();
  message.sessions = in.u64();
  message.names = in.u64();
  message.holders = in.u64();
  message.waiters = in.u64();
  message.rows = in.bin();
  if (in.ok() &&
      (message.rows.size() > lock_report_bytes_max ||
       !(message.what == LockReportKind::sessions ? all_read<LockSessionRow>(message.rows)
                                                  : all_read<LockNameRow>(message.rows)))) {
    in.fail();
  }
  if (!in.ok()) return fail(Error::torn, "a lock report with missing or wrong fields");
  return {};
}

void append_row(Bytes& rows, const LockSessionRow& row) {
  MAS_CHECK(row.worker.size() <= lock_worker_bytes_max);
  append_le(rows, row.session);
  append_short_text(rows, row.worker);
  append_le(rows, row.age_ms);
  append_le(rows, row.silent_ms);
  append_le(rows, row.held);
  append_le(rows, row.waiting);
}

bool next_row(ByteReader& rows, LockSessionRow& row) {
  if (!rows.ok() || rows.left() == 0) return false;
  row.session = rows.u64();
  row.worker.assign(rows.short_text());
  row.age_ms = rows.u64();
  row.silent_ms = rows.u64();
  row.held = rows.u64();
  row.waiting = rows.u64();
  if (row.worker.size() > lock_worker_bytes_max) rows.fail();
  return rows.ok();
}

void append_row(Bytes& rows, const LockNameRow& row) {
  MAS_CHECK(row.listed_holders.size() <= lock_report_listed_max);
  MAS_CHECK(row.listed_waiters.size() <= lock_report_listed_max);
  append_le(rows, row.name.space);
  append_short_text(rows, row.name.text);
  append_le(rows, row.holders);
  append_le(rows, row.waiters);
  append_le(rows, static_cast<std::uint8_t>(row.listed_holders.size()));
  append_le(rows, static_cast<std::uint8_t>(row.listed_waiters.size()));
  for (const auto& holder : row.listed_holders) {
    append_le(rows, holder.session);
    append_le(rows, holder.token);
    append_le(rows, holder.mode);
    append_le(rows, static_cast<std::uint8_t>((holder.recalled ? flag_recalled : 0) |
                                              (holder.kept ? flag_kept : 0) |
                                              (holder.converting ? flag_converting : 0)));
    append_le(rows, holder.held_ms);
  }
  for (const auto& waiter : row.listed_waiters) {
    append_le(rows, waiter.session);
    append_le(rows, waiter.mode);
    append_le(rows, waiter.waited_ms);
  }
}

bool next_row(ByteReader& rows, LockNameRow& row) {
  if (!rows.ok() || rows.left() == 0) return false;
  row.name.space = read_enum(rows, LockSpace::user);
  row.name.text.assign(rows.short_text());
  row.holders = rows.u32();
  row.waiters = rows.u32();
  const auto holders = rows.u8();
  const auto waiters = rows.u8();
  row.listed_holders.clear();
  row.listed_waiters.clear();
  if (row.name.text.empty() || holders > lock_report_listed_max ||
      waiters > lock_report_listed_max) {
    rows.fail();
  }
  for (std::size_t at = 0; rows.ok() && at < holders; ++at) {
    auto& holder = row.listed_holders.emplace_back();
    holder.session = rows.u64();
    holder.token = rows.u64();
    holder.mode = read_enum(rows, LockMode::exclusive);
    const auto flags = rows.u8();
    if (flags > flags_max) rows.fail();
    holder.recalled = (flags & flag_recalled) != 0;
    holder.kept = (flags & flag_kept) != 0;
    holder.converting = (flags & flag_converting) != 0;
    holder.held_ms = rows.u64();
  }
  for (std::size_t at = 0; rows.ok() && at < waiters; ++at) {
    auto& waiter = row.listed_waiters.emplace_back();
    waiter.session = rows.u64();
    waiter.mode = read_enum(rows, LockMode::exclusive);
    waiter.waited_ms = rows.u64();
  }
  return rows.ok();
}

}  // namespace mas
