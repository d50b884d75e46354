#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <random>
#include <string>
#include <vector>

#include "locks/lock_link.hpp"
#include "net/event_loop.hpp"
#include "support/linearizability.hpp"

namespace mas {

/// How a LockPlayer behaves.
struct LockPlayerOptions {
  std::uint16_t port = 0;
  std::vector<LockName> names;
  std::uint64_t seed = 0;
  std::size_t client = 0;  ///< its number in the history
  /// How likely it is, in each millisecond, that it goes away with all its locks, and that it
  /// stands still with them for a while.
  double vanishes = 0.0002;
  double stands_still = 0.0002;
  bool looks_at_lease = true;     ///< false: it goes on after a standstill as if it held its locks
  milliseconds standstill{1200};  ///< longer than a session's time to live
  std::function<void()> granted;  ///< called for each grant, from the player's thread
  std::function<bool()> stop;     ///< asked all the time, from the player's thread
};

/// A client of a real lock broker that asks for locks at random, keeps them for some milliseconds,
/// converts and releases them, honours recalls (mostly), and writes down what it held and when. It
/// has an event loop and a link of its own, as a worker has.
/// Thread-safety: run() in one thread; history() after it.
class LockPlayer {
 public:
  explicit LockPlayer(LockPlayerOptions options);

  /// Plays until it is stopped, then lets go of everything in order.
  void run();
  /// What it did to one of the names.
  [[nodiscard]] const std::vector<LockOperation>& history(std::size_t name) const {
    return histories_[name];
  }

 private:
  enum class State : std::uint8_t { idle, waiting, held, converting };
  struct Lock {
    State state = State::idle;
    LockTicket ticket = 0;
    LockMode mode = LockMode::shared;
    LockToken token = 0;
    MonoTime asked{};
    MonoTime due{};    ///< when something is done next
    MonoTime valid{};  ///< the lease was seen to be valid then
  };

  void play_one_life();
  void on_event(const LockEvent& event);
  void on_granted(const LockGranted& granted);
  void on_recalled(const LockRecalled& recalled);
  void on_lost();
  void step();
  void begin(std::size_t name, MonoTime now);
  void go_on(std::size_t name, MonoTime now);
  void release(std::size_t name, MonoTime now);
  void end_all(bool abandoned);
  /// Whether the lock is held by now, for certain; notes that it was.
  bool sure(std::size_t name);
  void write_down(std::size_t name, LockOperation::What what, MonoTime invoked, MonoTime returned);

  std::size_t pick(std::size_t count) {
    return std::uniform_int_distribution<std::size_t>(0, count - 1)(random_);
  }
  bool chance(double of) { return std::uniform_real_distribution<double>(0, 1)(random_) < of; }
  milliseconds a_while(int max_ms) { return milliseconds{1 + pick(std::size_t(max_ms))}; }
  [[nodiscard]] std::size_t index_of(const LockName& name) const;

  LockPlayerOptions options_;
  std::mt19937_64 random_;
  std::vector<Lock> locks_;
  std::vector<std::vector<LockOperation>> histories_;
  LockTicket tickets_ = 0;
  std::size_t life_ = 0;  ///< each has sessions of its own
  EventLoop* loop_ = nullptr;
  LockLink* link_ = nullptr;
  bool over_ = false;      ///< this life is
  bool stopping_ = false;  ///< no more lives
};

}  // namespace mas
