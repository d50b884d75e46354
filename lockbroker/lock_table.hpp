#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <list>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <unordered_map>
#include <utility>
#include <variant>
#include <vector>

#include "base/time_types.hpp"
#include "wire/lock_messages.hpp"
#include "wire/lock_report.hpp"
#include "wire/lock_types.hpp"

namespace mas {

/// Somebody asks for a session; SessionOpened or SessionRefused answers.
struct OpenSession {
  std::uint64_t asker = 0;  ///< the caller's own number for whoever asks; comes back
};
/// Asks for the session that an earlier broker gave, with the locks that it is about to reclaim;
/// SessionOpened answers with the same token, or SessionRefused where it is too late for that.
struct ResumeSession {
  std::uint64_t asker = 0;
  LockToken session = 0;
};
/// A heartbeat of a session; Renewed answers, unless the session is unknown or overdue.
struct RenewSession {
  LockToken session = 0;
  std::uint64_t number = 0;  ///< comes back
};
/// The session ends in order: shared locks are let go, a writer's lock still held counts as an
/// unclean end.
struct CloseSession {
  LockToken session = 0;
};
/// Its process is known to be gone: as if its time to live were over.
struct ExpireSession {
  LockToken session = 0;
};
/// It broke a rule: it is not renewed any more and asks in vain. What it holds stays held until its
/// time to live is over, as its client may not have heard of it and go by its lease.
struct CondemnSession {
  LockToken session = 0;
};
/// What a session asks about a name.
struct LockEventRequest {
  LockToken session = 0;
  const LockRequest* request = nullptr;  ///< lives until on() returns
};
/// Only time passed. Due no later than next_deadline().
struct TimePassed {};

using LockTableEvent = std::variant<OpenSession, ResumeSession, RenewSession, CloseSession,
                                    ExpireSession, CondemnSession, LockEventRequest, TimePassed>;

struct SessionOpened {
  std::uint64_t asker = 0;
  LockToken session = 0;
};
struct SessionRefused {
  std::uint64_t asker = 0;
};
struct SessionRenewed {
  LockToken session = 0;
  std::uint64_t number = 0;
};
/// The session was condemned; its client is to be told to forget it.
struct SessionCondemned {
  LockToken session = 0;
};
/// Nothing is held by this session any more.
struct SessionGone {
  enum class Why : std::uint8_t { closed, expired };
  LockToken session = 0;
  Why why = Why::closed;
  milliseconds silent{0};        ///< since it was last renewed
  std::uint64_t locks_lost = 0;  ///< append and exclusive locks that ended uncleanly
};
/// To be told to a session.
struct AnswerSession {
  LockToken session = 0;
  LockAnswer answer;
};
/// For the log: a holder does not honour a recall; its session is not renewed until it does.
struct RecallOverdue {
  LockToken session = 0;
  LockName name;
  LockMode wanted = LockMode::shared;
};

/// For the log: somebody has waited long for a holder that was recalled.
struct WaitLong {
  LockToken holder = 0;  ///< its session
  LockName name;
  LockMode held = LockMode::shared;
  LockMode wanted = LockMode::shared;
  std::size_t waiters = 0;
  milliseconds waited{0};  ///< since the recall
};

using LockTableAction =
    std::variant<SessionOpened, SessionRefused, SessionRenewed, SessionCondemned, SessionGone,
                 AnswerSession, RecallOverdue, WaitLong>;

/// How a LockTable behaves; the defaults are the broker's.
struct LockTableOptions {
  milliseconds lease_ttl{3000};   ///< silence that ends a session
  milliseconds minimum_hold{20};  ///< a writer's lock is not recalled earlier for another writer
  milliseconds long_wait{1000};   ///< after its recall a holder is named in the log
  std::uint32_t epoch = 1;        ///< of this life of the broker, higher than any before; not 0
  /// Leases given by an earlier broker may be alive until then: nothing is granted, and its
  /// sessions may be resumed and their locks reclaimed.
  MonoTime grants_from{};
  /// Whether an earlier broker may have left locks that did not end cleanly: then a name not heard
  /// of yet counts as one of those.
  bool after_unclean_stop = false;
  std::size_t sessions_max = 4096;
  std::size_t waiters_per_name_max = 16384;
  std::size_t names_per_session_max = std::size_t{1} << 22;
  /// Names that nobody holds or awaits, remembered only for how they ended. Beyond it all of them
  /// are forgotten, and from then on count as ended uncleanly: safe, and costs a look at the disk.
  std::size_t remembered_names_max = std::size_t{1} << 20;
};

/// How long requests waited until they were granted, as a Prometheus histogram.
struct WaitHistogram {
  static constexpr std::array<milliseconds, 8> bounds{
      milliseconds{1},   milliseconds{5},    milliseconds{20},   milliseconds{100},
      milliseconds{500}, milliseconds{1000}, milliseconds{2500}, milliseconds{10'000}};
  std::array<std::uint64_t, bounds.size() + 1> counts{};  ///< the last: longer than all bounds
  nanoseconds sum{0};

  void add(nanoseconds waited);
};

/// Figures for /metrics; counters only go up.
struct LockTableFigures {
  std::size_t sessions = 0;
  std::size_t names = 0;
  std::size_t holders = 0;
  std::size_t waiters = 0;
  std::uint64_t grants = 0;
  std::uint64_t recalls = 0;
  std::uint64_t writer_turns = 0;  ///< recalls of a writer for another writer: thrash shows here
  std::uint64_t refusals = 0;
  std::uint64_t expiries = 0;
  std::uint64_t unclean_ends = 0;
  std::uint64_t reclaims = 0;  ///< locks that outlived a restart of the broker
  WaitHistogram waits;
};

/// Grants named locks to sessions. No socket, clock or thread.
///
/// Invariants, checked by verify(): holders of a name never conflict; whoever waits first could
/// not be granted; nobody passes a conflicting waiter. A session's locks end no earlier than its
/// time to live after its last renewal. Tokens strictly increase.
/// After a restart, sessions of the broker before may be resumed and their locks reclaimed, until
/// the first grant. By then every lease that it gave has either been taken over by us or is over.
/// A name that nobody holds or awaits costs nothing, unless its last writer ended otherwise than
/// names do by default; its value is then forgotten.
///
/// Thread-safety: one owner. Sources: Gray and Cheriton, "Leases", SOSP 1989 (leases); Kronenberg
/// et al., "VAXclusters", TOCS 1986 (modes, conversion, value block); GFS2's glocks (minimum hold).
class LockTable {
 public:
  explicit LockTable(LockTableOptions options);

  /// `now` never decreases. Appends to `out` in sending order.
  void on(const LockTableEvent& event, MonoTime now, std::vector<LockTableAction>& out);

  /// When TimePassed is due next. With nothing due it is still a fraction of the time to live
  /// ahead, as the table notices by a missed beat that the broker itself stood still.
  [[nodiscard]] MonoTime next_deadline() const;

  /// Tokens go on in a higher epoch, which has been made durable.
  void raise_epoch(std::uint32_t epoch);
  /// As at a start after an unclean stop: nothing is granted until `grants_from`, and names that
  /// no writer holds count as ended uncleanly. For when our epoch turns out to be older than
  /// another broker's was, whose leases may be alive. Never shortens a wait that was longer
  /// already.
  void distrust_past(MonoTime grants_from);
  /// Whether locks are granted by now.
  [[nodiscard]] bool granting() const { return granting_; }
  [[nodiscard]] std::uint32_t epoch() const { return epoch_of(next_token_); }

  /// Whether no token of this epoch is left, nearly; raise it then.
  [[nodiscard]] bool epoch_used_up() const;

  /// No session is left, so nobody holds anything: the next broker need not wait.
  [[nodiscard]] bool no_leases() const { return sessions_.empty(); }
  /// Every name without a holder ended cleanly, also those that were never heard of.
  [[nodiscard]] bool names_clean() const;
  [[nodiscard]] bool knows(LockToken session) const { return sessions_.count(session) != 0; }
  [[nodiscard]] const LockTableFigures& figures() const { return figures_; }

  /// For reports (lock_report.cpp): all sessions, without their workers' names.
  void each_session(MonoTime now, const std::function<void(const LockSessionRow&)>& take) const;
  /// For reports: names from a place on, 0 at first, until `take` wants no more (then that name is
  /// the next) or `steps_max` were looked at. Only what is `wanted` is made a row. Gives the place
  /// to go on from, 0 at the end; what comes or goes meanwhile may be missed or be there twice.
  [[nodiscard]] std::uint64_t each_name(
      std::uint64_t from, std::size_t steps_max,
      const std::function<bool(const LockName&, bool awaited)>& wanted, MonoTime now,
      const std::function<bool(const LockNameRow&)>& take) const;

  /// Aborts when an invariant is broken. Walks everything: for tests.
  void verify() const;

 private:
  struct Holder {
    LockToken session = 0;
    LockToken token = 0;
    MonoTime granted{};
    MonoTime recalled_at{};
    std::uint32_t place = 0;           ///< in its session's held
    std::optional<LockMode> recalled;  ///< strongest mode it was recalled for
    LockMode mode = LockMode::shared;
    bool converting = false;  ///< append that waits to become exclusive
    bool overdue = false;     ///< counted in its session's overdue
    bool kept = false;        ///< it said that it works on: never overdue
    bool told_long = false;   ///< it was named in the log
  };
  struct Waiter {
    LockToken session = 0;
    MonoTime since{};
    std::uint32_t place = 0;  ///< in its session's awaited
    LockMode mode = LockMode::shared;
  };
  /// A million of these are to be held at once, so each member counts.
  struct Name {
    std::vector<Holder> holders;
    std::list<Waiter> waiters;
    std::unique_ptr<const std::string> value;  ///< null: not valid
    bool ended_clean = false;                  ///< the last writer
    bool remembered = false;                   ///< unused, kept only for how it ended
  };
  using Names = std::unordered_map<LockName, Name, LockNameHash>;
  using Entry = Names::value_type;  ///< stays where it is until it is erased
  struct Session {
    MonoTime opened{};
    MonoTime renewed{};
    MonoTime expires{};
    std::size_t overdue = 0;  ///< recalls it does not honour
    bool condemned = false;
    // In no order that means anything, but one that replays. Holders and waiters know their places.
    std::vector<Entry*> held;
    std::vector<Entry*> awaited;
  };
  using Actions = std::vector<LockTableAction>;

  void open(const OpenSession& event, MonoTime now, Actions& out);
  void resume(const ResumeSession& event, MonoTime now, Actions& out);
  void add_session(LockToken token, std::uint64_t asker, MonoTime now, Actions& out);
  void renew(const RenewSession& event, MonoTime now, Actions& out);
  void end(LockToken session, SessionGone::Why why, MonoTime now, Actions& out);
  void condemn(LockToken session, Actions& out);
  void pass_time(MonoTime now, Actions& out);

  void request(LockToken session, const LockRequest& request, MonoTime now, Actions& out);
  void acquire(LockToken session, const LockRequest& request, MonoTime now, Actions& out);
  void cancel(LockToken session, const LockRequest& request, MonoTime now, Actions& out);
  void reclaim(LockToken session, const LockRequest& request, MonoTime now, Actions& out);
  void release(Entry& name, Holder& holder, const LockRequest& request);
  void convert_down(Name& name, Holder& holder, const LockRequest& request);
  void convert_up(Entry& name, Holder& holder, bool wait, Actions& out);
  void unable(Entry& name, Holder& holder, Actions& out);
  void keep(const LockName& name, Holder& holder);

  /// The name's entry, new or as it was; settle() it in the end.
  Entry& entry(const LockName& name);
  Holder& add_holder(Entry& name, LockToken session, LockMode mode, LockToken token, MonoTime now);
  void remove_holder(Entry& name, LockToken session);
  std::list<Waiter>::iterator remove_waiter(Entry& name, std::list<Waiter>::iterator waiter);

  /// Grants what can be granted, recalls what stands in the way, forgets the name if it is unused.
  void settle(Entry& name, MonoTime now, Actions& out);
  void grant_waiters(Entry& name, MonoTime now, Actions& out);
  /// Recalls every holder but `wanting` that conflicts with `wanted`, as soon as it may be.
  void recall_for(Entry& name, LockMode wanted, LockToken wanting, MonoTime now, Actions& out);
  /// Of a holder that was recalled and still holds: names it in the log, lets it expire.
  void follow_recall(Entry& name, Holder& holder, MonoTime now, Actions& out);
  void forget_if_unused(Entry& name);
  [[nodiscard]] static Grant grant_of(const Holder& holder, const Name& name);
  void forget_all_remembered();
  /// The holder has done what it was recalled for, or said why not.
  void settle_recall(Holder& holder);
  void clear_overdue(Holder& holder);
  void refuse(LockToken session, const LockName& name, LockRefusal why, Actions& out);
  void refuse_conversion(Holder& holder, const LockName& name, LockRefusal why, Actions& out);
  [[nodiscard]] LockToken draw_token();

  LockTableOptions options_;
  LockToken next_token_;
  std::uint32_t first_epoch_;  ///< sessions of an earlier one are of an earlier broker
  bool granting_ = false;
  bool resumable_ = true;  ///< nothing was granted yet, so nothing can have changed hands
  bool default_clean_;
  MonoTime beat_{};         ///< the last TimePassed
  bool beating_ = false;    ///< there was one
  MonoTime expire_from_{};  ///< no session expires earlier
  std::unordered_map<LockToken, Session> sessions_;
  std::set<std::pair<MonoTime, LockToken>> expiries_;
  Names names_;
  std::size_t remembered_ = 0;                      ///< names without holder or waiter
  std::set<std::pair<MonoTime, LockName>> timers_;  ///< names to settle again: holds, overdue
  LockTableFigures figures_;
};

}  // namespace mas
