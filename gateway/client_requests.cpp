#include "gateway/client_requests.hpp"

#include <array>
#include <utility>

#include "base/check.hpp"
#include "service/rendezvous.hpp"

namespace mas {
namespace {

RequestKind kind_of(const Command& command) {
  static_assert(std::is_same_v<std::variant_alternative_t<0, Command>, Log>);
  static_assert(std::is_same_v<std::variant_alternative_t<1, Command>, Query>);
  static_assert(std::is_same_v<std::variant_alternative_t<2, Command>, NewAlert>);
  constexpr std::array kinds{RequestKind::log, RequestKind::query, RequestKind::alert,
                             RequestKind::refused};
  return kinds[command.index()];
}

/// The view of a command's id; null for a BadRequest.
std::string_view* id_of(Command& command) {
  if (auto* log = std::get_if<Log>(&command)) return &log->id;
  if (auto* query = std::get_if<Query>(&command)) return &query->id;
  if (auto* alert = std::get_if<NewAlert>(&command)) return &alert->id;
  return nullptr;
}

}  // namespace

std::uint64_t ClientRequests::submit(Command command, TurnTime now) {
  now_ = now.mono;
  const auto kind = kind_of(command);
  const auto* id = id_of(command);
  const auto id_hash = id == nullptr ? 0 : hash_of_id(*id);
  const auto [slot, runs] = order_.add(kind, id_hash);
  if (const auto* bad = std::get_if<BadRequest>(&command)) {
    order_.done(slot, static_cast<std::uint8_t>(bad->reply));
    return slot;
  }
  // A QUERY takes no stamp: what it sees is settled by its worker noting the lengths.
  const auto stamp = kind == RequestKind::query ? WallTime{} : intake_.stamps.next(now.wall);
  if (!runs) {
    waiting_.emplace(slot, Waiting{command, std::string(*id), id_hash, stamp});
  } else if (holds_back(command, slot)) {
    held_.emplace(slot, Waiting{command, std::string(*id), id_hash, stamp});
  } else {
    ask(slot, command, id_hash, stamp);
    run_released();
  }
  return slot;
}

/// Never the front one: the others may all be waiting for it to be given on.
bool ClientRequests::holds_back(const Command& command, std::uint64_t slot) const {
  return std::holds_alternative<Query>(command) && queries_.size() >= queries_asked_max &&
         slot != order_.front();
}

void ClientRequests::ask(std::uint64_t slot, const Command& command, std::uint64_t id_hash,
                         WallTime stamp) {
  const Origin origin{client_, slot};
  auto& to = intake_.dispatcher;
  if (const auto* log = std::get_if<Log>(&command)) {
    to.log(origin, *log, id_hash, stamp, now_);
  } else if (const auto* query = std::get_if<Query>(&command)) {
    const auto request = to.query(origin, *query, form_, now_);
    // It may have been refused at once.
    if (order_.runs(slot)) queries_.emplace(slot, request);
  } else {
    to.alert(origin, std::get<NewAlert>(command), id_hash, stamp, now_);
  }
}

/// Asks for what waited and may run now. In a loop and not by recursion, as an answer that comes at
/// once (503) may release the next one.
void ClientRequests::run_released() {
  if (std::exchange(running_released_, true)) return;
  for (bool more = true; more;) {
    const auto released = order_.take_released();
    for (const auto slot : released) {
      auto waiting = waiting_.extract(slot);
      MAS_CHECK(!waiting.empty());
      if (holds_back(waiting.mapped().command, slot)) {
        held_.emplace(slot, std::move(waiting.mapped()));
      } else {
        run(slot, std::move(waiting.mapped()));
      }
    }
    more = !released.empty();
    while (!held_.empty() && !holds_back(held_.begin()->second.command, held_.begin()->first)) {
      auto held = held_.extract(held_.begin());
      run(held.key(), std::move(held.mapped()));
      more = true;
    }
  }
  running_released_ = false;
}

void ClientRequests::run(std::uint64_t slot, Waiting waiting) {
  *id_of(waiting.command) = waiting.id;
  ask(slot, waiting.command, waiting.id_hash, waiting.stamp);
}

void ClientRequests::forget_front() {
  order_.pop_front();
  if (!held_.empty()) run_released();
}

std::optional<Reply> ClientRequests::on_outcome(std::uint64_t slot, Status status) {
  if (!order_.runs(slot)) return std::nullopt;
  queries_.erase(slot);
  const auto stored = order_.kind(slot) == RequestKind::log;
  const auto reply = status == Status::busy        ? Reply::busy
                     : status == Status::not_found ? Reply::metric_not_found
                     : stored                      ? Reply::metric_inserted
                                                   : Reply::alert_registered;
  order_.done(slot, static_cast<std::uint8_t>(reply));
  run_released();
  return reply;
}

void ClientRequests::on_noted(std::uint64_t slot) {
  order_.noted(slot);
  run_released();
}

void ClientRequests::finish(std::uint64_t slot) {
  queries_.erase(slot);
  order_.done(slot);
  run_released();
}

void ClientRequests::grant(std::uint64_t slot, std::uint32_t chunks) {
  if (const auto query = queries_.find(slot); query != queries_.end()) {
    intake_.dispatcher.grant(query->second, chunks);
  }
}

void ClientRequests::abandon() {
  held_.clear();
  for (const auto& [slot, request] : std::exchange(queries_, {})) {
    intake_.dispatcher.cancel(request);
  }
}

}  // namespace mas
