#include "locks/ordered_stream.hpp"

#include <algorithm>

namespace mas {
namespace {

/// An item's bytes at most: name, value, and less than 32 of fixed fields.
constexpr std::size_t item_bytes_max = lock_name_bytes_max + lock_value_bytes_max + 32;

}  // namespace

void OrderedStream::open_message() {
  if (!messages_.empty()) {
    const auto& last = messages_.back();
    if (last.number == 0 && last.count < lock_items_max &&
        last.items.size() + item_bytes_max <= lock_items_bytes_max) {
      return;
    }
  }
  messages_.emplace_back();
}

bool OrderedStream::next_to_send(LockItems& message) {
  if (next_ == messages_.size()) return false;
  auto& next = messages_[next_++];
  if (next.number == 0) {
    next.number = ++sent_;
    bytes_kept_ += next.items.size();
  }
  message.number = next.number;
  message.seen = seen_;
  message.items = next.items;
  return true;
}

bool OrderedStream::take_in(std::uint64_t number) {
  theirs_ = std::max(theirs_, number);
  if (number != seen_ + 1) return false;
  seen_ = number;
  return true;
}

void OrderedStream::on_seen(std::uint64_t number) {
  while (!messages_.empty() && messages_.front().number != 0 &&
         messages_.front().number <= number) {
    bytes_kept_ -= messages_.front().items.size();
    messages_.pop_front();
    // A message that is seen was sent, unless the sending was being repeated just now.
    if (next_ > 0) --next_;
  }
}

void OrderedStream::on_state(const StreamState& theirs) {
  on_seen(theirs.seen);
  if (theirs.resend) next_ = 0;
  theirs_ = std::max(theirs_, theirs.sent);
}

}  // namespace mas
