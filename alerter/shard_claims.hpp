#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <vector>

#include "base/time_types.hpp"
#include "service/rendezvous.hpp"

namespace mas {

/// How long the owner of a shard waits for its lock in one go, and until it asks again when it was
/// refused or had to let go; a shard that a request waits for is asked for at once.
inline constexpr milliseconds shard_lock_wait_max{10'000};
inline constexpr nanoseconds shard_retry_interval = seconds{1};

/// Which rule shards this alerter asks for, holds and gives back. It asks for those that are its
/// own by rule_shard_owner() over the live alerters, and for those that a request waits for; it
/// keeps what it holds, its own or not, until somebody else wants it. Which alerter evaluates a
/// shard rests on the lock alone, the rest only spreads the work. No I/O. Thread-safety: one owner.
class ShardClaims {
 public:
  /// What to do, in this order.
  struct Action {
    enum Kind : std::uint8_t { acquire, release };
    Kind kind = acquire;
    std::uint32_t shard = 0;

    friend bool operator==(const Action&, const Action&) = default;
  };
  using Actions = std::vector<Action>;

  /// The live alerters changed; `self` among them or not.
  void on_members(InstanceId self, std::span<const InstanceId> alerters, MonoTime now,
                  Actions& out);
  /// A request waits for this shard.
  void on_wanted(std::uint32_t shard, Actions& out);
  void on_granted(std::uint32_t shard);
  void on_refused(std::uint32_t shard, MonoTime now);
  /// Somebody else wants it, or it cannot be served for now: it is given back.
  void on_recalled(std::uint32_t shard, MonoTime now, Actions& out);
  /// The session ended: nothing is held. What was asked for is still asked for.
  void on_session_lost(MonoTime now, Actions& out);
  /// Call now and then: asks again for what was refused.
  void on_time(MonoTime now, Actions& out);
  /// No more asking: the process drains. Gives back all that is held.
  void on_drain(Actions& out);

  [[nodiscard]] bool holds(std::uint32_t shard) const {
    return shards_[shard].state == State::held;
  }
  [[nodiscard]] std::size_t held_count() const;

 private:
  enum class State : std::uint8_t { none, asked, held };
  struct Shard {
    State state = State::none;
    bool own = false;
    MonoTime ask_at{};
  };
  void ask(std::uint32_t shard, Actions& out);

  std::array<Shard, rule_shard_count> shards_{};
  bool draining_ = false;
};

}  // namespace mas
