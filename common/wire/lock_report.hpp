#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/byte_reader.hpp"
#include "base/bytes.hpp"
#include "base/result.hpp"
#include "wire/decode.hpp"
#include "wire/envelope.hpp"
#include "wire/lock_types.hpp"

/// What people ask the lock broker about its state: one question, one page of an answer, no session
/// needed. Texts and binaries of decoded messages are views into the received bytes. Field by field
/// in docs/lock-protocol.md.
namespace mas {

/// What a page is about; its rows are of one kind.
enum class LockReportKind : std::uint8_t {
  sessions = 1,
  names = 2,    ///< names that are held or awaited
  awaited = 3,  ///< of these, the ones that somebody waits for
};

/// Asks for a page.
struct LockInspect {
  std::uint64_t number = 0;  ///< the report repeats it
  LockReportKind what = LockReportKind::sessions;
  std::uint64_t from = 0;      ///< 0: the first page; else `next` of the one before
  std::uint32_t rows_max = 0;  ///< at least 1; the page may have fewer, or none
  std::string_view prefix;     ///< of names as people write them, "metric:cpu"; sessions: ignored
};
inline constexpr std::size_t lock_prefix_bytes_max = 300;
/// Bytes of a page's rows at most, so that no heartbeat waits long behind one.
inline constexpr std::size_t lock_report_bytes_max = 256 * KiB;

/// A page. Pages are looked at one after the other, so what changes meanwhile may be missing or
/// there twice.
struct LockReport {
  std::uint64_t number = 0;
  LockReportKind what = LockReportKind::sessions;
  std::uint64_t next = 0;  ///< to go on from; 0: this is the last page
  std::uint32_t epoch = 0;
  bool granting = false;  ///< false while leases of an earlier broker may be alive
  std::uint64_t sessions = 0;
  std::uint64_t names = 0;
  std::uint64_t holders = 0;
  std::uint64_t waiters = 0;
  ByteView rows;  ///< packed LockSessionRow or LockNameRow
};

struct LockSessionRow {
  LockToken session = 0;
  std::string worker;           ///< at most lock_worker_bytes_max
  std::uint64_t age_ms = 0;     ///< since it was opened
  std::uint64_t silent_ms = 0;  ///< since it was last renewed
  std::uint64_t held = 0;       ///< locks
  std::uint64_t waiting = 0;    ///< requests

  friend bool operator==(const LockSessionRow&, const LockSessionRow&) = default;
};

/// Holders, and waiters, of a name that are listed at most; the first of each.
inline constexpr std::size_t lock_report_listed_max = 16;

struct LockNameRow {
  struct Holder {
    LockToken session = 0;
    LockToken token = 0;
    LockMode mode = LockMode::shared;
    bool recalled = false;    ///< was asked to let go
    bool kept = false;        ///< said that it works on
    bool converting = false;  ///< waits to become exclusive
    std::uint64_t held_ms = 0;

    friend bool operator==(const Holder&, const Holder&) = default;
  };
  struct Waiter {
    LockToken session = 0;
    LockMode mode = LockMode::shared;
    std::uint64_t waited_ms = 0;

    friend bool operator==(const Waiter&, const Waiter&) = default;
  };
  LockName name;
  std::uint32_t holders = 0;  ///< all of them
  std::uint32_t waiters = 0;
  std::vector<Holder> listed_holders;  ///< lock_report_listed_max at most
  std::vector<Waiter> listed_waiters;  ///< first in line first, so whoever has waited longest

  friend bool operator==(const LockNameRow&, const LockNameRow&) = default;
};
/// Bytes of one row of either kind at most.
inline constexpr std::size_t lock_report_row_bytes_max = 1024;

void encode(Bytes& out, Envelope envelope, const LockInspect& message);
void encode(Bytes& out, Envelope envelope, const LockReport& message);
/// Each reads what follows the envelope. Error: torn. Rows are checked as a whole, so reading them
/// afterwards cannot fail.
Result<void> decode(Decoder& in, LockInspect& message);
Result<void> decode(Decoder& in, LockReport& message);

void append_row(Bytes& rows, const LockSessionRow& row);
void append_row(Bytes& rows, const LockNameRow& row);
/// Reads the next row into `row`, whose memory it reuses; false at the end or after a failure.
[[nodiscard]] bool next_row(ByteReader& rows, LockSessionRow& row);
[[nodiscard]] bool next_row(ByteReader& rows, LockNameRow& row);

}  // namespace mas
