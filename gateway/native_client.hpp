#pragma once

#include <cstdint>
#include <deque>
#include <unordered_map>

#include "gateway/client_requests.hpp"
#include "wire/native_messages.hpp"

namespace mas {

inline constexpr std::size_t native_pending_max = 4'096;
/// Replies of one client that wait for room in its socket's queue. Twice the requests that may be
/// open, so that those of a client that reads at all always have their place.
inline constexpr std::size_t native_replies_max = 2 * native_pending_max;

/// One native client: MessagePack requests in, replies out, each with its request's number, as
/// soon as they are there. Requests take effect in their order, as those of a text connection do.
/// Bounded: above native_pending_max open requests the answer is 503, as one peer of a ROUTER
/// cannot be left unread; what a client sends that does not take native_replies_max of its replies
/// is dropped. No socket, clock or thread. Thread-safety: one owner.
class NativeClient {
 public:
  NativeClient(std::uint64_t client, Intake& intake)
      : requests_(client, AnswerForm::columns, intake) {}

  /// Error: not a request, so there is nobody to answer, or too many replies wait; it was dropped.
  Result<void> on_request(ByteView message, TurnTime now);

  /// As in Answers.
  void on_outcome(std::uint64_t slot, Status status);
  void on_noted(std::uint64_t slot) { requests_.on_noted(slot); }
  void on_chunk(std::uint64_t slot, ByteView body, bool last);
  void on_cut(std::uint64_t slot);

  /// The next reply to send, or null.
  [[nodiscard]] const Bytes* next_reply() const;
  void on_sent();
  /// The client is gone.
  void abandon() { requests_.abandon(); }
  [[nodiscard]] bool idle() const { return replies_.empty() && requests_.pending() == 0; }
  [[nodiscard]] MonoTime heard() const { return heard_; }

 private:
  struct Outgoing {
    Bytes frame;
    std::uint64_t slot = 0;
    bool is_chunk = false;  ///< of an answer that goes on: its worker may send another
  };

  void reply(std::uint64_t request, Reply text);
  void forget_over();

  ClientRequests requests_;
  std::unordered_map<std::uint64_t, std::uint64_t> numbers_;  ///< slot to the client's number
  std::deque<Outgoing> replies_;
  MonoTime heard_{};
};

}  // namespace mas
