#include "gateway/dispatcher.hpp"

#include <algorithm>
#include <utility>

#include "base/check.hpp"
#include "service/rendezvous.hpp"
#include "service/worker_protocol.hpp"
#include "wire/encode.hpp"

namespace mas {
namespace {

/// Batch numbers of two links never meet: a link would have to send 2^40 batches.
constexpr unsigned batch_number_bits = 40;

constexpr std::uint8_t event_version = 1;
constexpr std::uint32_t event_fields = 9;

}  // namespace

Dispatcher::Dispatcher(DispatcherLimits limits, std::string cluster, InstanceId instance,
                       Answers& answers)
    : limits_(limits), cluster_(std::move(cluster)), instance_(instance), answers_(answers) {}

Envelope Dispatcher::envelope_to(WorkerId worker) const {
  const auto* known = workers_.find(worker);
  return {.type = 0,
          .cluster = cluster_,
          .from = instance_,
          .to = known == nullptr ? any_instance : known->instance};
}

template <typename M>
void Dispatcher::send(WorkerId to, const M& message) {
  auto& out = messages_.emplace_back(Message{.to = to, .frame = {}});
  encode(out.frame, envelope_to(to), message);
}

void Dispatcher::take_messages(std::vector<Message>& out) {
  std::move(messages_.begin(), messages_.end(), std::back_inserter(out));
  messages_.clear();
}

void Dispatcher::take_events(std::vector<Event>& out) {
  std::move(events_.begin(), events_.end(), std::back_inserter(out));
  events_.clear();
}

bool Dispatcher::ready() const {
  return !closed_ && !workers_.serving(Pool::ingest).empty() &&
         !workers_.serving(Pool::query).empty() && !workers_.serving(Pool::alerter).empty();
}

// --- From clients.

void Dispatcher::log(Origin origin, const Log& log, std::uint64_t id_hash, WallTime stamp,
                     MonoTime now) {
  on_now(now);
  const auto worker = closed_ ? std::nullopt : router_.for_log(id_hash);
  const auto batches = worker ? batches_.find(*worker) : batches_.end();
  if (batches == batches_.end() || batches->second.unsent_samples() >= limits_.queued_samples_max) {
    ++counters_.logs_busy;
    answers_.on_outcome(origin, Status::busy);
    return;
  }
  batches->second.add(origin, log.id, stamp, log.value, now_);
}

std::uint64_t Dispatcher::query(Origin origin, const Query& query, AnswerForm form, MonoTime now) {
  on_now(now);
  const auto request = next_request_++;
  if (closed_ || workers_.serving(Pool::query).empty() ||
      queries_waiting_.size() >= limits_.queued_requests_max) {
    ++counters_.queries_busy;
    answers_.on_outcome(origin, Status::busy);
    return request;
  }
  queries_.emplace(request, OpenQuery{.origin = origin,
                                      .request = {.request = request,
                                                  .op = query.op,
                                                  .form = form,
                                                  .window = query.window,
                                                  .from = query.from,
                                                  .to = query.to,
                                                  .id = {}},
                                      .id = std::string(query.id),
                                      .asked = now_});
  queries_waiting_.insert(request);
  return request;
}

void Dispatcher::alert(Origin origin, const NewAlert& alert, std::uint64_t id_hash, WallTime stamp,
                       MonoTime now) {
  on_now(now);
  const auto worker = closed_ ? std::nullopt : router_.for_alert(id_hash);
  if (!worker || alerts_waiting_.size() >= limits_.queued_requests_max) {
    ++counters_.alerts_busy;
    answers_.on_outcome(origin, Status::busy);
    return;
  }
  const auto request = next_request_++;
  alerts_.emplace(request, OpenAlert{.origin = origin,
                                     .request = {.request = request,
                                                 .op = alert.op,
                                                 .window = alert.window,
                                                 .limit = alert.limit,
                                                 .registered = stamp,
                                                 .id = {}},
                                     .id = std::string(alert.id),
                                     .worker = *worker,
                                     .asked = now_});
  alerts_waiting_.emplace(*worker, request);
}

void Dispatcher::grant(std::uint64_t request, std::uint32_t chunks) {
  const auto open = queries_.find(request);
  if (open == queries_.end() || !open->second.sent) return;
  send(open->second.worker, QueryCredit{.request = request, .chunks = chunks});
}

void Dispatcher::cancel(std::uint64_t request) {
  const auto open = queries_.find(request);
  if (open == queries_.end()) return;
  if (open->second.sent) send(open->second.worker, QueryCancel{.request = request});
  forget_query(open);
}

// --- From workers.

Result<void> Dispatcher::on_message(WorkerId from, ByteView message, MonoTime now) {
  on_now(now);
  Decoder in(message);
  const auto envelope = decode_envelope(in);
  if (!envelope) return pass_on(envelope);
  if (envelope->cluster != cluster_) {
    return fail(Error::invalid, "message of cluster '{}'", envelope->cluster);
  }
  const auto type = static_cast<WorkerMessage>(envelope->type);
  if (type == WorkerMessage::hello) return on_hello(from, envelope->from, in, now);
  const auto* worker = workers_.find(from);
  if (worker == nullptr || worker->instance != envelope->from || envelope->to != instance_) {
    // We restarted, or took the link for dead. What it brings belongs to another life.
    send(from, HelloAgain{});
    return {};
  }
  workers_.on_heard(from, now);
  switch (type) {
    case WorkerMessage::worker_heartbeat: {
      WorkerHeartbeat heartbeat;
      if (auto decoded = decode(in, heartbeat); !decoded) return decoded;
      if (heartbeat.ready == worker->ready) return {};
      workers_.on_heartbeat(from, heartbeat.ready);
      if (!heartbeat.ready) withdraw(from);
      send_heartbeats();  // the pool's members changed
      return {};
    }
    case WorkerMessage::goodbye:
      workers_.on_goodbye(from);
      withdraw(from);
      send(from, Farewell{});
      send_heartbeats();
      return {};
    case WorkerMessage::log_answer:
      return on_log_answer(from, in);
    case WorkerMessage::query_noted:
      return on_query_noted(from, in);
    case WorkerMessage::query_chunk:
      return on_query_chunk(from, in);
    case WorkerMessage::alert_answer:
      return on_alert_answer(from, in);
    case WorkerMessage::alert_fired:
      return on_alert_fired(in);
    default:
      return fail(Error::unsupported, "message of type {}", envelope->type);
  }
}

Result<void> Dispatcher::on_hello(WorkerId from, InstanceId instance, Decoder& in, MonoTime now) {
  Hello hello;
  if (auto decoded = decode(in, hello); !decoded) return decoded;
  const bool enough = hello.credit >= (hello.pool == Pool::ingest ? batch_samples_max : 1) &&
                      (hello.pool != Pool::ingest || hello.credit_bytes >= batch_bytes_max);
  if (!enough) return fail(Error::invalid, "worker {} takes less than one batch", hello.name);
  if (const auto older = workers_.on_hello(from, instance, hello, now)) drop_worker(*older);
  if (hello.pool == Pool::ingest) {
    batches_.try_emplace(from, (std::uint64_t{from} << batch_number_bits) + 1);
  }
  send(from, Welcome{.heartbeat_ms = static_cast<std::uint32_t>(
                         std::chrono::duration_cast<milliseconds>(heartbeat_interval).count())});
  return {};
}

/// A worker that gets no new work: what was gathered for it and is not sent goes to another.
void Dispatcher::withdraw(WorkerId worker) {
  if (const auto batches = batches_.find(worker); batches != batches_.end()) {
    batches->second.move_unsent(
        [&](Origin origin, std::string_view id, WallTime stamp, double value) {
          log(origin, Log{.id = id, .value = value}, hash_of_id(id), stamp, now_);
        });
  }
  for (auto& [request, open] : alerts_) {
    if (open.worker == worker && !open.sent) {
      // Another one owns the rule's shard now.
      alerts_waiting_.erase({worker, request});
      open.worker = router_.for_alert(hash_of_id(open.id)).value_or(worker);
      alerts_waiting_.emplace(open.worker, request);
    }
  }
}

Result<void> Dispatcher::on_log_answer(WorkerId from, Decoder& in) {
  LogAnswer answer;
  if (auto decoded = decode(in, answer); !decoded) return decoded;
  const auto batches = batches_.find(from);
  if (batches == batches_.end()) return fail(Error::invalid, "answer of a worker without samples");
  ByteReader ranges(answer.ranges);
  while (ranges.left() > 0) {
    const auto range = read_range(ranges);
    if (!ranges.ok()) return fail(Error::torn, "an answer's ranges are cut short");
    origins_.clear();
    std::uint64_t bytes = 0;
    const auto credit = batches->second.answered(answer.batch, range, origins_, bytes);
    workers_.return_credit(from, credit, bytes);
    auto& counter = range.status == Status::done ? counters_.logs_stored : counters_.logs_busy;
    counter += origins_.size();
    for (const auto& origin : origins_) answers_.on_outcome(origin, range.status);
  }
  return {};
}

Dispatcher::QueryEntry Dispatcher::find_query(std::uint64_t request, WorkerId from) {
  const auto open = queries_.find(request);
  const bool theirs = open != queries_.end() && open->second.sent && open->second.worker == from;
  return theirs ? open : queries_.end();
}

Result<void> Dispatcher::on_query_noted(WorkerId from, Decoder& in) {
  QueryNoted noted;
  if (auto decoded = decode(in, noted); !decoded) return decoded;
  const auto open = find_query(noted.request, from);
  if (open == queries_.end()) return {};  // cancelled, or given up
  open->second.heard = true;
  answers_.on_noted(open->second.origin);
  return {};
}

Result<void> Dispatcher::on_query_chunk(WorkerId from, Decoder& in) {
  QueryChunk chunk;
  if (auto decoded = decode(in, chunk); !decoded) return decoded;
  const auto open = find_query(chunk.request, from);
  if (open == queries_.end()) return {};
  if (chunk.status != Status::done) {
    fail_query(open, chunk.status);
    return {};
  }
  const auto origin = open->second.origin;
  const bool noted_before = std::exchange(open->second.heard, true);
  open->second.touched = true;
  if (chunk.last) {
    ++counters_.queries_done;
    forget_query(open);
  }
  if (!noted_before) answers_.on_noted(origin);
  answers_.on_chunk(origin, chunk.body, chunk.last);
  return {};
}

Dispatcher::QueryEntry Dispatcher::forget_query(QueryEntry open) {
  if (open->second.sent) {
    workers_.return_credit(open->second.worker, 1, 0);
  } else {
    queries_waiting_.erase(open->first);
  }
  return queries_.erase(open);
}

Dispatcher::QueryEntry Dispatcher::fail_query(QueryEntry open, Status status) {
  const auto origin = open->second.origin;
  const bool touched = open->second.touched;
  ++(touched                       ? counters_.queries_cut
     : status == Status::not_found ? counters_.queries_done
                                   : counters_.queries_busy);
  const auto next = forget_query(open);
  if (touched) {
    answers_.on_cut(origin);
  } else {
    answers_.on_outcome(origin, status);
  }
  return next;
}

Result<void> Dispatcher::on_alert_answer(WorkerId from, Decoder& in) {
  AlertAnswer answer;
  if (auto decoded = decode(in, answer); !decoded) return decoded;
  ByteReader outcomes(answer.answers);
  while (outcomes.left() > 0) {
    const auto outcome = read_outcome(outcomes);
    if (!outcomes.ok()) return fail(Error::torn, "an answer's outcomes are cut short");
    const auto open = alerts_.find(outcome.request);
    if (open == alerts_.end() || !open->second.sent || open->second.worker != from) continue;
    end_alert(open, outcome.status);
  }
  return {};
}

Dispatcher::AlertEntry Dispatcher::end_alert(AlertEntry open, Status status) {
  const auto origin = open->second.origin;
  if (open->second.sent) {
    workers_.return_credit(open->second.worker, 1, 0);
  } else {
    alerts_waiting_.erase({open->second.worker, open->first});
  }
  ++(status == Status::busy ? counters_.alerts_busy : counters_.alerts_done);
  const auto next = alerts_.erase(open);
  answers_.on_outcome(origin, status);
  return next;
}

Result<void> Dispatcher::on_alert_fired(Decoder& in) {
  AlertFired fired;
  if (auto decoded = decode(in, fired); !decoded) return decoded;
  auto& event = events_.emplace_back(Event{.topic = std::string(fired.id), .body = {}});
  Encoder(event.body, event_fields)
      .u64(event_version)
      .u64(++next_event_)
      .str(fired.event)
      .str(fired.id)
      .str(op_name(fired.op))
      .i64(fired.window.count())
      .f64(fired.limit)
      .time(fired.period_start)
      .time(fired.period_end);
  return {};
}

void Dispatcher::on_unreachable(WorkerId worker, MonoTime now) {
  on_now(now);
  drop_worker(worker);
  send_heartbeats();
}

void Dispatcher::drop_worker(WorkerId worker) {
  workers_.remove(worker);
  if (const auto batches = batches_.find(worker); batches != batches_.end()) {
    origins_.clear();
    batches->second.give_up(MonoTime::max(), origins_);
    batches_.erase(batches);
    fail_logs();
  }
  for (auto open = queries_.begin(); open != queries_.end();) {
    auto& query = open->second;
    if (!query.sent || query.worker != worker) {
      ++open;
    } else if (query.heard || query.again || closed_) {
      open = fail_query(open, Status::busy);
    } else {
      // It has let no later LOG go: it is asked again, once, before all that came later.
      query.again = true;
      query.sent = false;
      query.asked = now_;
      queries_waiting_.insert(open->first);
      ++open;
    }
  }
  for (auto open = alerts_.begin(); open != alerts_.end();) {
    open = open->second.worker == worker ? end_alert(open, Status::busy) : std::next(open);
  }
}

/// Answers origins_ with 503. By index, and taken first: what an answer releases may be refused in
/// its turn, but never gathers into origins_.
void Dispatcher::fail_logs() {
  const auto origins = std::exchange(origins_, {});
  counters_.logs_busy += origins.size();
  for (const auto& origin : origins) answers_.on_outcome(origin, Status::busy);
}

// --- Time and turns.

void Dispatcher::on_time(MonoTime now) {
  on_now(now);
  for (const auto worker : workers_.silent(now)) drop_worker(worker);
  origins_.clear();
  for (auto& [worker, batches] : batches_) {
    batches.give_up(now - limits_.log_timeout, origins_);
  }
  fail_logs();
  const auto late = now - limits_.request_timeout;
  for (auto open = queries_.begin(); open != queries_.end();) {
    const auto& query = open->second;
    if (query.heard || query.asked > late) {
      ++open;
      continue;
    }
    if (query.sent) send(query.worker, QueryCancel{.request = open->first});
    open = fail_query(open, Status::busy);
  }
  for (auto open = alerts_.begin(); open != alerts_.end();) {
    open = open->second.asked <= late ? end_alert(open, Status::busy) : std::next(open);
  }
  if (now - heartbeat_at_ >= heartbeat_interval) {
    heartbeat_at_ = now;
    send_heartbeats();
  }
}

void Dispatcher::send_heartbeats() {
  std::array<Bytes, pool_count> members;
  for (const auto pool : {Pool::ingest, Pool::query, Pool::alerter}) {
    for (const auto id : workers_.serving(pool)) {
      append_le(members[static_cast<std::size_t>(pool) - 1], workers_.find(id)->instance);
    }
  }
  for (const auto& [id, worker] : workers_.all()) {
    send(id, GatewayHeartbeat{.members = members[static_cast<std::size_t>(worker.pool) - 1]});
  }
}

void Dispatcher::end_turn(MonoTime) {
  for (auto& [worker, batches] : batches_) {
    const auto* state = workers_.find(worker);
    if (state == nullptr || !state->serves()) continue;
    while (const auto* batch = batches.next_unsent()) {
      if (!workers_.take_credit(worker, sample_count(*batch), TurnBatches::bytes_of(*batch))) break;
      send(worker, *batch);
      batches.sent();
      ++counters_.batches_sent;
    }
  }
  send_queries();
  send_alerts();
}

void Dispatcher::send_queries() {
  if (queries_waiting_.empty()) return;
  packed_.clear();
  while (!queries_waiting_.empty()) {
    const auto worker = router_.for_query();
    if (!worker) break;
    auto& open = queries_.at(*queries_waiting_.begin());
    const bool has_credit = workers_.take_credit(*worker, 1, 0);
    MAS_CHECK(has_credit);  // the router offers no other
    queries_waiting_.erase(queries_waiting_.begin());
    open.worker = *worker;
    open.sent = true;
    auto request = open.request;
    request.id = open.id;
    append_request(packed_[*worker], request);
  }
  for (const auto& [worker, requests] : packed_) send(worker, QueryBatch{.requests = requests});
  // A pool that has emptied meanwhile answers at once, as it does to new requests.
  if (!workers_.serving(Pool::query).empty()) return;
  while (!queries_waiting_.empty()) {
    fail_query(queries_.find(*queries_waiting_.begin()), Status::busy);
  }
}

void Dispatcher::send_alerts() {
  if (alerts_waiting_.empty()) return;
  packed_.clear();
  for (auto next = alerts_waiting_.begin(); next != alerts_waiting_.end();) {
    const auto [worker, request] = *next;
    if (!workers_.take_credit(worker, 1, 0)) {
      next = alerts_waiting_.lower_bound({worker + 1, 0});  // the next worker's
      continue;
    }
    auto& open = alerts_.at(request);
    open.sent = true;
    auto packed = open.request;
    packed.id = open.id;
    append_request(packed_[worker], packed);
    next = alerts_waiting_.erase(next);
  }
  for (const auto& [worker, requests] : packed_) send(worker, AlertBatch{.requests = requests});
}

void Dispatcher::say_farewell() {
  for (const auto& [id, worker] : workers_.all()) send(id, Farewell{});
}

void Dispatcher::close() {
  closed_ = true;
  origins_.clear();
  for (auto& [worker, batches] : batches_) batches.give_up(MonoTime::max(), origins_);
  fail_logs();
  for (auto open = queries_.begin(); open != queries_.end();) {
    open = fail_query(open, Status::busy);
  }
  for (auto open = alerts_.begin(); open != alerts_.end();) open = end_alert(open, Status::busy);
}

}  // namespace mas
