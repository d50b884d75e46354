#include "lockbroker/lock_service.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace mas {
namespace {

/// Epochs that a client may be ahead of a lost or restored epoch file. Each start of a broker takes
/// one, so nobody is ever further ahead, and hostile bytes cannot use the epochs up.
constexpr std::uint32_t epoch_jump_max = 1U << 20;
/// Claims above are not believed, which leaves as many starts of a broker.
constexpr std::uint32_t epoch_claim_max = 0xffffffffU - epoch_jump_max;
/// Time passes at the latest after this part of the time to live, though there is always more to be
/// read: a flood is not to keep the locks of the dead. Each connection has its turn by then.
constexpr int unread_parts = 8;
/// Pages of reports made in one turn.
constexpr int reports_per_turn_max = 2;

/// What a client may claim of another broker's leases; no broker gives longer ones.
constexpr seconds lease_ttl_max{600};
/// Between two lines about one holder that makes others wait.
constexpr seconds long_wait_interval{10};

/// A worker's name for the log, whatever it contains.
std::string printable(std::string_view text) {
  std::string out(text);
  std::replace_if(
      out.begin(), out.end(), [](char c) { return c < ' ' || c == 127; }, '?');
  return out;
}

}  // namespace

LockService::LockService(LockServiceOptions options)
    : options_(std::move(options)), table_(options_.table) {}

Result<void> LockService::on_frame(const std::string& peer, ByteView frame, MonoTime now) {
  Decoder in(frame);
  const auto from = decode_envelope(in);
  if (!from) return pass_on(from);
  if (from->cluster != options_.cluster) {
    return fail(Error::invalid, "message of cluster '{}'", printable(from->cluster));
  }
  if (from->from == any_instance) return fail(Error::invalid, "message without its sender");
  switch (static_cast<LockMessage>(from->type)) {
    case LockMessage::hello: {
      LockHello hello;
      if (auto read = decode(in, hello); !read) return read;
      on_hello(peer, *from, hello, now);
      return {};
    }
    case LockMessage::heartbeat: {
      LockHeartbeat heartbeat;
      if (auto read = decode(in, heartbeat); !read) return read;
      const auto session = session_of(peer, *from, heartbeat.session);
      if (session != sessions_.end()) on_heartbeat(session, heartbeat, now);
      return {};
    }
    case LockMessage::departed: {
      LockDeparted departed;
      if (auto read = decode(in, departed); !read) return read;
      on_departed(departed, now);
      return {};
    }
    case LockMessage::requests: {
      LockItems requests;
      if (auto read = decode_requests(in, requests); !read) return read;
      const auto session = session_of(peer, *from, requests.session);
      if (session != sessions_.end()) on_requests(session, requests, now);
      return {};
    }
    case LockMessage::inspect: {
      LockInspect inspect;
      if (auto read = decode(in, inspect); !read) return read;
      on_inspect(peer, *from, inspect, now);
      return {};
    }
    default:
      return fail(Error::invalid, "message of type {}", from->type);
  }
}

LockService::Sessions::iterator LockService::session_of(const std::string& peer,
                                                        const Envelope& from, LockToken token) {
  const auto session = sessions_.find(token);
  if (session == sessions_.end() || session->second.instance != from.from) {
    send_ended(peer, from.from, token, LockSessionEnd::unknown);
    return sessions_.end();
  }
  // Sent to the broker before us, and overtaken by the hello that resumed the session here.
  if (from.to != options_.instance) return sessions_.end();
  // The connection may be a new one; the session is the same.
  session->second.peer = peer;
  session->second.used = true;
  return session;
}

void LockService::on_hello(const std::string& peer, const Envelope& from, const LockHello& hello,
                           MonoTime now) {
  const bool same_epoch_of_another =
      hello.highest_epoch == table_.epoch() && hello.highest_broker != options_.instance;
  if (hello.highest_epoch > table_.epoch() || same_epoch_of_another) {
    if (hello.highest_epoch - table_.epoch() > epoch_jump_max ||
        hello.highest_epoch > epoch_claim_max) {
      notes_.push_back(
          {true, fmt::format("no session for a client that claims epoch {} (ours is "
                             "{}) worker={}",
                             hello.highest_epoch, table_.epoch(), printable(hello.worker))});
      return;
    }
    // Our epoch file is missing or old. The client asks again, and by then we have a higher one.
    highest_epoch_seen_ = std::max(highest_epoch_seen_, hello.highest_epoch);
    surprised_ = true;
    surprise_ttl_ = std::max(
        surprise_ttl_, std::min(milliseconds{hello.highest_ttl_ms}, milliseconds{lease_ttl_max}));
    distrust_past(now);
    notes_.push_back(
        {true, fmt::format("a client has seen epoch {} of another broker, ours is {} worker={}",
                           hello.highest_epoch, table_.epoch(), printable(hello.worker))});
    return;
  }
  if (const auto resumed = sessions_.find(hello.session); resumed != sessions_.end() &&
                                                          resumed->second.instance == from.from &&
                                                          !resumed->second.used) {
    // Resumed already, but it has not heard of it: it takes only the welcome to its last hello.
    resumed->second.peer = peer;
    return send_welcome(peer, from.from, hello.number, hello.session);
  }
  // A session that it asked for but has not heard of yet is replaced.
  if (const auto earlier = session_by_instance_.find(from.from);
      earlier != session_by_instance_.end() && !sessions_.at(earlier->second).used) {
    tell_table(CloseSession{earlier->second}, now);
  }
  actions_.clear();
  if (hello.session != 0) table_.on(ResumeSession{hello.number, hello.session}, now, actions_);
  const bool resumed = !actions_.empty() && std::holds_alternative<SessionOpened>(actions_.front());
  if (!resumed) {
    actions_.clear();
    table_.on(OpenSession{hello.number}, now, actions_);
  }
  const auto* opened = std::get_if<SessionOpened>(&actions_.front());
  if (opened == nullptr) {
    notes_.push_back({true, fmt::format("no session, all {} are taken worker={}",
                                        options_.table.sessions_max, printable(hello.worker))});
    return;
  }
  auto& session = sessions_[opened->session];
  session.peer = peer;
  session.instance = from.from;
  session.worker = printable(hello.worker);
  session_by_instance_[from.from] = opened->session;
  notes_.push_back(
      {false, fmt::format("session {} session={:x} worker={}", resumed ? "resumed" : "opened",
                          opened->session, session.worker)});
  send_welcome(peer, from.from, hello.number, opened->session);
}

void LockService::on_departed(const LockDeparted& departed, MonoTime now) {
  std::vector<LockToken> gone;
  for (const auto& [token, session] : sessions_) {
    if (session.instance == departed.instance) gone.push_back(token);
  }
  for (const auto token : gone) tell_table(ExpireSession{token}, now);
}

void LockService::on_heartbeat(Sessions::iterator at, const LockHeartbeat& heartbeat,
                               MonoTime now) {
  const auto token = at->first;
  auto& session = at->second;
  session.stream.on_state(heartbeat.stream);
  if (heartbeat.leaving && !session.stream.behind()) return tell_table(CloseSession{token}, now);
  mark_dirty(token, session);  // what it misses is sent again
  actions_.clear();
  table_.on(RenewSession{token, heartbeat.number}, now, actions_);
  LockHeartbeatAck ack{token, 0, session.stream.state()};
  if (!actions_.empty()) ack.number = heartbeat.number;
  send(session.peer, session.instance, ack);
}

void LockService::on_requests(Sessions::iterator at, const LockItems& requests, MonoTime now) {
  const auto token = at->first;
  at->second.stream.on_seen(requests.seen);
  if (!at->second.stream.take_in(requests.number)) return;
  ByteReader items(requests.items);
  LockRequest request;
  while (next_item(items, request)) tell_table(LockEventRequest{token, &request}, now);
}

void LockService::on_inspect(const std::string& peer, const Envelope& from,
                             const LockInspect& inspect, MonoTime now) {
  // Who looks on holds nobody up who works: what is too much for a turn is asked for again.
  if (reports_ == reports_per_turn_max) return;
  ++reports_;
  Bytes rows;
  const auto report = make_report(
      inspect, table_,
      [this](LockToken session) -> std::string_view { return sessions_.at(session).worker; }, now,
      rows);
  send(peer, from.from, report);
}

void LockService::on_time(MonoTime now, bool all_read) {
  if (all_read) {
    unread_since_.reset();
  } else if (!unread_since_) {
    unread_since_ = now;
  }
  if (unread_since_ && now - *unread_since_ < options_.table.lease_ttl / unread_parts) return;
  if (now < next_deadline()) return;
  // Nothing is granted before the higher epoch is on disk, however long that takes.
  if (surprised_) distrust_past(now);
  tell_table(TimePassed{}, now);
  std::vector<LockToken> deaf;
  for (const auto& [token, session] : sessions_) {
    if (session.stream.bytes_kept() > options_.unseen_bytes_max) deaf.push_back(token);
  }
  for (const auto token : deaf) tell_table(CondemnSession{token}, now);
}

void LockService::tell_table(const LockTableEvent& event, MonoTime now) {
  actions_.clear();
  table_.on(event, now, actions_);
  for (const auto& action : actions_) {
    if (const auto* answer = std::get_if<AnswerSession>(&action)) {
      auto& session = sessions_.at(answer->session);
      session.stream.push(answer->answer);
      mark_dirty(answer->session, session);
    } else if (const auto* condemned = std::get_if<SessionCondemned>(&action)) {
      const auto& session = sessions_.at(condemned->session);
      send_ended(session.peer, session.instance, condemned->session, LockSessionEnd::refused);
      notes_.push_back({true, fmt::format("session refused session={:x} worker={}",
                                          condemned->session, session.worker)});
    } else if (const auto* gone = std::get_if<SessionGone>(&action)) {
      forget(*gone);
    } else if (const auto* overdue = std::get_if<RecallOverdue>(&action)) {
      notes_.push_back(
          {true, fmt::format("recall overdue, not renewed name={} wanted={} "
                             "holder={} session={:x}",
                             printable(to_text(overdue->name)), to_text(overdue->wanted),
                             sessions_.at(overdue->session).worker, overdue->session)});
    } else if (const auto* wait = std::get_if<WaitLong>(&action)) {
      note_long_wait(*wait, now);
    }
  }
}

void LockService::note_long_wait(const WaitLong& wait, MonoTime now) {
  auto& holder = sessions_.at(wait.holder);
  // Who stalls does so with all its locks at once: one line is enough.
  if (holder.long_wait_noted != MonoTime{} && now - holder.long_wait_noted < long_wait_interval) {
    ++holder.long_waits_kept;
    return;
  }
  holder.long_wait_noted = now;
  notes_.push_back(
      {true, fmt::format("long wait name={} wanted={} held={} waiters={} waited_ms={} holder={} "
                         "session={:x} held_back={}",
                         printable(to_text(wait.name)), to_text(wait.wanted), to_text(wait.held),
                         wait.waiters, wait.waited.count(), holder.worker, wait.holder,
                         std::exchange(holder.long_waits_kept, 0))});
}

void LockService::forget(const SessionGone& gone) {
  const auto at = sessions_.find(gone.session);
  const auto& session = at->second;
  if (gone.why == SessionGone::Why::closed) {
    send_ended(session.peer, session.instance, gone.session, LockSessionEnd::goodbye);
    notes_.push_back(
        {gone.locks_lost > 0, fmt::format("session closed session={:x} worker={} locks_lost={}",
                                          gone.session, session.worker, gone.locks_lost)});
  } else {
    send_ended(session.peer, session.instance, gone.session, LockSessionEnd::unknown);
    notes_.push_back(
        {gone.locks_lost > 0,
         fmt::format("session expired session={:x} worker={} silent_ms={} "
                     "locks_lost={}",
                     gone.session, session.worker, gone.silent.count(), gone.locks_lost)});
  }
  const auto newest = session_by_instance_.find(session.instance);
  if (newest != session_by_instance_.end() && newest->second == gone.session) {
    session_by_instance_.erase(newest);
  }
  sessions_.erase(at);
}

void LockService::mark_dirty(LockToken token, Session& session) {
  if (std::exchange(session.dirty, true)) return;
  dirty_.push_back(token);
}

template <typename Message>
void LockService::send(const std::string& peer, InstanceId to, const Message& message) {
  auto& out = frames_.emplace_back();
  out.peer = peer;
  encode(out.frame, Envelope{0, options_.cluster, options_.instance, to}, message);
}

void LockService::send_welcome(const std::string& peer, InstanceId to, std::uint64_t number,
                               LockToken session) {
  const auto ttl_ms = static_cast<std::uint32_t>(options_.table.lease_ttl.count());
  send(peer, to, LockWelcome{number, session, ttl_ms, table_.epoch()});
}

void LockService::send_ended(const std::string& peer, InstanceId to, LockToken session,
                             LockSessionEnd why) {
  send(peer, to, LockEnded{session, why, table_.epoch()});
}

std::optional<std::uint32_t> LockService::wanted_epoch() const {
  const auto ours = table_.epoch();
  if (surprised_ || table_.epoch_used_up()) {
    return std::max(highest_epoch_seen_, ours) + 1;
  }
  return std::nullopt;
}

void LockService::raise_epoch(std::uint32_t epoch, MonoTime now) {
  // Seen by a client: our epoch file was missing or old, and said nothing of that broker's leases.
  table_.raise_epoch(epoch);
  if (!std::exchange(surprised_, false)) return;
  distrust_past(now);
  surprise_ttl_ = {};
}

void LockService::distrust_past(MonoTime now) {
  table_.distrust_past(now + std::max(options_.table.lease_ttl, surprise_ttl_));
}

void LockService::take_frames(std::vector<LockServiceFrame>& out) {
  reports_ = 0;
  for (const auto token : dirty_) {
    const auto at = sessions_.find(token);
    if (at == sessions_.end()) continue;
    auto& session = at->second;
    session.dirty = false;
    LockItems answers;
    answers.session = token;
    while (session.stream.next_to_send(answers)) {
      auto& frame = frames_.emplace_back();
      frame.peer = session.peer;
      encode(frame.frame, Envelope{0, options_.cluster, options_.instance, session.instance},
             LockMessage::answers, answers);
    }
  }
  dirty_.clear();
  std::move(frames_.begin(), frames_.end(), std::back_inserter(out));
  frames_.clear();
}

void LockService::take_notes(std::vector<LockServiceNote>& out) {
  std::move(notes_.begin(), notes_.end(), std::back_inserter(out));
  notes_.clear();
}

}  // namespace mas
