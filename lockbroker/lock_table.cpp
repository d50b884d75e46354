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

/// The holder or waiter of this session.
template <typename Parties>
auto of_session(Parties& parties, LockToken session) {
  return std::find_if(parties.begin(), parties.end(),
                      [&](const auto& party) { return party.session == session; });
}

std::unique_ptr<const std::string> stored(const LockValue& value) {
  return value.valid ? std::make_unique<const std::string>(value.bytes) : nullptr;
}

}  // namespace

void WaitHistogram::add(nanoseconds waited) {
  const auto bound = std::find_if(bounds.begin(), bounds.end(),
                                  [waited](milliseconds limit) { return waited <= limit; });
  ++counts[static_cast<std::size_t>(bound - bounds.begin())];
  sum += waited;
}

LockTable::LockTable(LockTableOptions options)
    : options_(options),
      next_token_(first_token(options.epoch)),
      first_epoch_(options.epoch),
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
          [&](const ResumeSession& e) { resume(e, now, out); },
          [&](const RenewSession& e) { renew(e, now, out); },
          [&](const CloseSession& e) { end(e.session, SessionGone::Why::closed, now, out); },
          [&](const ExpireSession& e) { end(e.session, SessionGone::Why::expired, now, out); },
          [&](const CondemnSession& e) { condemn(e.session, out); },
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
  add_session(draw_token(), event.asker, now, out);
}

void LockTable::resume(const ResumeSession& event, MonoTime now, Actions& out) {
  // Our own sessions are never resumed: what they held may be somebody else's by now. Those of an
  // earlier broker may be until something is granted, as nothing can have changed hands before.
  if (!resumable_ || epoch_of(event.session) >= first_epoch_ || knows(event.session) ||
      sessions_.size() >= options_.sessions_max) {
    out.push_back(SessionRefused{event.asker});
    return;
  }
  add_session(event.session, event.asker, now, out);
}

void LockTable::add_session(LockToken token, std::uint64_t asker, MonoTime now, Actions& out) {
  auto& session = sessions_[token];
  session.opened = now;
  session.renewed = now;
  session.expires = now + options_.lease_ttl;
  expiries_.emplace(session.expires, token);
  figures_.sessions = sessions_.size();
  out.push_back(SessionOpened{asker, token});
}

void LockTable::renew(const RenewSession& event, MonoTime now, Actions& out) {
  const auto at = sessions_.find(event.session);
  // Who does not honour a recall is left to expire.
  if (at == sessions_.end() || at->second.overdue > 0 || at->second.condemned) return;
  auto& session = at->second;
  expiries_.erase({session.expires, event.session});
  session.renewed = now;
  session.expires = now + options_.lease_ttl;
  expiries_.emplace(session.expires, event.session);
  out.push_back(SessionRenewed{event.session, event.number});
}

void LockTable::condemn(LockToken token, Actions& out) {
  const auto at = sessions_.find(token);
  if (at == sessions_.end() || std::exchange(at->second.condemned, true)) return;
  out.push_back(SessionCondemned{token});
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
  std::vector<Entry*> touched;
  touched.reserve(session.held.size() + session.awaited.size());
  for (Entry* entry : session.held) {
    auto& name = entry->second;
    const auto holder = of_session(name.holders, token);
    if (is_writer(holder->mode)) {
      name.ended_clean = false;
      name.value.reset();
      ++gone.locks_lost;
    }
    name.holders.erase(holder);
    --figures_.holders;
    touched.push_back(entry);
  }
  for (Entry* entry : session.awaited) {
    auto& waiters = entry->second.waiters;
    waiters.erase(of_session(waiters, token));
    --figures_.waiters;
    touched.push_back(entry);
  }
  figures_.unclean_ends += gone.locks_lost;
  out.push_back(gone);
  for (Entry* entry : touched) settle(*entry, now, out);
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
    resumable_ = false;
    std::vector<Entry*> waiting;
    for (auto& entry : names_) {
      const auto& holders = entry.second.holders;
      if (!entry.second.waiters.empty() ||
          std::any_of(holders.begin(), holders.end(),
                      [](const Holder& holder) { return holder.converting; })) {
        waiting.push_back(&entry);
      }
    }
    std::sort(waiting.begin(), waiting.end(),
              [](const Entry* a, const Entry* b) { return a->first < b->first; });
    for (Entry* entry : waiting) settle(*entry, now, out);
  }
  while (!expiries_.empty() && expiries_.begin()->first <= now && now >= expire_from_) {
    end(expiries_.begin()->second, SessionGone::Why::expired, now, out);
  }
  while (!timers_.empty() && timers_.begin()->first <= now) {
    const auto name = names_.find(timers_.begin()->second);
    timers_.erase(timers_.begin());
    if (name != names_.end()) settle(*name, now, out);
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
  options_.grants_from = std::max(options_.grants_from, grants_from);
  if (!std::exchange(granting_, false) && !default_clean_) return;  // all of it is distrusted
  forget_all_remembered();
  for (auto& [key, name] : names_) {
    if (std::any_of(name.holders.begin(), name.holders.end(),
                    [](const Holder& holder) { return is_writer(holder.mode); })) {
      continue;
    }
    name.ended_clean = false;
    name.value.reset();
  }
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
  const auto session = sessions_.find(token);
  if (session == sessions_.end() || session->second.condemned) return;
  if (request.op == Op::acquire) return acquire(token, request, now, out);
  if (request.op == Op::cancel) return cancel(token, request, now, out);
  if (request.op == Op::reclaim) return reclaim(token, request, now, out);

  const auto name = names_.find(request.name);
  if (name != names_.end()) {
    const auto holder = of_session(name->second.holders, token);
    if (holder != name->second.holders.end() && holder->token == request.token) {
      switch (request.op) {
        case Op::release:
          release(*name, *holder, request);
          break;
        case Op::convert_down:
          convert_down(name->second, *holder, request);
          break;
        case Op::convert_up:
          convert_up(*name, *holder, request.wait, out);
          break;
        case Op::keep:
          keep(name->first, *holder);
          break;
        default:
          unable(*name, *holder, out);
          break;
      }
      return settle(*name, now, out);
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
  auto& at = entry(request.name);
  auto& name = at.second;
  if (of_session(name.holders, token) != name.holders.end() ||
      of_session(name.waiters, token) != name.waiters.end()) {
    return refuse(token, request.name, LockRefusal::invalid, out);
  }
  if (name.waiters.size() >= options_.waiters_per_name_max) {
    return refuse(token, request.name, LockRefusal::busy, out);
  }
  const auto place = static_cast<std::uint32_t>(session.awaited.size());
  name.waiters.insert(name.waiters.end(), Waiter{token, now, place, request.mode});
  session.awaited.push_back(&at);
  ++figures_.waiters;
  settle(at, now, out);
}

void LockTable::cancel(LockToken token, const LockRequest& request, MonoTime now, Actions& out) {
  const auto at = names_.find(request.name);
  if (at == names_.end()) return;
  auto& name = at->second;
  // What was granted meanwhile is answered already, by the grant.
  if (const auto waiter = of_session(name.waiters, token); waiter != name.waiters.end()) {
    remove_waiter(*at, waiter);
    refuse(token, request.name, LockRefusal::cancelled, out);
  } else if (const auto holder = of_session(name.holders, token);
             holder != name.holders.end() && holder->converting) {
    refuse_conversion(*holder, at->first, LockRefusal::cancelled, out);
  }
  settle(*at, now, out);
}

void LockTable::reclaim(LockToken token, const LockRequest& request, MonoTime now, Actions& out) {
  // A client goes by what it reclaims, so what cannot be accepted condemns its session. What comes
  // too late does no harm: the client counts on its old lease alone until all was taken in.
  const auto is_old = [this](LockToken one) { return epoch_of(one) < first_epoch_; };
  const auto& session = sessions_.at(token);
  if (!resumable_ || !is_old(token) || !is_old(request.token) ||
      session.held.size() + session.awaited.size() >= options_.names_per_session_max) {
    return condemn(token, out);
  }
  if (const auto known = names_.find(request.name); known != names_.end()) {
    // Two that both claim to hold it: never after a broker that kept its promises, so neither is
    // believed.
    bool believed = of_session(known->second.waiters, token) == known->second.waiters.end();
    for (const auto& holder : known->second.holders) {
      if (compatible(holder.mode, request.mode) && holder.session != token) continue;
      believed = false;
      condemn(holder.session, out);
    }
    if (!believed) return condemn(token, out);
  }
  auto& at = entry(request.name);
  add_holder(at, token, request.mode, request.token, now);
  if (is_writer(request.mode)) {
    at.second.ended_clean = request.end == LockEnd::clean;
    at.second.value = request.value ? stored(*request.value) : nullptr;
  }
  ++figures_.reclaims;
}

void LockTable::release(Entry& at, Holder& holder, const LockRequest& request) {
  auto& name = at.second;
  if (is_writer(holder.mode)) {
    if (request.end == LockEnd::clean) {
      name.ended_clean = true;
      if (request.value) name.value = stored(*request.value);
    } else if (request.end == LockEnd::unclean) {
      name.ended_clean = false;
      name.value.reset();
      ++figures_.unclean_ends;
    }
  }
  settle_recall(holder);
  remove_holder(at, holder.session);
}

void LockTable::convert_down(Name& name, Holder& holder, const LockRequest& request) {
  if (request.mode >= holder.mode) return;
  name.ended_clean = true;
  if (request.value) name.value = stored(*request.value);
  holder.mode = request.mode;
  holder.converting = false;
  // What remains may still be in somebody's way; then it is recalled anew.
  settle_recall(holder);
}

void LockTable::convert_up(Entry& at, Holder& holder, bool wait, Actions& out) {
  auto& name = at.second;
  if (holder.mode != LockMode::append || holder.converting) {
    refuse_conversion(holder, at.first, LockRefusal::invalid, out);
  } else if (holder.recalled || (!wait && (name.holders.size() > 1 || !name.waiters.empty()))) {
    refuse_conversion(holder, at.first, LockRefusal::contended, out);
  } else {
    holder.converting = true;
  }
}

void LockTable::unable(Entry& at, Holder& holder, Actions& out) {
  auto& name = at.second;
  for (auto waiter = name.waiters.begin(); waiter != name.waiters.end();) {
    if (compatible(waiter->mode, holder.mode)) {
      ++waiter;
      continue;
    }
    refuse(waiter->session, at.first, LockRefusal::unable, out);
    waiter = remove_waiter(at, waiter);
  }
  for (auto& other : name.holders) {
    if (other.converting && other.session != holder.session) {
      refuse_conversion(other, at.first, LockRefusal::unable, out);
    }
  }
  settle_recall(holder);
}

void LockTable::keep(const LockName& name, Holder& holder) {
  // Other spaces' holders write for everybody: they must let go, or die trying.
  if (name.space != LockSpace::user || !holder.recalled) return;
  holder.kept = true;
  clear_overdue(holder);
}

void LockTable::settle_recall(Holder& holder) {
  holder.recalled.reset();
  holder.told_long = false;
  holder.kept = false;
  clear_overdue(holder);
}

void LockTable::clear_overdue(Holder& holder) {
  if (!holder.overdue) return;
  holder.overdue = false;
  --sessions_.at(holder.session).overdue;
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

// --- Names, who holds and who awaits them.

Grant LockTable::grant_of(const Holder& holder, const Name& name) {
  Grant grant{holder.mode, holder.token, name.ended_clean, {}};
  if (name.value) grant.value = {true, *name.value};
  return grant;
}

LockTable::Entry& LockTable::entry(const LockName& name) {
  const auto [at, is_new] = names_.try_emplace(name);
  if (is_new) {
    at->second.ended_clean = default_clean_;
    figures_.names = names_.size();
  } else if (at->second.remembered) {
    at->second.remembered = false;
    --remembered_;
  }
  return *at;
}

LockTable::Holder& LockTable::add_holder(Entry& at, LockToken token, LockMode mode, LockToken grant,
                                         MonoTime now) {
  auto& held = sessions_.at(token).held;
  auto& holder = at.second.holders.emplace_back();
  holder.session = token;
  holder.mode = mode;
  holder.token = grant;
  holder.granted = now;
  holder.place = static_cast<std::uint32_t>(held.size());
  held.push_back(&at);
  ++figures_.holders;
  return holder;
}

void LockTable::remove_holder(Entry& at, LockToken token) {
  auto& holders = at.second.holders;
  const auto holder = of_session(holders, token);
  auto& held = sessions_.at(token).held;
  // The last one takes its place.
  of_session(held.back()->second.holders, token)->place = holder->place;
  held[holder->place] = held.back();
  held.pop_back();
  holders.erase(holder);
  --figures_.holders;
}

std::list<LockTable::Waiter>::iterator LockTable::remove_waiter(
    Entry& at, std::list<Waiter>::iterator waiter) {
  auto& awaited = sessions_.at(waiter->session).awaited;
  of_session(awaited.back()->second.waiters, waiter->session)->place = waiter->place;
  awaited[waiter->place] = awaited.back();
  awaited.pop_back();
  --figures_.waiters;
  return at.second.waiters.erase(waiter);
}

// --- Granting and recalling.

void LockTable::settle(Entry& at, MonoTime now, Actions& out) {
  if (granting_) {
    grant_waiters(at, now, out);
    auto& name = at.second;
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

void LockTable::grant_waiters(Entry& at, MonoTime now, Actions& out) {
  auto& name = at.second;
  for (;;) {
    const auto converter = std::find_if(name.holders.begin(), name.holders.end(),
                                        [](const Holder& holder) { return holder.converting; });
    if (converter != name.holders.end()) {
      if (name.holders.size() == 1) {
        converter->converting = false;
        converter->mode = LockMode::exclusive;
        auto answer = answer_to(LockAnswer::Op::converted, at.first);
        answer.grant = grant_of(*converter, name);
        out.push_back(AnswerSession{converter->session, std::move(answer)});
        ++figures_.grants;
        continue;
      }
      if (!name.waiters.empty() && is_writer(name.waiters.front().mode)) {
        // Two writers that want the same name take turns instead of both waiting for the readers.
        refuse_conversion(*converter, at.first, LockRefusal::contended, out);
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
    figures_.waits.add(now - head.since);
    remove_waiter(at, name.waiters.begin());
    const auto& holder = add_holder(at, head.session, head.mode, draw_token(), now);
    auto answer = answer_to(LockAnswer::Op::granted, at.first);
    answer.grant = grant_of(holder, name);
    out.push_back(AnswerSession{head.session, std::move(answer)});
    ++figures_.grants;
  }
}

void LockTable::recall_for(Entry& at, LockMode wanted, LockToken wanting, MonoTime now,
                           Actions& out) {
  for (auto& holder : at.second.holders) {
    if (holder.session == wanting || compatible(holder.mode, wanted)) continue;
    if (holder.recalled && *holder.recalled >= wanted) {
      follow_recall(at, holder, now, out);
      continue;
    }
    const auto for_writer = is_writer(holder.mode) && is_writer(wanted);
    const auto due = for_writer ? holder.granted + options_.minimum_hold : now;
    if (now < due) {
      timers_.emplace(due, at.first);
      continue;
    }
    holder.recalled = wanted;
    holder.recalled_at = now;
    holder.kept = false;  // of the stronger mode it has to say so anew
    timers_.emplace(now + options_.long_wait, at.first);
    timers_.emplace(now + options_.lease_ttl, at.first);
    auto answer = answer_to(LockAnswer::Op::recall, at.first);
    answer.grant.token = holder.token;
    answer.wanted = wanted;
    out.push_back(AnswerSession{holder.session, std::move(answer)});
    ++figures_.recalls;
    if (for_writer) ++figures_.writer_turns;
  }
}

void LockTable::follow_recall(Entry& at, Holder& holder, MonoTime now, Actions& out) {
  if (!holder.told_long && now >= holder.recalled_at + options_.long_wait) {
    holder.told_long = true;
    out.push_back(WaitLong{holder.session, at.first, holder.mode, *holder.recalled,
                           at.second.waiters.size(),
                           std::chrono::duration_cast<milliseconds>(now - holder.recalled_at)});
  }
  if (!holder.overdue && !holder.kept && now >= holder.recalled_at + options_.lease_ttl) {
    if (now < expire_from_) {
      timers_.emplace(expire_from_, at.first);
      return;
    }
    holder.overdue = true;
    ++sessions_.at(holder.session).overdue;
    out.push_back(RecallOverdue{holder.session, at.first, *holder.recalled});
  }
}

void LockTable::forget_if_unused(Entry& at) {
  auto& name = at.second;
  if (name.remembered || !name.holders.empty() || !name.waiters.empty()) return;
  name.value.reset();
  if (name.ended_clean == default_clean_) {
    names_.erase(names_.find(at.first));
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
      MAS_CHECK(session != sessions_.end() && holder.place < session->second.held.size() &&
                session->second.held[holder.place]->first == key);
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
      MAS_CHECK(session != sessions_.end() && waiter.place < session->second.awaited.size() &&
                session->second.awaited[waiter.place]->first == key);
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
