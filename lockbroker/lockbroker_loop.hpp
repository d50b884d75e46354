#pragma once

#include <asio.hpp>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>
#include <zmq.hpp>

#include "base/result.hpp"
#include "base/time_types.hpp"
#include "lockbroker/epoch_file.hpp"
#include "lockbroker/lock_service.hpp"
#include "net/event_loop.hpp"
#include "net/zmq_socket.hpp"

namespace mas {

/// What the broker is told by its options.
struct LockbrokerOptions {
  std::string bind = "127.0.0.1";
  std::uint16_t port = 5558;
  std::string cluster = "mas";
  milliseconds lease_ttl{3000};
  milliseconds minimum_hold{20};
};

/// The lock broker's socket, clock and epoch file around a LockService. In each turn it reads all
/// that came, lets time pass only then, and sends what came of it. Thread-safety: the loop's
/// thread. `loop` and `epochs` outlive it.
class LockbrokerLoop {
 public:
  LockbrokerLoop(EventLoop& loop, LockbrokerOptions options, EpochFile& epochs);
  LockbrokerLoop(const LockbrokerLoop&) = delete;
  LockbrokerLoop& operator=(const LockbrokerLoop&) = delete;

  /// Makes a new epoch durable, then listens. Error: the epoch file cannot be written or the
  /// address not be bound; nothing was granted.
  Result<void> start();
  /// Waits for all sessions to say goodbye, at most one time to live, writes down how it ended and
  /// stops the loop.
  void drain();

  /// Leases of an earlier broker are over: locks are granted.
  [[nodiscard]] bool ready() const;
  /// A page for Prometheus.
  [[nodiscard]] std::string metrics() const;

 private:
  void receive();
  void turn();
  void raise_epoch(MonoTime now);
  void send_all();
  void log_notes();
  void arm();
  void finish();

  EventLoop& loop_;
  LockbrokerOptions options_;
  EpochFile& epochs_;
  zmq::context_t context_{1};
  ZmqSocket socket_;
  std::unique_ptr<EventLoop::Watch> watch_;
  std::unique_ptr<LockService> service_;
  asio::steady_timer timer_;
  MonoTime armed_ = MonoTime::min();
  MonoTime drain_until_ = MonoTime::max();
  MonoTime epoch_retry_ = MonoTime::min();
  bool all_read_ = true;
  std::uint64_t received_ = 0;
  std::uint64_t malformed_ = 0;
  std::uint64_t unsent_ = 0;
  std::vector<LockServiceFrame> frames_;
  std::vector<LockServiceNote> notes_;
};

}  // namespace mas
