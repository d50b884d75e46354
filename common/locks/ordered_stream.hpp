#pragma once

#include <cstdint>
#include <deque>

#include "base/bytes.hpp"
#include "wire/lock_messages.hpp"

namespace mas {

/// One end of a session's two streams of items: what it sends, and what it has taken in. Messages
/// are numbered, taken in in order and once each, kept until the other end has seen them, and sent
/// again from there when it asks (go-back-N). So a reconnection, which loses what was on its way
/// and may bring the old connection's messages late, can neither lose a release nor repeat a grant.
/// Thread-safety: one owner.
class OrderedStream {
 public:
  /// Opens a message's worth of items after another whenever one is full.
  template <typename Item>
  void push(const Item& item) {
    open_message();
    append_item(messages_.back().items, item);
    ++messages_.back().count;
  }

  /// The next message to send, or null when all is sent. It is numbered and closed by this; the
  /// view lives until the next call. `session` and `seen` are filled in too.
  [[nodiscard]] bool next_to_send(LockItems& message);

  /// Whether the message with this number is the next to take in; if so it counts as taken in.
  [[nodiscard]] bool take_in(std::uint64_t number);

  /// The other end has taken in all messages up to this number.
  void on_seen(std::uint64_t number);
  /// The other end tells where it stands, with a heartbeat or its acknowledgement.
  void on_state(const StreamState& theirs);

  /// To be told to the other end.
  [[nodiscard]] StreamState state() const { return {sent_, seen_, behind()}; }
  /// Whether messages of the other end's are known to be missing.
  [[nodiscard]] bool behind() const { return theirs_ > seen_; }
  /// Whether the other end has seen all that was pushed.
  [[nodiscard]] bool settled() const { return messages_.empty(); }
  /// Messages that were pushed and that the other end has not seen.
  [[nodiscard]] std::size_t kept() const { return messages_.size(); }
  /// Bytes kept for the other end, for bounds.
  [[nodiscard]] std::size_t bytes_kept() const { return bytes_kept_; }

 private:
  struct Message {
    std::uint64_t number = 0;  ///< given when it is first sent; until then 0
    std::uint32_t count = 0;
    Bytes items;
  };
  void open_message();

  std::deque<Message> messages_;  ///< not yet seen by the other end
  std::size_t next_ = 0;          ///< index of the next to send
  std::uint64_t sent_ = 0;        ///< highest number given
  std::uint64_t seen_ = 0;        ///< highest number taken in
  std::size_t bytes_kept_ = 0;    ///< in numbered messages
  std::uint64_t theirs_ = 0;      ///< highest number that the other end is known to have given
};

}  // namespace mas
