#include "support/lock_player.hpp"

#include <algorithm>
#include <thread>
#include <utility>

#include "net/clock.hpp"
#include "service/process.hpp"

namespace mas {
namespace {

constexpr milliseconds step_interval{1};
constexpr int hold_ms_max = 6;
constexpr int rest_ms_max = 10;
constexpr int wait_ms_max = 2000;
/// Lives of one player have numbers of their own in the history, as a new process has.
constexpr std::size_t lives_max = 1000;

}  // namespace

LockPlayer::LockPlayer(LockPlayerOptions options)
    : options_(std::move(options)),
      random_(options_.seed),
      locks_(options_.names.size()),
      histories_(options_.names.size()) {}

void LockPlayer::run() {
  while (!stopping_) {
    play_one_life();
    ++life_;
  }
}

void LockPlayer::play_one_life() {
  over_ = false;
  for (auto& lock : locks_) lock = Lock{};
  EventLoop loop;
  LockLinkOptions link_options;
  link_options.port = options_.port;
  link_options.session.cluster = "mas";
  link_options.session.instance = random_instance();
  link_options.session.worker = "player";
  link_options.session.shared_idle_max = a_while(100);
  link_options.session.hello_interval = milliseconds{50};
  LockLink link(loop, link_options, [this](const LockEvent& event) { on_event(event); });
  loop_ = &loop;
  link_ = &link;
  loop.every(step_interval, [this] { step(); });
  loop.run();
  end_all(!stopping_);
  loop_ = nullptr;
  link_ = nullptr;
}

std::size_t LockPlayer::index_of(const LockName& name) const {
  return static_cast<std::size_t>(std::find(options_.names.begin(), options_.names.end(), name) -
                                  options_.names.begin());
}

void LockPlayer::on_event(const LockEvent& event) {
  if (over_) return;
  if (const auto* granted = std::get_if<LockGranted>(&event)) {
    on_granted(*granted);
  } else if (const auto* refused = std::get_if<LockRefused>(&event)) {
    auto& lock = locks_[index_of(refused->name)];
    if (lock.ticket != refused->ticket) return;
    if (lock.state == State::waiting) lock.state = State::idle;
    if (lock.state == State::converting) lock.state = State::held;
  } else if (const auto* recalled = std::get_if<LockRecalled>(&event)) {
    on_recalled(*recalled);
  } else if (std::holds_alternative<LockSessionLost>(event)) {
    on_lost();
  } else if (std::holds_alternative<LockSessionClosed>(event)) {
    over_ = true;
    loop_->stop();
  }
}

void LockPlayer::on_granted(const LockGranted& granted) {
  const auto name = index_of(granted.name);
  auto& lock = locks_[name];
  const auto before = mono_now();
  const auto* held = link_->held(granted.name);
  const bool still = held != nullptr && held->token == granted.grant.token && link_->lease_valid();
  // Not valid any more: it was never held, as far as anybody can tell.
  if (lock.ticket != granted.ticket || !still || stopping_) return;
  const auto now = mono_now();
  lock.valid = before;
  lock.token = granted.grant.token;
  lock.due = now + a_while(hold_ms_max);
  if (lock.state == State::waiting) {
    lock.mode = granted.grant.mode;
    lock.state = State::held;
    write_down(name, LockOperation::What::acquire, lock.asked, now);
    options_.granted();
  } else if (lock.state == State::converting) {
    lock.mode = granted.grant.mode;
    lock.state = State::held;
    write_down(name, LockOperation::What::convert, lock.asked, now);
  }
}

void LockPlayer::on_recalled(const LockRecalled& recalled) {
  const auto name = index_of(recalled.name);
  auto& lock = locks_[name];
  const auto now = mono_now();
  if (lock.state == State::idle || lock.state == State::waiting) {
    // Weakened or refused before it was looked at.
    link_->release(recalled.name);
  } else if (chance(0.05)) {
    link_->unable(recalled.name);
  } else if (!chance(0.1) && sure(name)) {  // else it is let go when it is due
    if (recalled.wanted == LockMode::shared && lock.mode == LockMode::exclusive) {
      lock.mode = LockMode::append;
      lock.state = State::held;
      write_down(name, LockOperation::What::convert, now, MonoTime::max());
      link_->convert_down(recalled.name, LockMode::append);
    } else {
      release(name, now);
    }
  }
}

void LockPlayer::on_lost() {
  const auto now = mono_now();
  const auto lease_end = link_->state().lease_until();
  for (std::size_t name = 0; name < locks_.size(); ++name) {
    auto& lock = locks_[name];
    if (lock.state == State::held || lock.state == State::converting) {
      const auto until =
          lease_end <= now ? std::max(lock.valid, lease_end - nanoseconds{1}) : lock.valid;
      write_down(name, LockOperation::What::release, options_.looks_at_lease ? until : now,
                 MonoTime::max());
      lock.state = State::idle;
      lock.due = now;
    }
    // What waits to be acquired goes on waiting.
  }
}

bool LockPlayer::sure(std::size_t name) {
  auto& lock = locks_[name];
  const auto now = mono_now();
  const auto* held = link_->held(options_.names[name]);
  if (held == nullptr || held->token != lock.token || !link_->lease_valid()) return false;
  lock.valid = now;
  return true;
}

void LockPlayer::step() {
  if (over_) return;
  if (!stopping_ && options_.stop()) {
    stopping_ = true;
    end_all(false);
    link_->goodbye();
    return;
  }
  if (stopping_) return;
  for (std::size_t name = 0; name < locks_.size(); ++name) {
    const auto now = mono_now();
    auto& lock = locks_[name];
    if (lock.state == State::held || lock.state == State::converting) sure(name);
    if (now < lock.due) continue;
    if (lock.state == State::idle) begin(name, now);
    if (lock.state == State::held) go_on(name, now);
  }
  if (chance(options_.vanishes)) {
    // Another process takes its place; nobody tells the broker.
    over_ = true;
    loop_->stop();
  } else if (chance(options_.stands_still)) {
    std::this_thread::sleep_for(options_.standstill);
  }
}

void LockPlayer::begin(std::size_t name, MonoTime now) {
  auto& lock = locks_[name];
  lock.state = State::waiting;
  lock.ticket = ++tickets_;
  lock.asked = now;
  lock.due = now + a_while(rest_ms_max);
  const auto mode = chance(0.5)   ? LockMode::shared
                    : chance(0.5) ? LockMode::append
                                  : LockMode::exclusive;
  link_->acquire(options_.names[name], mode, lock.ticket, a_while(wait_ms_max));
}

void LockPlayer::go_on(std::size_t name, MonoTime now) {
  auto& lock = locks_[name];
  if (!sure(name)) return;  // the loss is told as an event
  if (lock.mode == LockMode::append && chance(0.2)) {
    lock.state = State::converting;
    lock.ticket = ++tickets_;
    lock.asked = now;
    link_->convert_up(options_.names[name], lock.ticket, a_while(wait_ms_max));
  } else if (lock.mode == LockMode::exclusive && chance(0.2)) {
    lock.mode = LockMode::append;
    lock.due = now + a_while(hold_ms_max);
    write_down(name, LockOperation::What::convert, now, MonoTime::max());
    link_->convert_down(options_.names[name], LockMode::append);
  } else {
    release(name, now);
  }
}

void LockPlayer::release(std::size_t name, MonoTime now) {
  auto& lock = locks_[name];
  write_down(name, LockOperation::What::release, now, MonoTime::max());
  lock.state = State::idle;
  lock.due = now + a_while(rest_ms_max);
  if (lock.mode == LockMode::shared) {
    link_->end_use(options_.names[name], lock.token);  // it stays cached for a while
  } else {
    link_->release(options_.names[name]);
  }
}

void LockPlayer::end_all(bool abandoned) {
  const auto lease_end = link_->state().lease_until();
  for (std::size_t name = 0; name < locks_.size(); ++name) {
    auto& lock = locks_[name];
    if (lock.state != State::held && lock.state != State::converting) continue;
    const bool held = sure(name);
    if (abandoned) {
      // It is its own as long as the lease lasts that it knows of.
      write_down(name, LockOperation::What::release, held ? lease_end - nanoseconds{1} : lock.valid,
                 MonoTime::max());
    } else {
      write_down(name, LockOperation::What::release, lock.valid, MonoTime::max());
      if (held && lock.mode != LockMode::shared) link_->release(options_.names[name]);
    }
    lock.state = State::idle;
  }
}

void LockPlayer::write_down(std::size_t name, LockOperation::What what, MonoTime invoked,
                            MonoTime returned) {
  const auto& lock = locks_[name];
  const auto client = options_.client * lives_max + life_;
  histories_[name].push_back({client, what, invoked, returned, lock.mode, lock.token});
}

}  // namespace mas
