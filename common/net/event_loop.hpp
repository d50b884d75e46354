#pragma once

#include <asio.hpp>
#include <functional>
#include <memory>
#include <vector>

#include "base/time_types.hpp"
#include "net/zmq_socket.hpp"

namespace mas {

/// One thread's loop over Asio (TCP, timers, signals) and ZeroMQ sockets, in turns: all that is
/// ready is handled, then the turn's end is told, where batches go out. So batches form by load
/// alone, without a timer. Thread-safety: one thread; post() may be called from any.
class EventLoop {
 public:
  EventLoop();
  EventLoop(const EventLoop&) = delete;
  EventLoop& operator=(const EventLoop&) = delete;
  ~EventLoop();

  [[nodiscard]] asio::io_context& io() { return io_; }
  /// For the sockets of this loop.
  [[nodiscard]] zmq::context_t& zmq() { return zmq_; }

  /// Calls `on_readable` while the socket has messages; it may leave some, then it is called again
  /// in the next turn. The watch ends when the returned handle is destroyed, which must happen
  /// before the socket's own end.
  class Watch;
  [[nodiscard]] std::unique_ptr<Watch> watch(const ZmqSocket& socket,
                                             std::function<void()> on_readable);

  /// Called at the end of every turn, in the order of registration.
  void at_turn_end(std::function<void()> hook);
  /// Called every `interval` until the loop ends, on a schedule that does not drift.
  void every(nanoseconds interval, std::function<void()> tick);
  /// Called once, at the first SIGTERM or SIGINT. A second signal ends the process as usual.
  void on_terminate(std::function<void()> handler);
  void post(std::function<void()> job);

  void run();
  /// Ends run() after the current turn.
  void stop() { stopped_ = true; }

 private:
  struct Ticker;
  void arm(Ticker& ticker);

  zmq::context_t zmq_;
  asio::io_context io_{1};
  std::vector<Watch*> watches_;
  std::vector<std::function<void()>> hooks_;
  std::vector<std::unique_ptr<Ticker>> tickers_;
  std::unique_ptr<asio::signal_set> signals_;
  bool stopped_ = false;
};

class EventLoop::Watch {
 public:
  Watch(EventLoop& loop, const ZmqSocket& socket, std::function<void()> on_readable);
  Watch(const Watch&) = delete;
  Watch& operator=(const Watch&) = delete;
  ~Watch();

 private:
  friend class EventLoop;
  void arm();
  /// Whether there is something to read. Asking libzmq costs a system call, so it is asked only
  /// when the answer can have changed: the descriptor woke us, or the socket was used since.
  [[nodiscard]] bool readable();

  EventLoop& loop_;
  const ZmqSocket& socket_;
  std::function<void()> on_readable_;
  asio::posix::stream_descriptor wake_;
  /// Shared with the wait's handler, which may come after the watch has ended.
  std::shared_ptr<bool> armed_ = std::make_shared<bool>(false);
  std::uint64_t quiet_since_ = ~std::uint64_t{0};  ///< uses() when nothing was there to read
};

}  // namespace mas
