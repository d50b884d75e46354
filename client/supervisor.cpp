#include "client/supervisor.hpp"

#include <algorithm>

#include "base/check.hpp"

namespace mas {

Supervisor::Supervisor(const std::vector<Role>& roles) : children_(roles.size()) {
  for (std::size_t child = 0; child < roles.size(); ++child) children_[child].role = roles[child];
}

void Supervisor::on(const Event& event, MonoTime now, std::vector<Action>& out) {
  if (finished_) return;
  if (std::holds_alternative<Begin>(event)) {
    if (draining_) return;
    for (std::size_t child = 0; child < children_.size(); ++child) start(child, now, out);
    ask_ready_at_ = now + probe_interval;
  } else if (const auto* gone = std::get_if<Exited>(&event)) {
    exited(*gone, now, out);
  } else if (const auto* answer = std::get_if<ReadyAnswered>(&event)) {
    if (draining_ || announced_) return;
    if (answer->ready) {
      announced_ = true;
      out.emplace_back(AnnounceReady{});
    } else {
      ask_ready_at_ = now + probe_interval;
    }
  } else if (std::holds_alternative<StopAsked>(event)) {
    if (draining_)
      kill_all(out);
    else
      begin_drain(now, out);
  } else {
    time_passed(now, out);
  }
}

std::optional<MonoTime> Supervisor::next_deadline() const {
  std::optional<MonoTime> first;
  const auto consider = [&first](const std::optional<MonoTime>& at) {
    if (at && (!first || *at < *first)) first = at;
  };
  consider(ask_ready_at_);
  consider(kill_at_);
  for (const Child& child : children_) consider(child.restart_at);
  return first;
}

void Supervisor::start(std::size_t child, MonoTime now, std::vector<Action>& out) {
  Child& it = children_[child];
  MAS_CHECK(!it.running && !draining_);
  it.running = true;
  it.started = now;
  it.restart_at.reset();
  out.emplace_back(Start{child});
}

void Supervisor::exited(const Exited& event, MonoTime now, std::vector<Action>& out) {
  MAS_CHECK(event.child < children_.size());
  Child& child = children_[event.child];
  MAS_CHECK(child.running);
  child.running = false;
  if (draining_) {
    drain_next_role(out);
    return;
  }
  // Before the system has ever worked, a child that refuses its configuration will refuse it again:
  // the person who started it should read why instead of a row of retries. Later the same exit can
  // be an accident, such as a port that somebody else holds for a moment.
  if (!announced_ && event.exit_code == configuration_error_exit) {
    exit_code_ = configuration_error_exit;
    begin_drain(now, out);
    return;
  }
  if (now - child.started >= healthy_life) child.next_delay = restart_delay_min;
  child.restart_at = now + child.next_delay;
  out.emplace_back(RestartLater{event.child, child.next_delay});
  child.next_delay = std::min(child.next_delay * 2, restart_delay_max);
}

void Supervisor::begin_drain(MonoTime now, std::vector<Action>& out) {
  for (Child& child : children_) child.restart_at.reset();
  ask_ready_at_.reset();
  kill_at_ = now + drain_time_max;
  draining_ = Role::gateway;
  drain_role(*draining_, out);
  drain_next_role(out);
}

void Supervisor::drain_next_role(std::vector<Action>& out) {
  while (!any_running(*draining_)) {
    if (*draining_ == Role::lockbroker) {
      finished_ = true;
      kill_at_.reset();
      out.emplace_back(Finish{exit_code_});
      return;
    }
    draining_ = *draining_ == Role::gateway ? Role::worker : Role::lockbroker;
    drain_role(*draining_, out);
  }
}

void Supervisor::drain_role(Role role, std::vector<Action>& out) {
  for (std::size_t child = 0; child < children_.size(); ++child)
    if (children_[child].running && children_[child].role == role) out.emplace_back(Drain{child});
}

void Supervisor::kill_all(std::vector<Action>& out) {
  kill_at_.reset();
  for (std::size_t child = 0; child < children_.size(); ++child)
    if (children_[child].running) out.emplace_back(Kill{child});
}

void Supervisor::time_passed(MonoTime now, std::vector<Action>& out) {
  if (kill_at_ && *kill_at_ <= now) kill_all(out);
  if (ask_ready_at_ && *ask_ready_at_ <= now) {
    ask_ready_at_.reset();
    out.emplace_back(AskReady{});
  }
  for (std::size_t child = 0; child < children_.size(); ++child)
    if (const auto& at = children_[child].restart_at; at && *at <= now) start(child, now, out);
}

bool Supervisor::any_running(Role role) const {
  return std::any_of(children_.begin(), children_.end(),
                     [role](const Child& child) { return child.running && child.role == role; });
}

}  // namespace mas
