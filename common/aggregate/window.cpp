#include "aggregate/window.hpp"

#include <limits>
#include <utility>

#include "base/check.hpp"

namespace mas {

Windows::Windows(nanoseconds length)
    : length_ns_(length == nanoseconds::max() ? std::numeric_limits<std::uint64_t>::max()
                                              : static_cast<std::uint64_t>(length.count())) {
  MAS_CHECK(length >= nanoseconds::zero());
}

bool Windows::takes_whole(WallTime first, WallTime last) const {
  const WallTime start = open_ && holds(open_->start, first) ? open_->start : first;
  return holds(start, last);
}

std::optional<Window> Windows::add_whole(WallTime first, const Aggregate& aggregate) {
  std::optional<Window> closed;
  if (!open_ || !holds(open_->start, first)) closed = open_at(first);
  open_->aggregate.merge(aggregate);
  return closed;
}

std::optional<Window> Windows::finish() { return std::exchange(open_, std::nullopt); }

std::optional<Window> Windows::open_at(WallTime start) {
  // An earlier stamp looks like a very late one to holds(), so order is checked where that shows.
  MAS_CHECK(!open_ || start >= open_->start);
  return std::exchange(open_, Window{start, {}});
}

}  // namespace mas
