#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <unordered_map>

#include "gateway/command.hpp"
#include "gateway/dispatcher.hpp"
#include "gateway/request_order.hpp"
#include "gateway/stamp_source.hpp"

namespace mas {

/// What all clients of a gateway ask through.
struct Intake {
  Dispatcher& dispatcher;
  StampSource& stamps;
  const TimeZone& local;
};
/// The moment of a turn: read once, as a clock reading per line would cost more than its parsing.
struct TurnTime {
  WallTime wall;
  MonoTime mono;
};

/// QUERYs of one client that are asked for and not given on at a time: enough that a pipeline of
/// small ones never waits for a hop, and few of those that a query worker keeps open, so that a
/// client that pipelines large ones and does not read leaves room for the others.
inline constexpr std::size_t queries_asked_max = 16;

/// One client's requests, whichever port it came by: stamps them, holds back those that must wait
/// for an earlier one (see RequestOrder), asks the dispatcher, remembers how each ended until its
/// owner has told the client. No socket, clock or thread. Thread-safety: one owner.
class ClientRequests {
 public:
  /// `client` names it in Origins; QUERYs are answered in `form`.
  ClientRequests(std::uint64_t client, AnswerForm form, Intake& intake)
      : client_(client), form_(form), intake_(intake) {}

  /// Takes the next request and gives its slot; the slots count up from 0. A BadRequest is over at
  /// once.
  std::uint64_t submit(Command command, TurnTime now);

  /// As in Answers; gives the reply by it, or nothing when the request is over already. A QUERY
  /// with an answer is over by finish() alone, once all of it was given on.
  std::optional<Reply> on_outcome(std::uint64_t slot, Status status);
  void on_noted(std::uint64_t slot);
  void finish(std::uint64_t slot);
  /// So many chunks of a QUERY's answer were given on to the client.
  void grant(std::uint64_t slot, std::uint32_t chunks);
  /// The client is gone: its queries need no answer.
  void abandon();

  /// The slot that the next submit() gives.
  [[nodiscard]] std::uint64_t next_slot() const { return order_.front() + order_.pending(); }
  /// Requests that are not forgotten.
  [[nodiscard]] std::size_t pending() const { return order_.pending(); }
  /// The oldest of them; there is one.
  [[nodiscard]] std::uint64_t front() const { return order_.front(); }
  [[nodiscard]] bool front_over() const { return order_.front_done(); }
  /// The reply to the front one, which is over and was no QUERY with an answer.
  [[nodiscard]] Reply front_reply() const { return static_cast<Reply>(order_.front_outcome()); }
  void forget_front();

 private:
  /// A command that waits, with the id that its line no longer holds.
  struct Waiting {
    Command command;
    std::string id;
    std::uint64_t id_hash = 0;
    WallTime stamp;
  };

  void ask(std::uint64_t slot, const Command& command, std::uint64_t id_hash, WallTime stamp);
  [[nodiscard]] bool holds_back(const Command& command, std::uint64_t slot) const;
  void run_released();
  void run(std::uint64_t slot, Waiting waiting);

  std::uint64_t client_;
  AnswerForm form_;
  Intake& intake_;
  RequestOrder order_;
  std::unordered_map<std::uint64_t, Waiting> waiting_;        ///< for earlier ones of their id
  std::map<std::uint64_t, Waiting> held_;                     ///< QUERYs beyond queries_asked_max
  std::unordered_map<std::uint64_t, std::uint64_t> queries_;  ///< slot to the dispatcher's number
  MonoTime now_{};
  bool running_released_ = false;
};

}  // namespace mas
