#pragma once

#include <cstdint>
#include <deque>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <unordered_map>
#include <variant>
#include <vector>

#include "base/result.hpp"
#include "base/time_types.hpp"
#include "locks/ordered_stream.hpp"
#include "wire/envelope.hpp"
#include "wire/lock_messages.hpp"
#include "wire/lock_types.hpp"

namespace mas {

/// The caller's own number for a request; comes back with what became of it.
using LockTicket = std::uint64_t;

/// A request is fulfilled. A shared grant comes with one use begun (see LockSession::end_use).
struct LockGranted {
  LockTicket ticket = 0;
  LockName name;
  Grant grant;
};
/// A request is not fulfilled: Error::busy (waited too long, or the holder is unable to let go, or
/// a conversion up was not possible), Error::lost (a conversion whose lock is gone, or a goodbye),
/// Error::invalid (a name or request that breaks the rules).
struct LockRefused {
  LockTicket ticket = 0;
  LockName name;
  Error error;
};
/// Somebody wants a lock that we hold as append or exclusive. Finish the write in hand, then
/// convert_down() to append when `wanted` is shared, else release(); or say unable(). Told again
/// when more is wanted than before. Shared locks are given back without asking; it is told only of
/// those in the space user that are in use, see keep().
struct LockRecalled {
  LockName name;
  LockMode wanted = LockMode::shared;
};
/// There is a session; requests go to the broker from now on. `session` is a fencing token too.
struct LockSessionOpened {
  LockToken session = 0;
};
/// Every lock and conversion under way is gone; nothing is held from here on. What still waits to
/// be acquired goes on waiting and is asked for again in the next session.
struct LockSessionLost {
  std::string why;
};
/// The goodbye is through: the broker knows that nothing is held any more.
struct LockSessionClosed {};

using LockEvent = std::variant<LockGranted, LockRefused, LockRecalled, LockSessionOpened,
                               LockSessionLost, LockSessionClosed>;

/// A life of the lock broker. Of two that tell the same epoch one has lost its epoch file.
struct BrokerEpoch {
  std::uint32_t epoch = 0;  ///< 0: none
  InstanceId broker = any_instance;
  milliseconds lease_ttl{0};  ///< of the leases that it gives

  friend bool operator==(const BrokerEpoch&, const BrokerEpoch&) = default;
};

/// What a LockSession is told about its process.
struct LockSessionOptions {
  std::string cluster;         ///< messages of another cluster are dropped
  std::uint64_t instance = 0;  ///< of this process, random, never 0
  std::string worker;          ///< who this is, for the broker's log lines
  /// A shared lock that is not used is given back after this.
  milliseconds shared_idle_max{2000};
  /// Between the first two attempts to open a session; up to four times as long between later ones.
  milliseconds hello_interval{500};
};

/// One process' dealings with the lock broker: its session and lease, the locks that it holds and
/// caches, the requests that wait. Takes calls, frames and time; leaves frames for the broker and
/// events for its user, both in order, in take_frames() and take_events().
///
/// The lease is counted from when the last acknowledged heartbeat was *sent*, less a margin for
/// clocks that run differently, so it ends here before it ends at the broker. Nothing revives it:
/// what arrives after its end, or belongs to an older session, is dropped.
///
/// A broker that restarts within the lease takes the session over: it is resumed under the same
/// token, the locks are reclaimed, and its user notices nothing. Until the new broker has taken in
/// all that is reclaimed the old lease counts alone, which ends before that broker grants anything.
///
/// `now` is CLOCK_BOOTTIME and never decreases. No socket, clock or thread. Thread-safety: one
/// owner. Sources: Gray and Cheriton, "Leases", SOSP 1989; Burrows, "The Chubby lock service",
/// OSDI 2006.
class LockSession {
 public:
  LockSession(LockSessionOptions options, MonoTime now);

  // --- Asked by the user. Answers come as events, never from inside these calls.

  /// Asks for one name, or many in as few messages as hold them. One LockGranted or LockRefused
  /// follows for each, with this ticket, at the latest after `wait_max`. A name that is held in
  /// this or a stronger mode and is not recalled is granted without asking the broker. Exclusive
  /// asked of a name held as append is a conversion up that waits first in line.
  void acquire(const LockName& name, LockMode mode, LockTicket ticket, milliseconds wait_max,
               MonoTime now);
  void acquire(std::span<const LockName> names, LockMode mode, LockTicket ticket,
               milliseconds wait_max, MonoTime now);

  /// The lock held on this name, or null. It stays there until release(), a LockSessionLost, or,
  /// for a shared lock, until it is given back; the pointer until the next call.
  [[nodiscard]] const Grant* held(const LockName& name) const;

  /// Begins a use of a cached lock without asking anybody: the lock, or null when it is not held,
  /// is recalled, or the lease is over: then acquire(). A shared lock in use is not given back.
  [[nodiscard]] const Grant* begin_use(const LockName& name, MonoTime now);
  /// Ends a use that begin_use() or a shared LockGranted began. `token` is the grant's; a use of a
  /// lock that is gone since is ignored.
  void end_use(const LockName& name, LockToken token, MonoTime now);

  /// Lets go of a lock; ignored when it is not held. `value` replaces the name's value (nothing:
  /// keep it; not valid: forget it). Waiting requests of ours for the name stay in line anew.
  void release(const LockName& name, MonoTime now, LockEnd end = LockEnd::clean,
               std::optional<LockValue> value = std::nullopt);

  /// Weakens a held lock to `mode` after a clean write, at once and without an answer; ignored
  /// when it is not held or no stronger.
  void convert_down(const LockName& name, LockMode mode, MonoTime now,
                    std::optional<LockValue> value = std::nullopt);

  /// Strengthens append to exclusive. With `wait_max` zero only when nobody else holds or awaits
  /// the name; else first in line while readers are recalled. LockGranted or LockRefused follows;
  /// a recall for another writer refuses it.
  void convert_up(const LockName& name, LockTicket ticket, milliseconds wait_max, MonoTime now);

  /// Answers a recall that cannot be honoured now (the flush failed): who waits is refused, and
  /// the lock is recalled again when it is wanted again.
  void unable(const LockName& name);

  /// Answers a recall of a lock that is held for as long as some work takes (a lock of people's, in
  /// the space user; ignored for others): who waits goes on waiting, and the session lives on. Told
  /// again when more is wanted. The lock goes as soon as it is released, or not in use any more.
  void keep(const LockName& name);

  /// Gives up the waiting requests with this ticket, without an event.
  void cancel(LockTicket ticket);

  /// Orderly end: nothing is asked from now on, waiting requests are refused, shared locks given
  /// back. Release append and exclusive locks first; those left count as ended uncleanly.
  /// LockSessionClosed follows (at once when there is no session).
  void goodbye(MonoTime now);

  // --- The lease.

  [[nodiscard]] bool open() const { return state_ == State::open; }
  /// Asks the broker for a session, the first or a new one.
  [[nodiscard]] bool opening() const { return state_ == State::opening; }
  /// The goodbye is through, or there was nothing to say it to.
  [[nodiscard]] bool over() const { return state_ == State::closed; }
  /// The session's token, or 0.
  [[nodiscard]] LockToken session() const { return open() ? session_ : 0; }
  /// Whether every lock that held() shows is really held at `now`. Ask after the write and before
  /// the acknowledgement, with a clock read after the write.
  [[nodiscard]] bool lease_valid(MonoTime now) const { return open() && now < lease_until_; }
  /// The end of the lease as far as is known; meaningful while open().
  [[nodiscard]] MonoTime lease_until() const { return lease_until_; }
  /// The latest broker that is known so far.
  [[nodiscard]] BrokerEpoch highest_epoch() const { return highest_; }

  // --- Driven by the shell.

  /// A frame from the broker; `now` is read after it was received. Error: it is none of ours
  /// (torn, of another cluster, for another life of this process), and was dropped.
  Result<void> on_frame(ByteView frame, MonoTime now);
  /// A broker that somebody else has seen. Told before on_time() while there is no session, so that
  /// no hello goes out without it: a broker that has lost its epoch file learns of it that way.
  void learn(const BrokerEpoch& known);
  /// Time passed; due no later than next_deadline().
  void on_time(MonoTime now);
  [[nodiscard]] MonoTime next_deadline() const;

  /// Appends the frames to be sent, in order, and forgets them. One that cannot be sent is simply
  /// dropped: what matters is sent again once the broker is heard of.
  void take_frames(std::vector<Bytes>& out);
  /// Appends what has happened, in order, and forgets it.
  void take_events(std::vector<LockEvent>& out);

  /// Locks held and requests waiting, for /metrics.
  [[nodiscard]] std::size_t held_count() const { return held_count_; }
  [[nodiscard]] std::size_t waiting_count() const { return waiting_count_; }

 private:
  enum class State : std::uint8_t { opening, open, leaving, closed };
  /// What the broker has been asked about a name; its answer is awaited before anything else is.
  enum class Asked : std::uint8_t { nothing, lock, conversion };
  struct Waiter {
    LockTicket ticket = 0;
    LockMode mode = LockMode::shared;
    bool conversion = false;  ///< asked by convert_up()
    bool at_once = false;     ///< a conversion that does not wait in line
    MonoTime deadline{};
  };
  using Alarms = std::multimap<MonoTime, const LockName*>;
  struct Lock {
    std::optional<Grant> grant;
    std::uint32_t uses = 0;
    MonoTime idle_since{};             ///< of a shared lock without uses
    std::optional<LockMode> recalled;  ///< the strongest mode that somebody else, or we, want
    Asked asked = Asked::nothing;
    bool withdrawn = false;  ///< the broker was told that we no longer wait
    std::vector<Waiter> waiters;
    std::optional<Alarms::iterator> alarm;
  };
  using Locks = std::unordered_map<LockName, Lock, LockNameHash>;
  struct SentHeartbeat {
    std::uint64_t number = 0;
    MonoTime at{};
  };

  void on_welcome(const Envelope& from, const LockWelcome& welcome, MonoTime now);
  void on_heartbeat_ack(const LockHeartbeatAck& ack, MonoTime now);
  void on_ended(const Envelope& from, const LockEnded& ended, MonoTime now);
  /// A later broker has taken the session over: tells it of every lock, then asks anew.
  void resume(MonoTime now);
  void on_answer(const LockAnswer& answer, MonoTime now);
  void on_granted(Locks::iterator at, const Grant& grant, MonoTime now);
  void on_recall(Locks::iterator at, LockToken token, LockMode wanted);

  void send_hello(MonoTime now);
  void send_heartbeat(MonoTime now);
  void flush_stream();
  template <typename Message>
  void send(const Message& message);

  /// Ends the session when its lease is over.
  void check_lease(MonoTime now);
  void lose(std::string why, MonoTime now);
  /// advance() for every name.
  void advance_all();
  void close();

  /// Does for a name whatever can be done now: grants from what is held, asks the broker, gives
  /// back, withdraws, sets the alarm, forgets the name.
  void advance(Locks::iterator at);
  void grant_waiters(Locks::iterator at);
  void ask(Locks::iterator at);
  void request(LockRequest::Op op, const LockName& name, const Lock& lock);
  void give_back(Locks::iterator at, LockEnd end, std::optional<LockValue> value);
  void set_alarm(Locks::iterator at);
  void on_alarm(Locks::iterator at, MonoTime now);
  /// Refuses those waiters of a name for which `refused(waiter)` holds.
  template <typename Which>
  void refuse(const LockName& name, Lock& lock, Error::Kind kind, std::string_view why,
              Which&& which);

  LockSessionOptions options_;
  State state_ = State::opening;
  InstanceId broker_ = any_instance;
  LockToken session_ = 0;
  BrokerEpoch highest_;
  bool resuming_ = false;  ///< a later broker is asked to take the session over; no more is sent
  std::uint64_t reclaims_until_ = 0;  ///< number of the last message that reclaims; 0: none did
  nanoseconds ttl_{0};
  MonoTime lease_until_{};

  std::uint64_t hello_number_ = 0;
  int hello_attempts_ = 0;  ///< since there was a session
  MonoTime hello_sent_{};
  MonoTime next_hello_{};
  std::uint64_t heartbeat_number_ = 0;
  std::deque<SentHeartbeat> heartbeats_;  ///< not acknowledged yet
  MonoTime next_heartbeat_{};
  std::size_t unseen_bytes_ = 0;  ///< of answers, since the broker was last told what we saw

  OrderedStream stream_;
  Locks locks_;
  Alarms alarms_;
  std::size_t held_count_ = 0;
  std::size_t waiting_count_ = 0;
  std::vector<Bytes> frames_;
  std::vector<LockEvent> events_;
};

}  // namespace mas
