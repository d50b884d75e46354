#include "ingest/ingest_loop.hpp"

#include <spdlog/spdlog.h>

#include "net/clock.hpp"
#include "service/http_server.hpp"

namespace mas {
namespace {

/// As long as a gateway waits for a LOG; later its client has its 503 anyway.
constexpr milliseconds lock_wait_max{2000};
/// What is asked of the lock session, so that its refusals are told apart.
constexpr LockTicket acquire_ticket = 0;
constexpr LockTicket strengthen_ticket = 1;

}  // namespace

IngestLoop::IngestLoop(WorkerContext& context, IngestOptions options)
    : context_(context),
      store_(files_, context.data_dir, options.partition_length),
      owners_(store_, options.open_files_max) {
  // The flusher covers all files at once; nothing is to be remembered for each.
  store_.remember_for_sync = false;
  if (options.flush_interval > nanoseconds{0}) {
    flusher_ = std::make_unique<FlushLoop>(
        context.data_dir, options.flush_interval, [this](const Error& error) {
          context_.loop.post([this, error] { warn("not flushed to the disk", error); });
        });
  }
}

void IngestLoop::on_request(InstanceId gateway, WorkerMessage type, Decoder& in) {
  if (type != WorkerMessage::log_batch) return;
  LogBatch batch;
  if (auto decoded = decode(in, batch); !decoded) {
    warn("batch dropped", decoded.error());
    return;
  }
  owners_.on_batch(gateway, batch);
}

void IngestLoop::on_turn_end() {
  const auto writes_before = owners_.counts().writes;
  ids_to_lock_.clear();
  ids_to_strengthen_.clear();
  owners_.turn(ids_to_lock_, ids_to_strengthen_);
  if (owners_.unfinished()) context_.loop.post([] {});  // heartbeats and answers go in between
  if (!ids_to_lock_.empty()) {
    to_lock_.clear();
    for (const auto id : ids_to_lock_) to_lock_.push_back({LockSpace::metric, std::string(id)});
    context_.locks.acquire(to_lock_, LockMode::exclusive, acquire_ticket, lock_wait_max);
  }
  for (const auto id : ids_to_strengthen_) {
    context_.locks.convert_up({LockSpace::metric, std::string(id)}, strengthen_ticket,
                              lock_wait_max);
  }
  if (flusher_ && owners_.counts().writes != writes_before) flusher_->wrote();

  // The lease is checked after the writes and before the answers: past its end another worker may
  // have taken over before them. So is the session: a new one's lease says nothing of locks that
  // were held in the one before, even where its loss is not told yet.
  send_answers(session_ != 0 && context_.locks.session() == session_ &&
               context_.locks.lease_valid());
  errors_.clear();
  owners_.take_errors(errors_);
  for (const auto& error : errors_) warn("samples not stored", error);
}

void IngestLoop::send_answers(bool lease_valid) {
  answers_.clear();
  owners_.take_answers(lease_valid, answers_);
  for (const auto& answer : answers_) {
    static_cast<void>(context_.gateways.send(
        answer.gateway, LogAnswer{.batch = answer.batch, .ranges = answer.ranges}));
  }
}

void IngestLoop::on_lock_event(const LockEvent& event) {
  if (const auto* granted = std::get_if<LockGranted>(&event)) {
    owners_.on_granted(
        granted->name.text,
        {.token = granted->grant.token, .previous_end_clean = granted->grant.previous_end_clean});
  } else if (const auto* refused = std::get_if<LockRefused>(&event)) {
    warn("lock not granted", refused->error);
    if (refused->ticket == strengthen_ticket) {
      owners_.on_not_strengthened(refused->name.text);
    } else {
      owners_.on_refused(refused->name.text);
    }
  } else if (const auto* recalled = std::get_if<LockRecalled>(&event)) {
    if (const auto back = owners_.on_recalled(recalled->name.text, recalled->wanted)) {
      give_back(recalled->name, *back);
    }
  } else if (const auto* opened = std::get_if<LockSessionOpened>(&event)) {
    session_ = opened->session;
  } else if (std::holds_alternative<LockSessionLost>(event)) {
    session_ = 0;
    send_answers(false);  // what was written in this turn, on a recall, under the lost session
    owners_.on_session_lost();
  }
}

void IngestLoop::give_back(const LockName& name, const LockReturn& back) {
  if (back.keep) {
    context_.locks.convert_down(name, *back.keep, back.value);
  } else {
    context_.locks.release(name, back.end, back.value);
  }
}

void IngestLoop::finish() {
  std::vector<std::pair<std::string_view, LockReturn>> released;
  owners_.let_all_go(released);
  for (const auto& [id, back] : released) give_back({LockSpace::metric, std::string(id)}, back);
}

void IngestLoop::warn(std::string_view what, const Error& error) {
  if (const auto kept = warnings_.allows(what, mono_now())) {
    spdlog::warn("{}: {} (held back: {})", what, error.text, *kept);
  }
}

void IngestLoop::metrics(std::string& page) const {
  const auto number = [&page](std::string_view name, std::string_view type, std::string_view help,
                              std::uint64_t value) {
    append_metric(page, name, type, help, static_cast<double>(value));
  };
  const auto& counts = owners_.counts();
  number("mas_ingest_samples_total", "counter", "samples received", counts.samples);
  number("mas_ingest_writes_total", "counter", "appends to a metric's segments", counts.writes);
  number("mas_ingest_writes_failed_total", "counter", "appends that the store refused",
         counts.writes_failed);
  number("mas_ingest_metrics", "gauge", "metrics known to this worker", owners_.metrics());
  number("mas_ingest_open_files", "gauge", "segment files open for writing", owners_.open_files());
  number("mas_ingest_locks_held", "gauge", "locks held", context_.locks.state().held_count());
}

}  // namespace mas
