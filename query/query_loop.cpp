#include "query/query_loop.hpp"

#include <spdlog/spdlog.h>

#include <utility>

#include "net/clock.hpp"
#include "service/http_server.hpp"

namespace mas {
namespace {

/// Steps of all queries together in one turn: each gives at most 4,096 samples, so a turn takes a
/// few milliseconds and heartbeats never wait for longer.
constexpr int steps_per_turn_max = 32;

}  // namespace

QueryLoop::QueryLoop(WorkerContext& context)
    : loop_(context.loop),
      gateways_(context.gateways),
      locks_(snapshot_locks(context.locks)),
      opener_(*locks_, files_, context.data_dir) {}

void QueryLoop::on_request(InstanceId gateway, WorkerMessage type, Decoder& in) {
  Result<void> read;
  if (type == WorkerMessage::query_batch) {
    QueryBatch batch;
    if (read = decode(in, batch); read) take_batch(gateway, batch);
  } else if (type == WorkerMessage::query_credit) {
    QueryCredit credit;
    if (read = decode(in, credit); read) {
      if (const auto number = number_of({gateway, credit.request})) {
        find(*number)->answer.grant(credit.chunks);
        turns_.resume(*number);
      }
    }
  } else if (type == WorkerMessage::query_cancel) {
    QueryCancel cancel;
    if (read = decode(in, cancel); read) {
      if (const auto number = number_of({gateway, cancel.request})) {
        ++counters_.dropped;
        drop(*number);
      }
    }
  }
  if (!read) spdlog::warn("message dropped gateway={:016x}: {}", gateway, read.error().text);
}

void QueryLoop::take_batch(InstanceId gateway, const QueryBatch& batch) {
  const auto now = mono_now();
  ByteReader rows(batch.requests);
  while (rows.ok() && rows.left() > 0) {
    const auto request = read_query_request(rows);
    if (!rows.ok()) break;
    const Address address{gateway, request.request};
    if (numbers_.contains(address)) continue;  // said twice
    const Number number = next_number_++;
    numbers_.emplace(address, number);
    queries_.emplace(number, Query(address, plan_query(request)));
    turns_.enter(number, now);
    if (turns_.in_line() > line_max) {
      fail_query(number, Error{Error::busy, "the line of waiting queries is full"});
    }
  }
  if (!rows.ok()) {
    spdlog::warn("batch of queries cut at byte {} gateway={:016x}", rows.offset(), gateway);
  }
}

void QueryLoop::on_gateway_lost(InstanceId gateway) {
  while (true) {
    const auto first = numbers_.lower_bound({gateway, 0});
    if (first == numbers_.end() || first->first.first != gateway) break;
    ++counters_.dropped;
    drop(first->second);
  }
}

void QueryLoop::on_lock_event(const LockEvent& event) { opener_.on_lock_event(event); }

void QueryLoop::on_turn_end() {
  open_next();
  for (int left = steps_per_turn_max; left > 0; --left) {
    const auto number = turns_.next_to_step();
    if (!number) break;
    step(*number);
  }
  for (const auto number : just_opened_) {
    auto* query = find(number);
    if (query == nullptr || query->told) continue;
    query->told = true;
    static_cast<void>(
        gateways_.send(query->address.first, QueryNoted{.request = query->address.second}));
  }
  just_opened_.clear();
  const bool room = turns_.in_line() > 0 && turns_.open_count() < open_queries_max;
  if (turns_.any_to_step() || room) loop_.post([] {});  // wakes the loop for another turn
}

void QueryLoop::open_next() {
  while (const auto number = turns_.next_to_open()) {
    auto& query = queries_.at(*number);
    const auto opening = opener_.open(
        query.plan.id, query.plan.from, query.plan.to,
        [this, number = *number](auto snapshot) { on_opened(number, std::move(snapshot)); });
    // Where the lock was cached it is open by now, or already over.
    if (auto* still = find(*number)) still->opening = opening;
  }
}

void QueryLoop::on_opened(Number number, Result<MetricSnapshot> snapshot) {
  auto& query = queries_.at(number);
  query.opening = 0;
  if (!snapshot) {
    fail_query(number, snapshot.error());
    return;
  }
  if (query.plan.reads) query.samples.emplace(*std::move(snapshot));
  turns_.start(number);
  just_opened_.push_back(number);
}

void QueryLoop::step(Number number) {
  auto& query = queries_.at(number);
  if (query.answer.wants_samples()) {
    step_samples_.clear();
    const auto more = query.samples ? query.samples->next(step_samples_) : Result<bool>(false);
    if (!more) {
      fail_query(number, more.error());
      return;
    }
    if (*more) {
      counters_.samples += step_samples_.size();
      query.answer.add(step_samples_);
    } else {
      query.answer.finish();
    }
  }
  while (const auto chunk = query.answer.next_chunk()) {
    const bool sent =
        gateways_.send(query.address.first, QueryChunk{.request = query.address.second,
                                                       .status = Status::done,
                                                       .last = chunk->last,
                                                       .body = chunk->body});
    ++counters_.chunks;
    query.told = query.begun = true;
    if (!sent) {  // gone, or it does not take more than its credit: there is nobody to tell
      ++counters_.dropped;
      drop(number);
      return;
    }
  }
  if (query.answer.done()) {
    ++counters_.done;
    if (query.samples && query.samples->ignored().segments > 0) {
      spdlog::debug("query left out what did not check id={} bytes={} last={}", query.plan.id,
                    query.samples->ignored().bytes, query.samples->ignored().last);
    }
    drop(number);
  } else if (!query.answer.can_go_on()) {
    turns_.pause(number, mono_now());
  }
}

void QueryLoop::fail_query(Number number, const Error& error) {
  const auto& query = queries_.at(number);
  // A segment that vanishes while it is read is no sign that the metric never was.
  const bool unknown = error.kind == Error::not_found && !query.samples;
  if (unknown) {
    ++counters_.not_found;
  } else {
    ++(query.begun ? counters_.cut : counters_.busy);
    const auto cause = query.begun ? "cut" : error.kind == Error::busy ? "busy" : "files";
    if (const auto kept = warnings_.allows(cause, mono_now())) {
      spdlog::warn("query not answered id={} kept_back={}: {}", query.plan.id, *kept, error.text);
    }
  }
  // After other chunks it tells the gateway that the answer cannot be completed.
  static_cast<void>(gateways_.send(query.address.first,
                                   QueryChunk{.request = query.address.second,
                                              .status = unknown ? Status::not_found : Status::busy,
                                              .last = true,
                                              .body = {}}));
  drop(number);
}

void QueryLoop::drop(Number number) {
  const auto found = queries_.find(number);
  opener_.cancel(found->second.opening);
  turns_.leave(number);
  numbers_.erase(found->second.address);
  queries_.erase(found);
}

void QueryLoop::on_tick() {
  const auto now = mono_now();
  for (const auto number : turns_.stalled(now)) {
    fail_query(number, Error{Error::busy, "its reader takes nothing while others wait in line"});
  }
  for (const auto number : turns_.overdue(now)) {
    fail_query(number, Error{Error::busy, "too many queries are open: waited too long in line"});
  }
}

QueryLoop::Query* QueryLoop::find(Number number) {
  const auto found = queries_.find(number);
  return found == queries_.end() ? nullptr : &found->second;
}

std::optional<QueryLoop::Number> QueryLoop::number_of(const Address& address) const {
  const auto found = numbers_.find(address);
  if (found == numbers_.end()) return std::nullopt;
  return found->second;
}

void QueryLoop::metrics(std::string& page) const {
  const auto total = [&](std::string_view name, std::string_view help, std::uint64_t value) {
    append_metric(page, name, "counter", help, static_cast<double>(value));
  };
  total("mas_queries_done_total", "queries answered to their end", counters_.done);
  total("mas_queries_not_found_total", "queries of metrics never logged", counters_.not_found);
  total("mas_queries_busy_total", "queries refused: no lock, disk or room", counters_.busy);
  total("mas_queries_cut_total", "answers that failed after their beginning", counters_.cut);
  total("mas_queries_dropped_total", "queries nobody waited for any more", counters_.dropped);
  total("mas_query_samples_read_total", "samples read for queries", counters_.samples);
  total("mas_query_chunks_total", "pieces of answers sent", counters_.chunks);
  append_metric(page, "mas_queries_open", "gauge", "queries with files open or opening",
                static_cast<double>(turns_.open_count()));
  append_metric(page, "mas_queries_in_line", "gauge", "queries that wait for one of the open ones",
                static_cast<double>(turns_.in_line()));
}

}  // namespace mas
