#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

#include "base/result.hpp"
#include "base/time_types.hpp"
#include "lockbroker/lock_report.hpp"
#include "lockbroker/lock_table.hpp"
#include "locks/ordered_stream.hpp"
#include "wire/envelope.hpp"

namespace mas {

/// Who we are, and how locks are given.
struct LockServiceOptions {
  std::string cluster;  ///< messages of another cluster are dropped
  InstanceId instance = any_instance;
  LockTableOptions table;
  /// Answers kept for a session that does not say it has seen them; beyond it the session ends.
  /// A million grants, more than a client asks for between two of its heartbeats.
  std::size_t unseen_bytes_max = 64 * MiB;
};

/// A frame to be sent to a peer of the ROUTER. One that cannot be sent is dropped: its session
/// asks for it again, or expires.
struct LockServiceFrame {
  std::string peer;
  Bytes frame;
};

/// Something to be logged.
struct LockServiceNote {
  bool warning = false;
  std::string text;
};

/// The lock broker without its socket: frames and time in, frames and notes out. Checks where each
/// frame comes from, keeps the two numbered streams of each session, asks the LockTable, and packs
/// its answers, one message or few for each session and turn.
/// Thread-safety: one owner.
class LockService {
 public:
  explicit LockService(LockServiceOptions options);

  /// A frame from a peer; `now` is read after it was received. Error: it is malformed or out of
  /// place, and was dropped.
  Result<void> on_frame(const std::string& peer, ByteView frame, MonoTime now);
  /// A turn is over; due no later than next_deadline(). `all_read` says that everything that was
  /// received has been handed to on_frame(): nobody expires whose heartbeat is waiting here.
  /// Without it no time passes, unless that lasts.
  void on_time(MonoTime now, bool all_read = true);
  [[nodiscard]] MonoTime next_deadline() const { return table_.next_deadline(); }

  /// The epoch to be made durable and then given to raise_epoch(), when ours is used up or a
  /// client has seen a higher one. Until then such a client gets no session.
  [[nodiscard]] std::optional<std::uint32_t> wanted_epoch() const;
  /// How long leases of a broker that a client has seen may last, to be made durable with it.
  [[nodiscard]] milliseconds foreign_lease_ttl() const { return surprise_ttl_; }
  void raise_epoch(std::uint32_t epoch, MonoTime now);

  /// Appends what is to be sent or logged, in order, and forgets it.
  void take_frames(std::vector<LockServiceFrame>& out);
  void take_notes(std::vector<LockServiceNote>& out);

  [[nodiscard]] const LockTable& table() const { return table_; }

 private:
  struct Session {
    std::string peer;  ///< where its last frame came from
    InstanceId instance = any_instance;
    std::string worker;
    OrderedStream stream;
    bool used = false;                  ///< it has sent a heartbeat or requests
    MonoTime long_wait_noted{};         ///< when it was last named for making others wait
    std::uint64_t long_waits_kept = 0;  ///< not noted since
    bool dirty = false;                 ///< in dirty_
  };
  using Sessions = std::unordered_map<LockToken, Session>;

  void on_hello(const std::string& peer, const Envelope& from, const LockHello& hello,
                MonoTime now);
  /// Nothing is granted until the leases of the broker that a client has seen are over.
  void distrust_past(MonoTime now);
  void on_departed(const LockDeparted& departed, MonoTime now);
  void on_heartbeat(Sessions::iterator session, const LockHeartbeat& heartbeat, MonoTime now);
  void on_requests(Sessions::iterator session, const LockItems& requests, MonoTime now);
  /// The session that this message belongs to; if there is none, says so to the peer.
  [[nodiscard]] Sessions::iterator session_of(const std::string& peer, const Envelope& from,
                                              LockToken token);
  void on_inspect(const std::string& peer, const Envelope& from, const LockInspect& inspect,
                  MonoTime now);
  void tell_table(const LockTableEvent& event, MonoTime now);
  void note_long_wait(const WaitLong& wait, MonoTime now);
  void forget(const SessionGone& gone);
  void mark_dirty(LockToken token, Session& session);
  template <typename Message>
  void send(const std::string& peer, InstanceId to, const Message& message);
  void send_welcome(const std::string& peer, InstanceId to, std::uint64_t number,
                    LockToken session);
  void send_ended(const std::string& peer, InstanceId to, LockToken session, LockSessionEnd why);

  LockServiceOptions options_;
  LockTable table_;
  std::uint32_t highest_epoch_seen_ = 0;  ///< by any client, of other brokers
  bool surprised_ = false;                ///< by one of those, which is not below ours
  milliseconds surprise_ttl_{0};          ///< the longest of those brokers' leases
  std::optional<MonoTime> unread_since_;  ///< not all that was received has been read
  Sessions sessions_;
  std::unordered_map<InstanceId, LockToken> session_by_instance_;  ///< the newest of each
  std::vector<LockToken> dirty_;
  int reports_ = 0;  ///< made in this turn
  std::vector<LockTableAction> actions_;
  std::vector<LockServiceFrame> frames_;
  std::vector<LockServiceNote> notes_;
};

}  // namespace mas
