#include "support/lock_world.hpp"

#include <algorithm>
#include <cmath>

#include "base/check.hpp"

namespace mas {
namespace {

constexpr std::string_view cluster = "world";

}  // namespace

LockWorld::LockWorld(LockTableOptions table, std::uint32_t epoch) : table_(table), epoch_(epoch) {
  restart_broker(nanoseconds{0});
  table_.after_unclean_stop = true;
}

void LockWorld::restart_broker(nanoseconds wait) {
  auto table = table_;
  table.epoch = epoch_++;
  table.grants_from = now_ + wait;
  start_broker(table);
}

void LockWorld::restart_broker_without_its_file() {
  auto table = table_;
  table.epoch = 1;
  table.grants_from = now_;
  table.after_unclean_stop = false;
  epoch_ = 2;
  start_broker(table);
}

void LockWorld::start_broker(const LockTableOptions& table) {
  LockServiceOptions options;
  options.cluster = cluster;
  options.instance = ++next_instance_;
  options.table = table;
  broker_ = std::make_unique<LockService>(std::move(options));
  broker_stopped_ = false;
}

std::size_t LockWorld::add_client() {
  auto& client = *clients_.emplace_back(std::make_unique<Client>());
  client.peer = "peer" + std::to_string(clients_.size());
  replace_client(clients_.size() - 1);
  return clients_.size() - 1;
}

void LockWorld::replace_client(std::size_t index) {
  auto& client = *clients_[index];
  LockSessionOptions options;
  options.cluster = cluster;
  options.instance = ++next_instance_;
  options.worker = client.peer;
  client.session = std::make_unique<LockSession>(options, now_of(index));
  client.events.clear();
  client.queue.clear();
  client.stopped = false;
}

MonoTime LockWorld::now_of(std::size_t index) const {
  const auto since = now_.time_since_epoch();
  return MonoTime{nanoseconds{static_cast<std::int64_t>(
      std::llround(static_cast<double>(since.count()) * clients_[index]->clock_rate))}};
}

MonoTime LockWorld::global_time(const Client& client, MonoTime local) const {
  if (local == MonoTime::max()) return local;
  // One tick later than exact, so that it is due on the client's clock too.
  return MonoTime{nanoseconds{
      1 + static_cast<std::int64_t>(std::llround(
              static_cast<double>(local.time_since_epoch().count()) / client.clock_rate))}};
}

std::vector<LockEvent> LockWorld::take_events(std::size_t index) {
  auto& client = *clients_[index];
  client.session->take_events(client.events);
  return std::exchange(client.events, {});
}

void LockWorld::fly(bool to_broker, std::size_t client, Bytes frame) {
  const auto& party = *clients_[client];
  if ((to_broker ? party.up_cut : party.down_cut) || lost()) return;
  if (twice()) flights_.push_back({now_ + delay(), flight_order_++, to_broker, client, frame});
  flights_.push_back({now_ + delay(), flight_order_++, to_broker, client, std::move(frame)});
}

void LockWorld::send_frames() {
  std::vector<Bytes> frames;
  for (std::size_t index = 0; index < clients_.size(); ++index) {
    frames.clear();
    auto& session = *clients_[index]->session;
    session.take_frames(frames);
    if (session.open() && session.highest_epoch().epoch >= highest_epoch_.epoch) {
      highest_epoch_ = session.highest_epoch();
    }
    for (auto& frame : frames) fly(true, index, std::move(frame));
  }
  std::vector<LockServiceFrame> answers;
  broker_->take_frames(answers);
  for (auto& answer : answers) {
    const auto at = std::find_if(clients_.begin(), clients_.end(),
                                 [&](const auto& client) { return client->peer == answer.peer; });
    MAS_CHECK(at != clients_.end());
    fly(false, static_cast<std::size_t>(at - clients_.begin()), std::move(answer.frame));
  }
  std::vector<LockServiceNote> notes;
  broker_->take_notes(notes);
  if (const auto wanted = broker_->wanted_epoch()) {
    broker_->raise_epoch(*wanted, now_);
    epoch_ = *wanted + 1;
  }
}

MonoTime LockWorld::next_due() const {
  auto due = MonoTime::max();
  for (const auto& flight : flights_) {
    if (!(flight.to_broker && broker_stopped_)) due = std::min(due, flight.due);
  }
  for (const auto& client : clients_) {
    if (!client->stopped) {
      due = std::min(due, client->queue.empty()
                              ? global_time(*client, client->session->next_deadline())
                              : now_);
    }
  }
  if (!broker_stopped_) due = std::min(due, broker_->next_deadline());
  return due;
}

void LockWorld::step() {
  // Frames first: time passes for the broker only once it has read all that has come.
  std::vector<Flight> landed;
  for (auto at = flights_.begin(); at != flights_.end();) {
    if (at->due <= now_ && !(at->to_broker && broker_stopped_)) {
      landed.push_back(std::move(*at));
      at = flights_.erase(at);
    } else {
      ++at;
    }
  }
  std::sort(landed.begin(), landed.end(), [](const Flight& a, const Flight& b) {
    return std::pair(a.due, a.order) < std::pair(b.due, b.order);
  });
  for (auto& flight : landed) {
    auto& client = *clients_[flight.client];
    if (flight.to_broker) {
      static_cast<void>(broker_->on_frame(client.peer, flight.frame, now_));
    } else {
      client.queue.push_back(std::move(flight.frame));
    }
  }
  for (std::size_t index = 0; index < clients_.size(); ++index) {
    auto& client = *clients_[index];
    if (client.stopped) continue;
    for (const auto& frame : std::exchange(client.queue, {})) {
      static_cast<void>(client.session->on_frame(frame, now_of(index)));
    }
    if (!client.session->open()) client.session->learn(highest_epoch_);
    if (client.session->next_deadline() <= now_of(index)) client.session->on_time(now_of(index));
  }
  if (!broker_stopped_ && broker_->next_deadline() <= now_) broker_->on_time(now_);
  send_frames();
  after_step();
  send_frames();  // of what the test did in there
}

void LockWorld::run(nanoseconds span) {
  const auto until = now_ + span;
  send_frames();
  for (auto due = next_due(); due <= until; due = next_due()) {
    now_ = std::max(now_, due);
    step();
  }
  now_ = until;
  step();
  for (auto due = next_due(); due <= until; due = next_due()) step();
}

}  // namespace mas
