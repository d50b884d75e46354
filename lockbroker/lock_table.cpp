#include "lockbroker/lock_table.hpp"

#include <algorithm>

#include "base/check.hpp"

namespace mas {
namespace {

constexpr LockToken counter_mask = 0xffffffffU;
/// Tokens left in an epoch when the next one is asked for: more than any turn can give.
constexpr LockToken counter_reserve = LockToken{1} << 24;

constexpr LockToken first_token(std::uint32_t epoch) { return (LockToken{epoch} << 32) + 1; }

template <typename... Cases>
struct Overloaded : Cases... {
  using Cases::operator()...;
};
template <typename... Cases>
Overloaded(Cases...) -> Overloaded<Cases...>;

LockAnswer answer_to(LockAnswer::Op op, const LockName& name) {
  LockAnswer answer;
  answer.op = op;
  answer.name = name;
  return answer;
}

template <typename Holders>
auto holder_of(Holders& holders, LockToken session) {
  return std::find_if(holders.begin(), holders.end(),
                      [&](const auto& holder) { return holder.session == session; });
}

}  // namespace

LockTable::LockTable(LockTableOptions options)
    : options_(options),
      next_token_(first_token(options.epoch)),
      default_clean_(!options.after_unclean_stop) {
  MAS_CHECK(options_.epoch > 0);
  MAS_CHECK(options_.lease_ttl > milliseconds{0});
  // A holder must have time to honour the recall within its lease.
  options_.minimum_hold = std::min(options_.minimum_hold, options_.lease_ttl);
}

void LockTable::on(const LockTableEvent& event, MonoTime now, Actions& out) {
  std::visit(
      Overloaded{
          [&](const OpenSession& e) { open(e, now, out); },
          [&](const RenewSession& e) { renew(e, now, out); },
          [&](const CloseSession& e) { end(e.session, SessionGone::Why::closed, now, out); },
          [&](const ExpireSession& e) { end(e.session, SessionGone::Why::expired, now, out); },
          [&](const LockEventRequest& e) { request(e.session, *e.request, now, out); },
          [&](const TimePassed&) { pass_time(now, out); },
      },
      event);
}

// --- Sessions and time.

void LockTable::open(const OpenSession& event, MonoTime now, Actions& out) {
  if (sessions_.size() >= options_.sessions_max) {
    out.push_back(SessionRefused{event.asker});
    return;
  }
  const auto token = draw_token();
  auto& session = sessions_[token];
  session.renewed = now;
  session.expires = now + options_.lease_ttl;
  expiries_.emplace(session.expires, token);
  figures_.sessions = sessions_.size();
  out.push_back(SessionOpened{event.asker, token});
}

void LockTable::renew(const RenewSession& event, MonoTime now, Actions& out) {
  const auto at = sessions_.find(event.session);
  // Who does not honour a recall is left to expire.
  if (at == sessions_.end() || at->second.overdue > 0) return;
  auto& session = at->second;
  expiries_.erase({session.expires, event.session});
  session.renewed = now;
  session.expires = now + options_.lease_ttl;
  expiries_.emplace(session.expires, event.session);
  out.push_back(SessionRenewed{event.session, event.number});
}

void LockTable::end(LockToken token, SessionGone::Why why, MonoTime now, Actions& out) {
  const auto at = sessions_.find(token);
  if (at == sessions_.end()) return;
  const Session session = std::move(at->second);
  expiries_.erase({session.expires, token});
  sessions_.erase(at);
  figures_.sessions = sessions_.size();
  if (why == SessionGone::Why::expired) ++figures_.expiries;

  SessionGone gone{token, why, {}, 0};
  gone.silent = std::chrono::duration_cast<milliseconds>(now - session.renewed);
  std::vector<LockName> touched;
  for (const LockName* key : session.held) {
    const auto name = names_.find(*key);
    auto& holders = name->second.holders;
    const auto holder = holder_of(holders, token);
    if (is_writer(holder->mode)) {
      name->second.ended_clean = false;
      name->second.value = LockValue{};
      ++gone.locks_lost;
    }
    holders.erase(holder);
    --figures_.holders;
    touched.push_back(name->first);
  }
  for (const LockName* key : session.awaited) {
    const auto name = names_.find(*key);
    std::erase_if(name->second.waiters, [&](const Waiter& w) { return w.session == token; });
    --figures_.waiters;
    touched.push_back(name->first);
  }
  figures_.unclean_ends += gone.locks_lost;
  out.push_back(gone);
  for (const auto& name : touched) settle(names_.find(name), now, out);
}

void LockTable::pass_time(MonoTime now, Actions& out) {
  const auto ttl = options_.lease_ttl;
  if (beating_ && now - beat_ > ttl / 4) {
    // We stood still ourselves (stopped, or starved of the processor), so the sessions' heartbeats
    // may be queued anywhere between their hosts and us: give them time to come in.
    expire_from_ = now + ttl / 4;
  }
  beat_ = now;
  beating_ = true;

  if (!granting_ && now >= options_.grants_from) {
    granting_ = true;
    std::vector<LockName> waiting;
    for (const auto& [key, name] : names_) {
      if (!name.waiters.empty()) waiting.push_back(key);
    }
    std::sort(waiting.begin(), waiting.end());
    for (const auto& name : waiting) settle(names_.find(name), now, out);
  }
  while (!expiries_.empty() && expiries_.begin()->first <= now && now >= expire_from_) {
    end(expiries_.begin()->second, SessionGone::Why::expired, now, out);
  }
  while (!timers_.empty() && timers_.begin()->first <= now) {
    const auto name = names_.find(timers_.begin()->second);
    timers_.erase(timers_.begin());
    if (name != names_.end()) settle(name, now, out);
  }
}

MonoTime LockTable::next_deadline() const {
  auto due = beat_ + options_.lease_ttl / 8;
  if (!expiries_.empty()) due = std::min(due, std::max(expiries_.begin()->first, expire_from_));
  if (!timers_.empty()) due = std::min(due, timers_.begin()->first);
  if (!granting_) due = std::min(due, options_.grants_from);
  return due;
}

LockToken LockTable::draw_token() {
  MAS_CHECK((next_token_ & counter_mask) != counter_mask);
  return next_token_++;
}

void LockTable::raise_epoch(std::uint32_t epoch) {
  MAS_CHECK(epoch > this->epoch());
  next_token_ = first_token(epoch);
}

void LockTable::distrust_past(MonoTime grants_from) {
  granting_ = false;
  options_.grants_from = grants_from;
  forget_all_remembered();
}

bool LockTable::epoch_used_up() const {
  return (next_token_ & counter_mask) > counter_mask - counter_reserve;
}

bool LockTable::names_clean() const {
  if (!default_clean_) return false;
  return std::all_of(names_.begin(), names_.end(),
                     [](const auto& entry) { return entry.second.ended_clean; });
}

// --- Requests.

void LockTable::request(LockToken token, const LockRequest& request, MonoTime now, Actions& out) {
  using Op = LockRequest::Op;
  if (!knows(token)) return;
  if (request.op == Op::acquire) return acquire(token, request, now, out);
  if (request.op == Op::cancel) return cancel(token, request, now, out);

  const auto name = names_.find(request.name);
  if (name != names_.end()) {
    const auto holder = holder_of(name->second.holders, token);
    if (holder != name->second.holders.end() && holder->token == request.token) {
      switch (request.op) {
        case Op::release:
          release(name, *holder, request);
          break;
        case Op::convert_down:
          convert_down(name->second, *holder, request);
          break;
        case Op::convert_up:
          convert_up(name, *holder, request.wait, out);
          break;
        default:
          unable(name, *holder, out);
          break;
      }
      return settle(name, now, out);
    }
  }
  // Not held (any more). Only a conversion up awaits an answer.
  if (request.op == Op::convert_up) {
    auto answer = answer_to(LockAnswer::Op::not_converted, request.name);
    answer.grant.token = request.token;
    answer.why = LockRefusal::invalid;
    out.push_back(AnswerSession{token, std::move(answer)});
    ++figures_.refusals;
  }
}

void LockTable::acquire(LockToken token, const LockRequest& request, MonoTime now, Actions& out) {
  auto& session = sessions_.at(token);
  if (session.held.size() + session.awaited.size() >= options_.names_per_session_max) {
    return refuse(token, request.name, LockRefusal::busy, out);
  }
  const auto [at, is_new] = names_.try_emplace(request.name);
  auto& name = at->second;
  if (is_new) {
    name.ended_clean = default_clean_;
    figures_.names = names_.size();
  } else if (name.remembered) {
    name.remembered = false;
    --remembered_;
  } else if (session.held.count(&at->first) != 0 || session.awaited.count(&at->first) != 0) {
    return refuse(token, request.name, LockRefusal::invalid, out);
  }
  if (name.waiters.size() >= options_.waiters_per_name_max) {
    return refuse(token, request.name, LockRefusal::busy, out);
  }
  name.waiters.push_back(Waiter{token, request.mode});
  session.awaited.insert(&at->first);
  ++figures_.waiters;
  settle(at, now, out);
}

void LockTable::cancel(LockToken token, const LockRequest& request, MonoTime now, Actions& out) {
  const auto at = names_.find(request.name);
  if (at == names_.end()) return;
  auto& name = at->second;
  // What was granted meanwhile is answered already, by the grant.
  if (sessions_.at(token).awaited.erase(&at->first) != 0) {
    std::erase_if(name.waiters, [&](const Waiter& waiter) { return waiter.session == token; });
    --figures_.waiters;
    refuse(token, request.name, LockRefusal::cancelled, out);
  } else if (const auto holder = holder_of(name.holders, token);
             holder != name.holders.end() && holder->converting) {
    refuse_conversion(*holder, at->first, LockRefusal::cancelled, out);
  }
  settle(at, now, out);
}

void LockTable::release(Names::iterator at, Holder& holder, const LockRequest& request) {
  auto& name = at->second;
  if (is_writer(holder.mode)) {
    if (request.end == LockEnd::clean) {
      name.ended_clean = true;
      if (request.value) name.value = *request.value;
    } else if (request.end == LockEnd::unclean) {
      name.ended_clean = false;
      name.value = LockValue{};
      ++figures_.unclean_ends;
    }
  }
  settle_recall(holder);
  sessions_.at(holder.session).held.erase(&at->first);
  name.holders.erase(holder_of(name.holders, holder.session));
  --figures_.holders;
}

void LockTable::convert_down(Name& name, Holder& holder, const LockRequest& request) {
  if (request.mode >= holder.mode) return;
  name.ended_clean = true;
  if (request.value) name.value = *request.value;
  holder.mode = request.mode;
  holder.converting = false;
  // What remains may still be in somebody's way; then it is recalled anew.
  settle_recall(holder);
}

void LockTable::convert_up(Names::iterator at, Holder& holder, bool wait, Actions& out) {
  auto& name = at->second;
  if (holder.mode != LockMode::append || holder.converting) {
    refuse_conversion(holder, at->first, LockRefusal::invalid, out);
  } else if (holder.recalled || (!wait && (name.holders.size() > 1 || !name.waiters.empty()))) {
    refuse_conversion(holder, at->first, LockRefusal::contended, out);
  } else {
    holder.converting = true;
  }
}

void LockTable::unable(Names::iterator at, Holder& holder, Actions& out) {
  auto& name = at->second;
  std::erase_if(name.waiters, [&](const Waiter& waiter) {
    if (compatible(waiter.mode, holder.mode)) return false;
    sessions_.at(waiter.session).awaited.erase(&at->first);
    --figures_.waiters;
    refuse(waiter.session, at->first, LockRefusal::unable, out);
    return true;
  });
  for (auto& other : name.holders) {
    if (other.converting && other.session != holder.session) {
      refuse_conversion(other, at->first, LockRefusal::unable, out);
    }
  }
  settle_recall(holder);
}

void LockTable::settle_recall(Holder& holder) {
  holder.recalled.reset();
  if (holder.overdue) {
    holder.overdue = false;
    --sessions_.at(holder.session).overdue;
  }
}

void LockTable::refuse(LockToken session, const LockName& name, LockRefusal why, Actions& out) {
  auto answer = answer_to(LockAnswer::Op::refused, name);
  answer.why = why;
  out.push_back(AnswerSession{session, std::move(answer)});
  ++figures_.refusals;
}

void LockTable::refuse_conversion(Holder& holder, const LockName& name, LockRefusal why,
                                  Actions& out) {
  holder.converting = false;
  auto answer = answer_to(LockAnswer::Op::not_converted, name);
  answer.grant.token = holder.token;
  answer.why = why;
  out.push_back(AnswerSession{holder.session, std::move(answer)});
  ++figures_.refusals;
}

// --- Granting and recalling.

void LockTable::settle(Names::iterator at, MonoTime now, Actions& out) {
  if (granting_) {
    grant_waiters(at, now, out);
    auto& name = at->second;
    const auto converter = std::find_if(name.holders.begin(), name.holders.end(),
                                        [](const Holder& holder) { return holder.converting; });
    if (converter != name.holders.end()) {
      recall_for(at, LockMode::exclusive, converter->session, now, out);
    } else if (!name.waiters.empty()) {
      recall_for(at, name.waiters.front().mode, name.waiters.front().session, now, out);
    }
  }
  forget_if_unused(at);
}

void LockTable::grant_waiters(Names::iterator at, MonoTime now, Actions& out) {
  auto& name = at->second;
  for (;;) {
    const auto converter = std::find_if(name.holders.begin(), name.holders.end(),
                                        [](const Holder& holder) { return holder.converting; });
    if (converter != name.holders.end()) {
      if (name.holders.size() == 1) {
        converter->converting = false;
        converter->mode = LockMode::exclusive;
        auto answer = answer_to(LockAnswer::Op::converted, at->first);
        answer.grant = {converter->mode, converter->token, name.ended_clean, name.value};
        out.push_back(AnswerSession{converter->session, std::move(answer)});
        ++figures_.grants;
        continue;
      }
      if (!name.waiters.empty() && is_writer(name.waiters.front().mode)) {
        // Two writers that want the same name take turns instead of both waiting for the readers.
        refuse_conversion(*converter, at->first, LockRefusal::contended, out);
        continue;
      }
      return;
    }
    if (name.waiters.empty()) return;
    const Waiter head = name.waiters.front();
    const bool blocked =
        std::any_of(name.holders.begin(), name.holders.end(),
                    [&](const Holder& holder) { return !compatible(holder.mode, head.mode); });
    if (blocked) return;
    name.waiters.pop_front();
    --figures_.waiters;
    Holder holder;
    holder.session = head.session;
    holder.mode = head.mode;
    holder.token = draw_token();
    holder.granted = now;
    name.holders.push_back(holder);
    ++figures_.holders;
    auto& session = sessions_.at(head.session);
    session.awaited.erase(&at->first);
    session.held.insert(&at->first);
    auto answer = answer_to(LockAnswer::Op::granted, at->first);
    answer.grant = {holder.mode, holder.token, name.ended_clean, name.value};
    out.push_back(AnswerSession{head.session, std::move(answer)});
    ++figures_.grants;
  }
}

void LockTable::recall_for(Names::iterator at, LockMode wanted, LockToken wanting, MonoTime now,
                           Actions& out) {
  for (auto& holder : at->second.holders) {
    if (holder.session == wanting || compatible(holder.mode, wanted)) continue;
    if (!holder.recalled || *holder.recalled < wanted) {
      const bool for_writer = is_writer(holder.mode) && is_writer(wanted);
      const auto due = for_writer ? holder.granted + options_.minimum_hold : now;
      if (now < due) {
        timers_.emplace(due, at->first);
        continue;
      }
      holder.recalled = wanted;
      holder.recalled_at = now;
      timers_.emplace(now + options_.lease_ttl, at->first);
      auto answer = answer_to(LockAnswer::Op::recall, at->first);
      answer.grant.token = holder.token;
      answer.wanted = wanted;
      out.push_back(AnswerSession{holder.session, std::move(answer)});
      ++figures_.recalls;
      if (for_writer) ++figures_.writer_turns;
    } else if (!holder.overdue && now >= holder.recalled_at + options_.lease_ttl) {
      if (now < expire_from_) {
        timers_.emplace(expire_from_, at->first);
        continue;
      }
      holder.overdue = true;
      ++sessions_.at(holder.session).overdue;
      out.push_back(RecallOverdue{holder.session, at->first, *holder.recalled});
    }
  }
}

void LockTable::forget_if_unused(Names::iterator at) {
  auto& name = at->second;
  if (name.remembered || !name.holders.empty() || !name.waiters.empty()) return;
  name.value = LockValue{};
  if (name.ended_clean == default_clean_) {
    names_.erase(at);
    figures_.names = names_.size();
    return;
  }
  name.remembered = true;
  if (++remembered_ > options_.remembered_names_max) {
    forget_all_remembered();
  }
  figures_.names = names_.size();
}

void LockTable::forget_all_remembered() {
  default_clean_ = false;
  std::erase_if(names_, [](const auto& entry) { return entry.second.remembered; });
  remembered_ = 0;
}

void LockTable::verify() const {
  std::size_t holders = 0;
  std::size_t waiters = 0;
  std::size_t remembered = 0;
  for (const auto& [key, name] : names_) {
    holders += name.holders.size();
    waiters += name.waiters.size();
    if (name.remembered) ++remembered;
    MAS_CHECK(name.remembered == (name.holders.empty() && name.waiters.empty()));
    MAS_CHECK(!name.remembered || name.ended_clean != default_clean_);
    std::size_t converting = 0;
    for (const auto& holder : name.holders) {
      const auto session = sessions_.find(holder.session);
      MAS_CHECK(session != sessions_.end() && session->second.held.count(&key) == 1);
      MAS_CHECK(holder.token < next_token_);
      if (holder.converting) ++converting;
      MAS_CHECK(!holder.converting || holder.mode == LockMode::append);
      for (const auto& other : name.holders) {
        MAS_CHECK(&other == &holder || compatible(other.mode, holder.mode));
        MAS_CHECK(&other == &holder || other.session != holder.session);
      }
    }
    MAS_CHECK(converting <= 1);
    for (const auto& waiter : name.waiters) {
      const auto session = sessions_.find(waiter.session);
      MAS_CHECK(session != sessions_.end() && session->second.awaited.count(&key) == 1);
    }
    // Whoever waits first is in somebody's way, or a conversion is before it.
    if (!granting_ || name.waiters.empty() || converting == 1) continue;
    const auto wanted = name.waiters.front().mode;
    MAS_CHECK(std::any_of(name.holders.begin(), name.holders.end(), [wanted](const Holder& holder) {
      return !compatible(holder.mode, wanted);
    }));
  }
  MAS_CHECK(holders == figures_.holders && waiters == figures_.waiters);
  MAS_CHECK(remembered == remembered_);
  std::size_t session_names = 0;
  for (const auto& [token, session] : sessions_) {
    session_names += session.held.size() + session.awaited.size();
    MAS_CHECK(expiries_.count({session.expires, token}) == 1);
  }
  MAS_CHECK(session_names == holders + waiters && expiries_.size() == sessions_.size());
}

}  // namespace mas
