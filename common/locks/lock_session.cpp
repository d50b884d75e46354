#include "locks/lock_session.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "base/check.hpp"

namespace mas {
namespace {

/// Heartbeats per time to live: two may be lost, and a third late, before the lease is.
constexpr int heartbeats_per_ttl = 4;
/// One part in this many of the time to live is given away, for clocks that run differently (by far
/// less) and for the time between a check of the lease and what is done on its strength.
constexpr int margin_parts = 20;
/// Answers taken in before the broker is told so without waiting for the next heartbeat.
constexpr std::size_t unseen_bytes_max = MiB;
/// Heartbeats on their way at most; older ones could not prolong a lease any more.
constexpr std::size_t heartbeats_max = 64;
/// A conversion that does not wait is answered by the broker at once; this only bounds a silence.
constexpr seconds at_once_wait{5};

}  // namespace

LockSession::LockSession(LockSessionOptions options, MonoTime now)
    : options_(std::move(options)), next_hello_(now) {
  MAS_CHECK(options_.instance != any_instance);
  if (options_.worker.size() > lock_worker_bytes_max) options_.worker.resize(lock_worker_bytes_max);
}

// --- Asked by the user.

void LockSession::acquire(const LockName& name, LockMode mode, LockTicket ticket,
                          milliseconds wait_max, MonoTime now) {
  acquire(std::span(&name, 1), mode, ticket, wait_max, now);
}

void LockSession::acquire(std::span<const LockName> names, LockMode mode, LockTicket ticket,
                          milliseconds wait_max, MonoTime now) {
  check_lease(now);
  for (const auto& name : names) {
    if (name.text.empty() || name.text.size() > lock_name_bytes_max) {
      events_.emplace_back(
          LockRefused{ticket, name,
                      Error{Error::invalid, fmt::format("a lock's name has 1 to {} bytes, not {}",
                                                        lock_name_bytes_max, name.text.size())}});
      continue;
    }
    if (state_ == State::leaving || state_ == State::closed) {
      events_.emplace_back(LockRefused{ticket, name, Error{Error::lost, "said goodbye"}});
      continue;
    }
    const auto at = locks_.try_emplace(name).first;
    Waiter waiter;
    waiter.ticket = ticket;
    waiter.mode = mode;
    waiter.deadline = now + wait_max;
    at->second.waiters.push_back(waiter);
    ++waiting_count_;
    advance(at);
  }
}

const Grant* LockSession::held(const LockName& name) const {
  const auto at = locks_.find(name);
  return at == locks_.end() || !at->second.grant ? nullptr : &*at->second.grant;
}

const Grant* LockSession::begin_use(const LockName& name, MonoTime now) {
  check_lease(now);
  const auto at = locks_.find(name);
  if (at == locks_.end()) return nullptr;
  auto& lock = at->second;
  if (!lock.grant || lock.recalled) return nullptr;
  ++lock.uses;
  return &*lock.grant;
}

void LockSession::end_use(const LockName& name, LockToken token, MonoTime now) {
  const auto at = locks_.find(name);
  if (at == locks_.end()) return;
  auto& lock = at->second;
  if (!lock.grant || lock.grant->token != token || lock.uses == 0) return;
  if (--lock.uses > 0) return;
  lock.idle_since = now;
  advance(at);
}

void LockSession::release(const LockName& name, MonoTime now, LockEnd end,
                          std::optional<LockValue> value) {
  check_lease(now);
  const auto at = locks_.find(name);
  if (at == locks_.end() || !at->second.grant) return;
  give_back(at, end, std::move(value));
  advance(at);
}

void LockSession::convert_down(const LockName& name, LockMode mode, MonoTime now,
                               std::optional<LockValue> value) {
  check_lease(now);
  const auto at = locks_.find(name);
  if (at == locks_.end() || !at->second.grant || at->second.grant->mode <= mode) return;
  auto& lock = at->second;
  lock.grant->mode = mode;
  lock.grant->previous_end_clean = true;
  if (value) lock.grant->value = *value;
  lock.idle_since = now;
  LockRequest down;
  down.op = LockRequest::Op::convert_down;
  down.name = name;
  down.token = lock.grant->token;
  down.mode = mode;
  down.value = std::move(value);
  stream_.push(down);
  if (lock.recalled && compatible(mode, *lock.recalled)) lock.recalled.reset();
  if (lock.asked == Asked::conversion) {
    // It was append and is shared now; the broker drops the conversion without an answer.
    lock.asked = Asked::nothing;
    lock.withdrawn = false;
    refuse(name, lock, Error::busy, "converted down meanwhile",
           [](const Waiter& waiter) { return waiter.conversion; });
  }
  advance(at);
}

void LockSession::convert_up(const LockName& name, LockTicket ticket, milliseconds wait_max,
                             MonoTime now) {
  check_lease(now);
  const auto at = locks_.find(name);
  if (at == locks_.end() || !at->second.grant || !is_writer(at->second.grant->mode)) {
    events_.emplace_back(LockRefused{
        ticket, name, Error{Error::lost, to_text(name) + " is not held as append any more"}});
    return;
  }
  Waiter waiter;
  waiter.ticket = ticket;
  waiter.mode = LockMode::exclusive;
  waiter.conversion = true;
  waiter.at_once = wait_max <= milliseconds{0};
  waiter.deadline = now + (waiter.at_once ? nanoseconds{at_once_wait} : nanoseconds{wait_max});
  auto& lock = at->second;
  lock.waiters.push_back(waiter);
  ++waiting_count_;
  if (lock.recalled && lock.grant->mode != LockMode::exclusive) {
    refuse(name, lock, Error::busy, "somebody else wants it",
           [](const Waiter& w) { return w.conversion; });
  }
  advance(at);
}

void LockSession::unable(const LockName& name) {
  const auto at = locks_.find(name);
  if (at == locks_.end()) return;
  auto& lock = at->second;
  if (!lock.grant || !lock.recalled || !is_writer(lock.grant->mode)) return;
  lock.recalled.reset();
  request(LockRequest::Op::unable, name, lock);
  advance(at);
}

void LockSession::keep(const LockName& name) {
  const auto at = locks_.find(name);
  if (name.space != LockSpace::user || at == locks_.end()) return;
  if (at->second.grant && at->second.recalled) request(LockRequest::Op::keep, name, at->second);
}

void LockSession::cancel(LockTicket ticket) {
  for (auto at = locks_.begin(); at != locks_.end();) {
    const auto here = at++;  // advance() may forget the name
    const auto gone = std::erase_if(here->second.waiters,
                                    [&](const Waiter& waiter) { return waiter.ticket == ticket; });
    if (gone == 0) continue;
    waiting_count_ -= gone;
    advance(here);
  }
}

void LockSession::goodbye(MonoTime now) {
  check_lease(now);
  if (state_ == State::leaving || state_ == State::closed) return;
  for (auto& [name, lock] : locks_) {
    refuse(name, lock, Error::lost, "said goodbye", [](const Waiter&) { return true; });
  }
  // What is left of locks ends with the session: shared ones in order, others uncleanly.
  locks_.clear();
  alarms_.clear();
  held_count_ = 0;
  if (state_ == State::opening) return close();
  state_ = State::leaving;
  resuming_ = false;
  send_heartbeat(now);
}

// --- Frames and time.

Result<void> LockSession::on_frame(ByteView frame, MonoTime now) {
  check_lease(now);
  Decoder in(frame);
  const auto from = decode_envelope(in);
  if (!from) return pass_on(from);
  if (from->cluster != options_.cluster) return fail(Error::invalid, "of another cluster");
  if (from->to != options_.instance) return fail(Error::invalid, "for another life of ours");
  const bool live = state_ == State::open || state_ == State::leaving;
  switch (static_cast<LockMessage>(from->type)) {
    case LockMessage::welcome: {
      LockWelcome welcome;
      if (auto read = decode(in, welcome); !read) return read;
      const bool asked = state_ == State::opening || resuming_;
      if (!asked || welcome.number != hello_number_) return {};  // too late
      if (welcome.epoch < highest_.epoch) {
        return fail(Error::invalid, "a broker of epoch {}, but there was one of {}", welcome.epoch,
                    highest_.epoch);
      }
      on_welcome(*from, welcome, now);
      return {};
    }
    case LockMessage::heartbeat_ack: {
      LockHeartbeatAck ack;
      if (auto read = decode(in, ack); !read) return read;
      if (live && from->from == broker_ && ack.session == session_) on_heartbeat_ack(ack, now);
      return {};
    }
    case LockMessage::answers: {
      LockItems answers;
      if (auto read = decode_answers(in, answers); !read) return read;
      if (!live || from->from != broker_ || answers.session != session_) return {};
      stream_.on_seen(answers.seen);
      if (!stream_.take_in(answers.number)) return {};
      ByteReader items(answers.items);
      LockAnswer answer;
      while (next_item(items, answer)) on_answer(answer, now);
      unseen_bytes_ += answers.items.size();
      if (unseen_bytes_ > unseen_bytes_max) send_heartbeat(now);
      return {};
    }
    case LockMessage::ended: {
      LockEnded ended;
      if (auto read = decode(in, ended); !read) return read;
      on_ended(*from, ended, now);
      return {};
    }
    default:
      return fail(Error::invalid, "message of type {}", from->type);
  }
}

void LockSession::learn(const BrokerEpoch& known) {
  if (known.epoch > highest_.epoch) highest_ = known;
}

void LockSession::on_time(MonoTime now) {
  check_lease(now);
  const bool asking = state_ == State::opening || resuming_;
  const bool live = state_ == State::open || state_ == State::leaving;
  if (asking && now >= next_hello_) send_hello(now);
  if (!asking && live && now >= next_heartbeat_) send_heartbeat(now);
  while (!alarms_.empty() && alarms_.begin()->first <= now) {
    on_alarm(locks_.find(*alarms_.begin()->second), now);
  }
}

MonoTime LockSession::next_deadline() const {
  auto due = MonoTime::max();
  if (!alarms_.empty()) due = alarms_.begin()->first;
  const bool asking = state_ == State::opening || resuming_;
  if (asking) due = std::min(due, next_hello_);
  if (state_ == State::open || state_ == State::leaving) {
    due = std::min(due, lease_until_);
    if (!asking) due = std::min(due, next_heartbeat_);
  }
  return due;
}

void LockSession::take_frames(std::vector<Bytes>& out) {
  flush_stream();
  std::move(frames_.begin(), frames_.end(), std::back_inserter(out));
  frames_.clear();
}

void LockSession::take_events(std::vector<LockEvent>& out) {
  std::move(events_.begin(), events_.end(), std::back_inserter(out));
  events_.clear();
}

// --- The session and its lease.

void LockSession::send_hello(MonoTime now) {
  ++hello_number_;
  hello_sent_ = now;
  // Each attempt takes the place of the one before it, so a slow broker needs longer ones.
  next_hello_ = now + options_.hello_interval * (1 << std::min(hello_attempts_++, 2));
  send(LockHello{hello_number_, highest_.epoch, highest_.broker,
                 static_cast<std::uint32_t>(highest_.lease_ttl.count()), options_.worker,
                 session_});
}

void LockSession::on_welcome(const Envelope& from, const LockWelcome& welcome, MonoTime now) {
  const nanoseconds ttl = milliseconds{welcome.ttl_ms};
  if (resuming_) {
    if (welcome.session == session_) {
      broker_ = from.from;
      highest_ = {welcome.epoch, from.from, milliseconds{welcome.ttl_ms}};
      ttl_ = ttl;
      return resume(now);
    }
    lose("the lock broker restarted and did not take the session over", now);
  }
  const auto until = hello_sent_ + ttl - ttl / margin_parts;
  if (now >= until) return;  // over before it began; the next hello asks again
  state_ = State::open;
  hello_attempts_ = 0;
  broker_ = from.from;
  session_ = welcome.session;
  highest_ = {welcome.epoch, from.from, milliseconds{welcome.ttl_ms}};
  ttl_ = ttl;
  lease_until_ = until;
  next_heartbeat_ = hello_sent_ + ttl_ / heartbeats_per_ttl;
  heartbeat_number_ = 0;
  heartbeats_.clear();
  unseen_bytes_ = 0;
  stream_ = OrderedStream{};
  reclaims_until_ = 0;
  events_.emplace_back(LockSessionOpened{session_});
  advance_all();  // what waited for a session is asked for now
}

void LockSession::on_ended(const Envelope& from, const LockEnded& ended, MonoTime now) {
  // From whichever broker, unless it is older than ours.
  const bool live = state_ == State::open || state_ == State::leaving;
  if (!live || ended.session != session_ || ended.epoch < highest_.epoch) return;
  if (state_ == State::leaving) return close();
  if (ended.why != LockSessionEnd::unknown) {
    return lose("the lock broker refused the session", now);
  }
  if (ended.epoch > highest_.epoch) {
    // A new broker. It takes the session over if it hears of it before it grants anything.
    highest_ = {ended.epoch, from.from, highest_.lease_ttl};
    resuming_ = true;
    broker_ = any_instance;
    hello_attempts_ = 0;
    next_hello_ = now;
    return;
  }
  if (resuming_) return;  // said of a message from before
  lose("the lock broker does not know the session", now);
}

void LockSession::resume(MonoTime now) {
  resuming_ = false;
  heartbeat_number_ = 0;
  heartbeats_.clear();
  unseen_bytes_ = 0;
  stream_ = OrderedStream{};
  for (auto& [name, lock] : locks_) {
    // What the broker before was asked, this one was not.
    lock.asked = Asked::nothing;
    lock.withdrawn = false;
    if (!lock.grant) continue;
    LockRequest reclaim;
    reclaim.op = LockRequest::Op::reclaim;
    reclaim.name = name;
    reclaim.token = lock.grant->token;
    reclaim.mode = lock.grant->mode;
    reclaim.end = lock.grant->previous_end_clean ? LockEnd::clean : LockEnd::unclean;
    reclaim.value = lock.grant->value;
    stream_.push(reclaim);
  }
  reclaims_until_ = stream_.kept();
  advance_all();
  send_heartbeat(now);
}

void LockSession::advance_all() {
  std::vector<LockName> names;  // advance() may forget one
  names.reserve(locks_.size());
  for (const auto& [name, lock] : locks_) names.push_back(name);
  for (const auto& name : names) advance(locks_.find(name));
}

void LockSession::send_heartbeat(MonoTime now) {
  // The state of the streams that it tells counts what was sent before it.
  flush_stream();
  LockHeartbeat heartbeat;
  heartbeat.session = session_;
  heartbeat.number = ++heartbeat_number_;
  heartbeat.stream = stream_.state();
  heartbeat.leaving = state_ == State::leaving;
  send(heartbeat);
  heartbeats_.push_back({heartbeat_number_, now});
  if (heartbeats_.size() > heartbeats_max) heartbeats_.pop_front();
  next_heartbeat_ =
      now + (heartbeat.leaving ? nanoseconds{options_.hello_interval} : ttl_ / heartbeats_per_ttl);
  unseen_bytes_ = 0;
}

void LockSession::on_heartbeat_ack(const LockHeartbeatAck& ack, MonoTime now) {
  stream_.on_state(ack.stream);
  while (!heartbeats_.empty() && heartbeats_.front().number <= ack.number) {
    // Before it has taken in all that was reclaimed the broker does not back what we hold.
    if (heartbeats_.front().number == ack.number && ack.stream.seen >= reclaims_until_) {
      lease_until_ = std::max(lease_until_, heartbeats_.front().at + ttl_ - ttl_ / margin_parts);
    }
    heartbeats_.pop_front();
  }
  // Something got lost on its way here: ask for it now rather than with the next heartbeat. A
  // goodbye that was not accepted for the same reason is said again.
  if (stream_.behind() || (state_ == State::leaving && ack.stream.resend)) send_heartbeat(now);
}

void LockSession::check_lease(MonoTime now) {
  if (state_ != State::open && state_ != State::leaving) return;
  if (now < lease_until_) return;
  if (state_ == State::leaving) return close();
  lose("the lease is over", now);
}

void LockSession::lose(std::string why, MonoTime now) {
  state_ = State::opening;
  resuming_ = false;
  session_ = 0;
  broker_ = any_instance;
  // A welcome that is still under way would open this session once more, under the same token.
  ++hello_number_;
  next_hello_ = now;
  stream_ = OrderedStream{};
  held_count_ = 0;
  events_.emplace_back(LockSessionLost{std::move(why)});
  for (auto at = locks_.begin(); at != locks_.end();) {
    auto& lock = at->second;
    lock.grant.reset();
    lock.recalled.reset();
    lock.uses = 0;
    lock.asked = Asked::nothing;
    lock.withdrawn = false;
    refuse(at->first, lock, Error::lost, "the lock session is lost",
           [](const Waiter& waiter) { return waiter.conversion; });
    if (lock.waiters.empty()) {
      if (lock.alarm) alarms_.erase(*lock.alarm);
      at = locks_.erase(at);
    } else {
      ++at;
    }
  }
}

void LockSession::close() {
  state_ = State::closed;
  resuming_ = false;
  session_ = 0;
  events_.emplace_back(LockSessionClosed{});
}

template <typename Message>
void LockSession::send(const Message& message) {
  encode(frames_.emplace_back(), Envelope{0, options_.cluster, options_.instance, broker_},
         message);
}

void LockSession::flush_stream() {
  LockItems requests;
  requests.session = session_;
  // A broker that is only being asked to take the session over could make nothing of it.
  if (resuming_) return;
  while (stream_.next_to_send(requests)) {
    encode(frames_.emplace_back(), Envelope{0, options_.cluster, options_.instance, broker_},
           LockMessage::requests, requests);
  }
}

// --- One name.

void LockSession::on_answer(const LockAnswer& answer, MonoTime now) {
  using Op = LockAnswer::Op;
  if (state_ != State::open) return;  // leaving: all ends with the session
  const auto at = locks_.find(answer.name);
  if (at == locks_.end()) return;
  auto& lock = at->second;
  switch (answer.op) {
    case Op::granted:
      if (lock.asked == Asked::lock) on_granted(at, answer.grant, now);
      break;
    case Op::refused:
      if (lock.asked != Asked::lock) break;
      lock.asked = Asked::nothing;
      if (!std::exchange(lock.withdrawn, false)) {
        refuse(at->first, lock, answer.why == LockRefusal::invalid ? Error::invalid : Error::busy,
               to_text(answer.why), [](const Waiter&) { return true; });
      }
      break;
    case Op::converted:
      if (lock.asked != Asked::conversion || !lock.grant ||
          lock.grant->token != answer.grant.token) {
        break;
      }
      lock.asked = Asked::nothing;
      lock.withdrawn = false;
      lock.grant = answer.grant;
      break;
    case Op::not_converted:
      if (lock.asked != Asked::conversion || !lock.grant ||
          lock.grant->token != answer.grant.token) {
        break;
      }
      lock.asked = Asked::nothing;
      if (!std::exchange(lock.withdrawn, false)) {
        refuse(at->first, lock, Error::busy, to_text(answer.why),
               [](const Waiter& waiter) { return waiter.mode == LockMode::exclusive; });
      }
      break;
    case Op::recall:
      on_recall(at, answer.grant.token, answer.wanted);
      break;
  }
  advance(at);
}

void LockSession::on_granted(Locks::iterator at, const Grant& grant, MonoTime now) {
  auto& lock = at->second;
  lock.asked = Asked::nothing;
  lock.withdrawn = false;
  lock.grant = grant;
  ++held_count_;
  lock.uses = 0;
  lock.idle_since = now;
  // Whoever wanted to write has given up meanwhile: nobody would ever release it.
  if (is_writer(grant.mode) &&
      std::none_of(lock.waiters.begin(), lock.waiters.end(),
                   [](const Waiter& waiter) { return is_writer(waiter.mode); })) {
    give_back(at, LockEnd::as_found, std::nullopt);
  }
}

void LockSession::on_recall(Locks::iterator at, LockToken token, LockMode wanted) {
  auto& lock = at->second;
  // It may have crossed our release or conversion on the way.
  if (!lock.grant || lock.grant->token != token || compatible(lock.grant->mode, wanted)) return;
  const bool known = lock.recalled && *lock.recalled >= wanted;
  if (!known) lock.recalled = wanted;
  // A use in the space user may last; that it does is what the broker is to be told (see keep()),
  // also when the lock was to go already because another use in this process wants more.
  const bool long_use = at->first.space == LockSpace::user && lock.uses > 0;
  if (long_use || (!known && is_writer(lock.grant->mode))) {
    events_.emplace_back(LockRecalled{at->first, wanted});
  }
}

void LockSession::advance(Locks::iterator at) {
  auto& lock = at->second;
  if (lock.grant && !lock.recalled) grant_waiters(at);
  if (lock.grant && !lock.recalled && !lock.waiters.empty() && lock.asked == Asked::nothing) {
    if (lock.grant->mode == LockMode::append) {
      ask(at);
    } else {
      // Shared becomes something stronger by way of letting go: two readers that both waited for
      // the other to let go would wait for ever. Until then it serves no new use.
      lock.recalled = LockMode::exclusive;
    }
  }
  if (lock.grant && lock.recalled && lock.grant->mode == LockMode::shared && lock.uses == 0) {
    give_back(at, LockEnd::clean, std::nullopt);
  }
  if (!lock.grant && !lock.waiters.empty() && lock.asked == Asked::nothing &&
      state_ == State::open) {
    ask(at);
  }
  if (lock.asked != Asked::nothing && lock.waiters.empty() && !lock.withdrawn) {
    lock.withdrawn = true;
    request(LockRequest::Op::cancel, at->first, lock);
  }
  if (!lock.grant && lock.waiters.empty() && lock.asked == Asked::nothing) {
    if (lock.alarm) alarms_.erase(*lock.alarm);
    locks_.erase(at);
    return;
  }
  set_alarm(at);
}

void LockSession::grant_waiters(Locks::iterator at) {
  auto& lock = at->second;
  const auto served = std::erase_if(lock.waiters, [&](const Waiter& waiter) {
    if (!covers(lock.grant->mode, waiter.mode)) return false;
    if (waiter.mode == LockMode::shared) ++lock.uses;
    events_.emplace_back(LockGranted{waiter.ticket, at->first, *lock.grant});
    return true;
  });
  waiting_count_ -= served;
}

void LockSession::ask(Locks::iterator at) {
  auto& lock = at->second;
  LockRequest asking;
  asking.name = at->first;
  if (lock.grant) {
    asking.op = LockRequest::Op::convert_up;
    asking.token = lock.grant->token;
    asking.wait = std::any_of(lock.waiters.begin(), lock.waiters.end(),
                              [](const Waiter& waiter) { return !waiter.at_once; });
    lock.asked = Asked::conversion;
  } else {
    // The strongest, as it serves all who wait.
    asking.op = LockRequest::Op::acquire;
    for (const auto& waiter : lock.waiters) asking.mode = std::max(asking.mode, waiter.mode);
    lock.asked = Asked::lock;
  }
  stream_.push(asking);
}

void LockSession::request(LockRequest::Op op, const LockName& name, const Lock& lock) {
  LockRequest asking;
  asking.op = op;
  asking.name = name;
  if (lock.grant) asking.token = lock.grant->token;
  stream_.push(asking);
}

void LockSession::give_back(Locks::iterator at, LockEnd end, std::optional<LockValue> value) {
  auto& lock = at->second;
  LockRequest giving;
  giving.op = LockRequest::Op::release;
  giving.name = at->first;
  giving.token = lock.grant->token;
  giving.end = end;
  giving.value = std::move(value);
  stream_.push(giving);
  lock.grant.reset();
  --held_count_;
  lock.recalled.reset();
  lock.uses = 0;
  if (lock.asked == Asked::conversion) {
    // Nobody is left to convert; the broker drops it without an answer.
    lock.asked = Asked::nothing;
    lock.withdrawn = false;
  }
  refuse(at->first, lock, Error::lost, "released meanwhile",
         [](const Waiter& waiter) { return waiter.conversion; });
}

template <typename Which>
void LockSession::refuse(const LockName& name, Lock& lock, Error::Kind kind, std::string_view why,
                         Which&& which) {
  const auto gone = std::erase_if(lock.waiters, [&](const Waiter& waiter) {
    if (!which(waiter)) return false;
    events_.emplace_back(
        LockRefused{waiter.ticket, name, Error{kind, fmt::format("{}: {}", to_text(name), why)}});
    return true;
  });
  waiting_count_ -= gone;
}

void LockSession::set_alarm(Locks::iterator at) {
  auto& lock = at->second;
  auto due = MonoTime::max();
  for (const auto& waiter : lock.waiters) due = std::min(due, waiter.deadline);
  if (lock.grant && lock.grant->mode == LockMode::shared && lock.uses == 0) {
    due = std::min(due, lock.idle_since + options_.shared_idle_max);
  }
  // An alarm that rings too early looks again; moving it on each use would cost more.
  if (due == MonoTime::max() || (lock.alarm && (*lock.alarm)->first <= due)) return;
  if (lock.alarm) alarms_.erase(*lock.alarm);
  lock.alarm = alarms_.emplace(due, &at->first);
}

void LockSession::on_alarm(Locks::iterator at, MonoTime now) {
  auto& lock = at->second;
  alarms_.erase(*lock.alarm);
  lock.alarm.reset();
  refuse(at->first, lock, Error::busy, "waited too long for the lock",
         [&](const Waiter& waiter) { return waiter.deadline <= now; });
  if (lock.grant && lock.grant->mode == LockMode::shared && lock.uses == 0 &&
      now >= lock.idle_since + options_.shared_idle_max && lock.asked == Asked::nothing) {
    give_back(at, LockEnd::clean, std::nullopt);
  }
  advance(at);
}

}  // namespace mas
