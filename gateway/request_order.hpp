#pragma once

#include <cstdint>
#include <deque>
#include <unordered_map>
#include <vector>

namespace mas {

enum class RequestKind : std::uint8_t { log, query, alert, refused };

/// The requests of one client that are not over, in the order in which they were read, and which of
/// them must wait: a QUERY or NEW-ALERT for the client's earlier LOGs of the same id, a LOG until
/// an earlier QUERY of its id has noted its lengths, and until an earlier NEW-ALERT of its id is
/// over (it has looked whether the metric exists). Ids are told apart by their hash; two that
/// collide wait for each other needlessly, no more.
///
/// Costs nothing per LOG while no QUERY or NEW-ALERT is under way; ids are looked up only among
/// those that one concerns. No socket, clock or thread. Thread-safety: one owner.
class RequestOrder {
 public:
  struct Added {
    std::uint64_t slot = 0;  ///< the request's number, counted up from 0
    bool runs = false;       ///< false: it waits, and will be told by take_released()
  };
  Added add(RequestKind kind, std::uint64_t id_hash);
  /// A running QUERY has noted its lengths; later calls for it are ignored.
  void noted(std::uint64_t slot);
  /// The request, which runs, is over. `outcome` is its owner's, see front_outcome().
  void done(std::uint64_t slot, std::uint8_t outcome = 0);
  /// Slots that waited and run from now on, in order; forgets them.
  [[nodiscard]] std::vector<std::uint64_t> take_released();

  /// Requests that are not popped yet.
  [[nodiscard]] std::size_t pending() const { return slots_.size(); }
  [[nodiscard]] std::uint64_t front() const { return front_; }
  /// A pending one that neither waits nor is over.
  [[nodiscard]] bool runs(std::uint64_t slot) const {
    return is_pending(slot) && slots_[slot - front_].runs && !slots_[slot - front_].done;
  }
  /// Of a pending one.
  [[nodiscard]] RequestKind kind(std::uint64_t slot) const { return slots_[slot - front_].kind; }
  [[nodiscard]] bool front_done() const { return !slots_.empty() && slots_.front().done; }
  [[nodiscard]] std::uint8_t front_outcome() const { return slots_.front().outcome; }
  /// Forgets the front one, which is done.
  void pop_front();
  [[nodiscard]] bool is_pending(std::uint64_t slot) const {
    return slot >= front_ && slot - front_ < slots_.size();
  }

 private:
  struct Slot {
    std::uint64_t id_hash = 0;
    RequestKind kind = RequestKind::log;
    bool runs = false;
    bool noted = false;  ///< a QUERY or NEW-ALERT that holds no LOG back any more
    bool done = false;
    std::uint8_t outcome = 0;
  };
  /// An id that a QUERY or NEW-ALERT under way is about.
  struct Tracked {
    std::uint32_t open_logs = 0;
    std::uint32_t unnoted = 0;  ///< running QUERYs and NEW-ALERTs that hold LOGs back
    std::deque<std::uint64_t> waiting;
  };

  [[nodiscard]] Slot& at(std::uint64_t slot) { return slots_[slot - front_]; }
  Tracked& track(std::uint64_t id_hash);
  void start(Slot& slot, Tracked& id);
  void release(std::uint64_t id_hash);

  std::deque<Slot> slots_;
  std::uint64_t front_ = 0;
  std::unordered_map<std::uint64_t, Tracked> tracked_;
  std::vector<std::uint64_t> released_;
};

}  // namespace mas
