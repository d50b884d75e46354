#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <stop_token>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.hpp"
#include "base/time_types.hpp"
#include "wire/lock_types.hpp"

namespace mas {

class HeldLock;

/// Waits as long as it takes.
inline constexpr milliseconds wait_for_ever{std::chrono::hours{24 * 365}};

/// What a LockClient is told about its program.
struct LockClientOptions {
  std::string cluster = "mas";  ///< as the broker's --cluster
  std::string worker;           ///< who this is, for people; else program@host:pid
  /// How long connect() waits for the broker's answer.
  milliseconds connect_wait{5000};
  /// Called from the client's own thread, so they must be short and must not call the client.
  /// The lease of this lock is over before it was released: somebody else may hold it. Stop.
  std::function<void(const std::string& name)> on_lost;
  /// Somebody else waits for this lock, to hold it in this mode. Nothing must be done about it:
  /// the lock stays until it is released, and the other goes on waiting.
  std::function<void(const std::string& name, LockMode wanted)> on_recalled;
};

/// Locks across processes and machines, by the lock broker of mas, for any C++ program:
///
///   auto client = mas::LockClient::connect("127.0.0.1:5558");
///   if (!client) return give_up(client.error().text);
///   auto lock = client->lock("nightly-report", mas::LockMode::exclusive, mas::seconds{10});
///   if (!lock) return give_up(lock.error().text);
///   store.write(report, lock->token());  // a store that refuses a lower token is safe for certain
///   if (!lock->valid()) undo();          // the lease: look after the work, before you rely on it
///   // released when `lock` goes out of scope
///
/// Names are 1 to 255 bytes, in the space `user`, which the workers of mas do not use. Locks are
/// fair (first come, first served for each name), also between the threads of one client: two of
/// them never hold a name together unless both hold it shared. Shared locks that are let go may
/// stay cached for 2 s, or until somebody else wants them; getting such a lock again costs nothing.
///
/// A client has one session with the broker and one thread, which keeps the lease alive. It finds
/// the broker again by itself; a lock whose lease ends meanwhile is lost (valid(), on_lost). It
/// logs through spdlog's default logger. Thread-safety: all calls from any thread; none of them
/// after the client's end, which lets go of every lock. Neither here nor in HeldLock may a call be
/// made from the callbacks.
class LockClient {
 public:
  /// `address` is HOST:PORT. Errors: invalid, for an address that is none; lost, when no broker
  /// answers.
  static Result<LockClient> connect(std::string_view address, LockClientOptions options = {});

  LockClient(LockClient&&) noexcept;
  LockClient& operator=(LockClient&&) noexcept;
  ~LockClient();

  /// Waits until the lock is held. Half a second at least, as it takes the broker's word to know
  /// that nobody else holds it. Errors: busy, when it was not to be had in time, or was stopped
  /// by `stop`; lost, when the broker is away at that moment; invalid, for a name that is none.
  Result<HeldLock> lock(std::string_view name, LockMode mode = LockMode::exclusive,
                        milliseconds wait_max = wait_for_ever, const std::stop_token& stop = {});
  /// The same for many names at once, all or none. They are asked for as a whole, so that two
  /// clients that want the same names never each hold what the other waits for. 4,096 names and
  /// 192 KiB of them at most, none twice.
  Result<std::vector<HeldLock>> lock_all(std::span<const std::string> names,
                                         LockMode mode = LockMode::exclusive,
                                         milliseconds wait_max = wait_for_ever,
                                         const std::stop_token& stop = {});

 private:
  friend class HeldLock;
  struct Impl;
  struct State;
  explicit LockClient(std::shared_ptr<Impl> impl);
  std::shared_ptr<Impl> impl_;
};

/// A lock that is held, and is let go of at the end of this object. Thread-safety: one owner;
/// valid(), recalled() and the rest of what does not change it from any thread.
class HeldLock {
 public:
  HeldLock(HeldLock&&) noexcept;
  HeldLock& operator=(HeldLock&&) noexcept;
  ~HeldLock();

  [[nodiscard]] const std::string& name() const;
  [[nodiscard]] LockMode mode() const;
  /// The fencing token: of two grants of one name the later one has the higher token. Hand it to
  /// whatever the lock protects; what can refuse a lower token than it has seen is protected from
  /// holders that stood still too.
  [[nodiscard]] LockToken token() const;
  /// False when the last append or exclusive holder ended without letting go, or may have.
  [[nodiscard]] bool previous_end_clean() const;
  /// What the last append or exclusive holder left for the next, if that is known for certain.
  [[nodiscard]] const LockValue& value() const;

  /// Whether it is held now: not released, not lost, its lease not over. Reads a clock, sends
  /// nothing.
  [[nodiscard]] bool valid() const;
  /// The strongest mode that somebody else waits for, since it was last converted.
  [[nodiscard]] std::optional<LockMode> recalled() const;

  /// Weakens the lock; others that go with the new mode come in. `value` (128 bytes at most) is
  /// for later holders. Errors: invalid, unless `mode` is weaker; lost, when it was lost before;
  /// busy, when it was to become shared and somebody waits for it exclusively: then it is let go.
  Result<void> convert_down(LockMode mode, std::optional<std::string> value = std::nullopt);
  /// Strengthens append to exclusive, before everybody who waits; with no time to wait only when
  /// nobody else holds or awaits the name. The lock stays append on an error: busy, as somebody
  /// else holds it too long, or wants to write as well; lost; invalid, unless it is append.
  Result<void> convert_up(milliseconds wait_max = wait_for_ever);
  /// Lets go, before the object's end. Without waiting: the broker is told for certain, or else
  /// the lease ends. `value` (128 bytes at most; not for shared) is for later holders; not `clean`
  /// tells the next one that this one did not finish its work. Error: lost, when it was lost
  /// before, or had been let go.
  Result<void> release(std::optional<std::string> value = std::nullopt, bool clean = true);

 private:
  friend class LockClient;
  HeldLock(std::shared_ptr<LockClient::Impl> impl, std::shared_ptr<LockClient::State> state);
  std::shared_ptr<LockClient::Impl> impl_;
  std::shared_ptr<LockClient::State> state_;  ///< null once moved from
};

}  // namespace mas
