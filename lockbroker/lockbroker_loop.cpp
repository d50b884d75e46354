#include "lockbroker/lockbroker_loop.hpp"

#include <spdlog/spdlog.h>

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <iterator>
#include <utility>

#include "net/clock.hpp"
#include "service/http_server.hpp"
#include "service/process.hpp"

namespace mas {
namespace {

/// Read before anything is sent, so that a flood of requests does not keep answers waiting.
constexpr int turn_messages_max = 1000;
/// Frames queued for one client; one that does not read them loses them, and asks again.
constexpr int queued_messages_max = 10000;
/// After the epoch file could not be written.
constexpr seconds epoch_retry_interval{1};

void append_waits(std::string& page, const WaitHistogram& waits) {
  constexpr std::string_view name = "mas_locks_wait_seconds";
  fmt::format_to(std::back_inserter(page),
                 "# HELP {} from a request to its grant\n# TYPE {} histogram\n", name, name);
  std::uint64_t count = 0;
  for (std::size_t at = 0; at < WaitHistogram::bounds.size(); ++at) {
    count += waits.counts[at];
    fmt::format_to(std::back_inserter(page), "{}_bucket{{le=\"{}\"}} {}\n", name,
                   std::chrono::duration<double>(WaitHistogram::bounds[at]).count(), count);
  }
  count += waits.counts.back();
  fmt::format_to(std::back_inserter(page), "{}_bucket{{le=\"+Inf\"}} {}\n{}_sum {}\n{}_count {}\n",
                 name, count, name, std::chrono::duration<double>(waits.sum).count(), name, count);
}

}  // namespace

LockbrokerLoop::LockbrokerLoop(EventLoop& loop, LockbrokerOptions options, EpochFile& epochs)
    : loop_(loop),
      options_(std::move(options)),
      epochs_(epochs),
      socket_(ZmqSocket::router(
          context_, {static_cast<std::int64_t>(lock_message_bytes_max), queued_messages_max})),
      timer_(loop.io()) {}

Result<void> LockbrokerLoop::start() {
  const auto before = epochs_.record();
  const auto now = mono_now();
  const auto record = next_epoch(before, options_.lease_ttl);
  if (auto written = epochs_.write(record); !written) return written;

  LockServiceOptions service;
  service.cluster = options_.cluster;
  service.instance = random_instance();
  service.table.lease_ttl = options_.lease_ttl;
  service.table.minimum_hold = options_.minimum_hold;
  service.table.epoch = record.epoch;
  // The larger of their time to live and ours: sessions that are taken over meanwhile are ours.
  const auto grace = before.leases_may_live ? record.lease_ttl : milliseconds{0};
  service.table.grants_from = now + grace;
  service.table.after_unclean_stop = !record.names_clean;
  service_ = std::make_unique<LockService>(std::move(service));

  if (auto bound = socket_.bind(options_.bind, options_.port); !bound) return bound;
  watch_ = loop_.watch(socket_, [this] { receive(); });
  loop_.at_turn_end([this] { turn(); });
  loop_.post([] {});  // a first turn
  spdlog::info("listening address={}:{} epoch={} lease_ttl_ms={} grants_in_ms={}", options_.bind,
               options_.port, record.epoch, options_.lease_ttl.count(), grace.count());
  return {};
}

void LockbrokerLoop::receive() {
  ZmqMessage message;
  for (int count = 0; count < turn_messages_max; ++count) {
    if (!socket_.receive(message)) return;
    ++received_;
    const auto taken = service_->on_frame(message.peer, message.bytes(), mono_now());
    if (!taken) {
      ++malformed_;
      spdlog::debug("message dropped error={}", taken.error().text);
    }
  }
  all_read_ = false;
}

void LockbrokerLoop::turn() {
  const auto now = mono_now();
  // Time passes once all heartbeats have been read, those too that queued up while this process was
  // stopped.
  service_->on_time(now, std::exchange(all_read_, true));
  raise_epoch(now);
  send_all();
  log_notes();
  if (service_->table().granting() && epochs_.record().lease_ttl != options_.lease_ttl &&
      now >= epoch_retry_) {
    // The old leases are over, so the next broker need not wait for longer ones than ours.
    auto record = epochs_.record();
    record.lease_ttl = options_.lease_ttl;
    if (const auto written = epochs_.write(record); !written) {
      epoch_retry_ = now + epoch_retry_interval;
      spdlog::error("epoch file not written error={}", written.error().text);
    }
  }
  if (service_->table().no_leases() ? drain_until_ != MonoTime::max() : now >= drain_until_) {
    return finish();
  }
  arm();
}

void LockbrokerLoop::raise_epoch(MonoTime now) {
  const auto wanted = service_->wanted_epoch();
  if (!wanted || now < epoch_retry_) return;
  auto record = epochs_.record();
  record.epoch = *wanted;
  record.lease_ttl = std::max(record.lease_ttl, service_->foreign_lease_ttl());
  record.names_clean = false;
  if (const auto written = epochs_.write(record); !written) {
    epoch_retry_ = now + epoch_retry_interval;
    spdlog::error("epoch file not written error={}", written.error().text);
    return;
  }
  service_->raise_epoch(*wanted, now);
  spdlog::warn("epoch raised epoch={}", *wanted);
}

void LockbrokerLoop::send_all() {
  frames_.clear();
  service_->take_frames(frames_);
  for (const auto& frame : frames_) {
    // Full or gone: the client asks again for what it misses, or is left to expire.
    if (socket_.send_to(frame.peer, frame.frame) != Sent::yes) ++unsent_;
  }
}

void LockbrokerLoop::log_notes() {
  notes_.clear();
  service_->take_notes(notes_);
  for (const auto& note : notes_) {
    if (note.warning) {
      spdlog::warn("{}", note.text);
    } else {
      spdlog::info("{}", note.text);
    }
  }
}

void LockbrokerLoop::arm() {
  const auto due = std::min(service_->next_deadline(), drain_until_);
  if (due == armed_) return;
  armed_ = due;
  timer_.expires_after(std::max(due - mono_now(), nanoseconds{0}));
  timer_.async_wait([this](const asio::error_code& error) {
    if (!error) armed_ = MonoTime::min();  // the turn's end looks what is due
  });
}

void LockbrokerLoop::drain() {
  if (drain_until_ != MonoTime::max()) return;
  drain_until_ = mono_now() + options_.lease_ttl;
  spdlog::info("draining sessions={}", service_->table().figures().sessions);
}

void LockbrokerLoop::finish() {
  auto record = epochs_.record();
  record.leases_may_live = !service_->table().no_leases();
  record.names_clean = !record.leases_may_live && service_->table().names_clean();
  if (const auto written = epochs_.write(record); !written) {
    spdlog::error("epoch file not written, the next start waits error={}", written.error().text);
  }
  loop_.stop();
}

bool LockbrokerLoop::ready() const { return service_ != nullptr && service_->table().granting(); }

std::string LockbrokerLoop::metrics() const {
  std::string page;
  const auto counter = [&page](std::string_view name, std::string_view help, std::uint64_t value) {
    append_metric(page, name, "counter", help, static_cast<double>(value));
  };
  const auto gauge = [&page](std::string_view name, std::string_view help, std::size_t value) {
    append_metric(page, name, "gauge", help, static_cast<double>(value));
  };
  const auto& figures = service_->table().figures();
  gauge("mas_locks_epoch", "this broker's epoch", service_->table().epoch());
  gauge("mas_locks_sessions", "open sessions", figures.sessions);
  gauge("mas_locks_names", "names that are held, awaited or remembered", figures.names);
  gauge("mas_locks_holders", "locks held", figures.holders);
  gauge("mas_locks_waiters", "requests that wait", figures.waiters);
  counter("mas_locks_grants_total", "locks granted and converted up", figures.grants);
  counter("mas_locks_reclaims_total", "locks that outlived a restart of the broker",
          figures.reclaims);
  counter("mas_locks_recalls_total", "holders asked to let go", figures.recalls);
  counter("mas_locks_writer_turns_total", "writers asked to let go for another writer",
          figures.writer_turns);
  counter("mas_locks_refusals_total", "requests refused or withdrawn", figures.refusals);
  counter("mas_locks_expired_sessions_total", "sessions whose lease ran out", figures.expiries);
  counter("mas_locks_unclean_ends_total", "append and exclusive locks that ended uncleanly",
          figures.unclean_ends);
  append_waits(page, figures.waits);
  counter("mas_locks_messages_total", "messages received", received_);
  counter("mas_locks_malformed_total", "messages dropped as malformed or out of place", malformed_);
  counter("mas_locks_unsent_total", "messages that a client could not take", unsent_);
  return page;
}

}  // namespace mas
