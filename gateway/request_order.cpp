#include "gateway/request_order.hpp"

#include <utility>

#include "base/check.hpp"

namespace mas {

RequestOrder::Added RequestOrder::add(RequestKind kind, std::uint64_t id_hash) {
  const auto slot = front_ + slots_.size();
  // Before the slot itself is there, as track() counts the open LOGs among the slots.
  Tracked* id = nullptr;
  if (kind == RequestKind::query || kind == RequestKind::alert) {
    id = &track(id_hash);
  } else if (kind == RequestKind::log && !tracked_.empty()) {
    const auto found = tracked_.find(id_hash);
    if (found != tracked_.end()) id = &found->second;
  }
  auto& added = slots_.emplace_back(Slot{.id_hash = id_hash, .kind = kind});
  if (id == nullptr) {
    added.runs = true;
    return {slot, true};
  }
  id->waiting.push_back(slot);
  release(id_hash);
  // Released at once means it did not have to wait: the caller runs it now.
  if (!released_.empty() && released_.back() == slot) {
    released_.pop_back();
    return {slot, true};
  }
  return {slot, false};
}

RequestOrder::Tracked& RequestOrder::track(std::uint64_t id_hash) {
  const auto [entry, is_new] = tracked_.try_emplace(id_hash);
  if (is_new) {
    for (const auto& slot : slots_) {
      const bool open = slot.kind == RequestKind::log && !slot.done && slot.id_hash == id_hash;
      entry->second.open_logs += open ? 1 : 0;
    }
  }
  return entry->second;
}

void RequestOrder::start(Slot& slot, Tracked& id) {
  slot.runs = true;
  ++(slot.kind == RequestKind::log ? id.open_logs : id.unnoted);
}

void RequestOrder::release(std::uint64_t id_hash) {
  const auto entry = tracked_.find(id_hash);
  if (entry == tracked_.end()) return;
  auto& id = entry->second;
  while (!id.waiting.empty()) {
    auto& slot = at(id.waiting.front());
    const bool held_back = slot.kind == RequestKind::log ? id.unnoted > 0 : id.open_logs > 0;
    if (held_back) return;
    start(slot, id);
    released_.push_back(id.waiting.front());
    id.waiting.pop_front();
  }
  // With none of them ahead and nothing waiting the id needs no watching: LOGs run free again.
  if (id.unnoted == 0) tracked_.erase(entry);
}

void RequestOrder::noted(std::uint64_t slot) {
  if (!is_pending(slot)) return;
  auto& request = at(slot);
  const bool holds = request.kind == RequestKind::query || request.kind == RequestKind::alert;
  if (!holds || request.noted || !request.runs) return;
  request.noted = true;
  const auto entry = tracked_.find(request.id_hash);
  MAS_CHECK(entry != tracked_.end() && entry->second.unnoted > 0);
  --entry->second.unnoted;
  release(request.id_hash);
}

void RequestOrder::done(std::uint64_t slot, std::uint8_t outcome) {
  if (!is_pending(slot)) return;
  auto& request = at(slot);
  if (request.done) return;
  MAS_CHECK(request.runs);
  noted(slot);
  request.done = true;
  request.outcome = outcome;
  if (request.kind != RequestKind::log || tracked_.empty()) return;
  const auto entry = tracked_.find(request.id_hash);
  if (entry == tracked_.end()) return;
  MAS_CHECK(entry->second.open_logs > 0);
  --entry->second.open_logs;
  release(request.id_hash);
}

std::vector<std::uint64_t> RequestOrder::take_released() { return std::exchange(released_, {}); }

void RequestOrder::pop_front() {
  MAS_CHECK(front_done());
  slots_.pop_front();
  ++front_;
}

}  // namespace mas
