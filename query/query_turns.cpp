#include "query/query_turns.hpp"

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

void QueryTurns::pause(Number query) {
  const auto found = places_.find(query);
  if (found == places_.end() || found->second != Place::running) return;
  found->second = Place::paused;
  std::erase(circle_, query);
}

void QueryTurns::resume(Number query) {
  const auto found = places_.find(query);
  if (found == places_.end() || found->second != Place::paused) return;
  found->second = Place::running;
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
    std::erase_if(line_, [&](const Waiting& waiting) { return waiting.query == query; });
  } else {
    --open_;
    std::erase(circle_, query);
  }
  places_.erase(found);
}

std::vector<QueryTurns::Number> QueryTurns::overdue(MonoTime now) const {
  std::vector<Number> found;
  for (const auto& waiting : line_) {
    if (now - waiting.since < line_wait_max) break;  // they stand in the order of their coming
    found.push_back(waiting.query);
  }
  return found;
}

}  // namespace mas
