#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>

#include "base/time_types.hpp"
#include "locks/lock_session.hpp"

namespace mas {

class EventLoop;

/// Where the lock broker is and who we are.
struct LockLinkOptions {
  std::string host = "127.0.0.1";  ///< a name or address, resolved in a thread of its own
  std::uint16_t port = 5558;
  LockSessionOptions session;
  /// The latest broker that this system's processes have seen, asked before each hello; may be
  /// empty. See LockSession::learn().
  std::function<BrokerEpoch()> known_broker;
  /// There is a session with a broker later than any before. Called before its first grant is
  /// handed on; may be empty.
  std::function<void(const BrokerEpoch&)> on_broker;
};

/// Drives a LockSession over a DEALER to the lock broker: resolves, connects, reconnects, sends,
/// receives, keeps time. While the broker is absent it keeps trying, with one warning. It has an
/// I/O thread of its own, so that heartbeats are never stuck behind a worker's answers.
///
/// Calls as of LockSession, whose documentation holds here, without the time. Events are handed to
/// `on_event` from the event loop, in order, never from inside a call.
/// Thread-safety: one owner, on the loop's thread.
class LockLink {
 public:
  using OnEvent = std::function<void(const LockEvent&)>;

  LockLink(EventLoop& loop, LockLinkOptions options, OnEvent on_event);
  ~LockLink();
  LockLink(const LockLink&) = delete;
  LockLink& operator=(const LockLink&) = delete;

  void acquire(const LockName& name, LockMode mode, LockTicket ticket, milliseconds wait_max);
  void acquire(std::span<const LockName> names, LockMode mode, LockTicket ticket,
               milliseconds wait_max);
  [[nodiscard]] const Grant* held(const LockName& name) const;
  [[nodiscard]] const Grant* begin_use(const LockName& name);
  void end_use(const LockName& name, LockToken token);
  void release(const LockName& name, LockEnd end = LockEnd::clean,
               std::optional<LockValue> value = std::nullopt);
  void convert_down(const LockName& name, LockMode mode,
                    std::optional<LockValue> value = std::nullopt);
  void convert_up(const LockName& name, LockTicket ticket, milliseconds wait_max);
  void unable(const LockName& name);
  void keep(const LockName& name);
  void cancel(LockTicket ticket);
  void goodbye();

  [[nodiscard]] bool open() const;
  [[nodiscard]] LockToken session() const;
  /// Reads the clock now: ask after the write and before the acknowledgement.
  [[nodiscard]] bool lease_valid() const;
  /// For counters.
  [[nodiscard]] const LockSession& state() const;

 private:
  struct Impl;
  std::shared_ptr<Impl> impl_;  ///< shared with the loop's hooks, which may outlive us
};

}  // namespace mas
