#include "query/query_turns.hpp"

#include <algorithm>

#include "base/check.hpp"

namespace mas {

void QueryTurns::enter(Number query, MonoTime now) {
  MAS_CHECK(places_.emplace(query, Place::line).second);
  line_.push_back({query, now});
}

std::optional<QueryTurns::Number> QueryTurns::next_to_open() {
  if (line_.empty() || open_ >= open_max_) return std::nullopt;
  const Number query = line_.front().query;
  line_.pop_front();
  places_[query] = Place::opening;
  ++open_;
  return query;
}

void QueryTurns::start(Number query) {
  auto& place = places_.at(query);
  MAS_CHECK(place == Place::opening);
  place = Place::running;
  circle_.push_front(query);
}

void QueryTurns::pause(Number query, MonoTime now) {
  const auto found = places_.find(query);
  if (found == places_.end() || found->second != Place::running) return;
  found->second = Place::paused;
  paused_.push_back({query, now});
  std::erase(circle_, query);
}

void QueryTurns::resume(Number query) {
  const auto found = places_.find(query);
  if (found == places_.end() || found->second != Place::paused) return;
  found->second = Place::running;
  take_out(paused_, query);
  circle_.push_back(query);
}

std::optional<QueryTurns::Number> QueryTurns::next_to_step() {
  if (circle_.empty()) return std::nullopt;
  const Number query = circle_.front();
  circle_.pop_front();
  circle_.push_back(query);
  return query;
}

void QueryTurns::leave(Number query) {
  const auto found = places_.find(query);
  if (found == places_.end()) return;
  if (found->second == Place::line) {
    take_out(line_, query);
  } else {
    --open_;
    std::erase(circle_, query);
    take_out(paused_, query);
  }
  places_.erase(found);
}

std::vector<QueryTurns::Number> QueryTurns::overdue(MonoTime now) const {
  return waiting_since(line_, now - line_wait_max);
}

std::vector<QueryTurns::Number> QueryTurns::stalled(MonoTime now) const {
  const auto wait = waiting_since(line_, now - reader_patience).size();
  auto found = waiting_since(paused_, now - reader_patience);
  found.resize(std::min(found.size(), wait));
  return found;
}

std::vector<QueryTurns::Number> QueryTurns::waiting_since(const std::deque<Waiting>& in,
                                                          MonoTime latest) {
  std::vector<Number> found;
  for (const auto& waiting : in) {
    if (waiting.since > latest) break;  // they stand in the order of their coming
    found.push_back(waiting.query);
  }
  return found;
}

void QueryTurns::take_out(std::deque<Waiting>& from, Number query) {
  std::erase_if(from, [query](const Waiting& waiting) { return waiting.query == query; });
}

}  // namespace mas
