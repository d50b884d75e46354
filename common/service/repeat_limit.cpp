#include "service/repeat_limit.hpp"

#include <utility>

namespace mas {

std::optional<std::uint64_t> RepeatLimit::allows(std::string_view cause, MonoTime now) {
  auto found = causes_.find(cause);
  if (found == causes_.end()) {
    if (causes_.size() >= causes_max) {
      cause = "other";
      found = causes_.find(cause);
    }
    if (found == causes_.end()) {
      causes_.emplace(cause, Said{now, 0});
      return 0;
    }
  }
  auto& said = found->second;
  if (now - said.at < period_) {
    ++said.kept;
    return std::nullopt;
  }
  said.at = now;
  return std::exchange(said.kept, 0);
}

}  // namespace mas
