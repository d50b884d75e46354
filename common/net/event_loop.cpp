#include "net/event_loop.hpp"

#include <algorithm>
#include <csignal>

namespace mas {

struct EventLoop::Ticker {
  asio::steady_timer timer;
  std::chrono::steady_clock::duration interval;
  std::function<void()> tick;
};

EventLoop::EventLoop() = default;
EventLoop::~EventLoop() = default;

EventLoop::Watch::Watch(EventLoop& loop, const ZmqSocket& socket, std::function<void()> on_readable)
    : loop_(loop),
      socket_(socket),
      on_readable_(std::move(on_readable)),
      wake_(loop.io_, socket.descriptor()) {
  loop_.watches_.push_back(this);
}

EventLoop::Watch::~Watch() {
  std::erase(loop_.watches_, this);
  wake_.release();  // the descriptor is libzmq's; this also cancels the wait
}

void EventLoop::Watch::arm() {
  if (*armed_) return;
  *armed_ = true;
  // Only wakes the loop; what is there to read is asked of the socket itself, every turn. Armed
  // anew when the loop is about to block, not here: the descriptor stays ready until the socket is
  // asked, so that io_.poll() would never come to an end.
  wake_.async_wait(asio::posix::stream_descriptor::wait_read,
                   [armed = armed_](const asio::error_code&) { *armed = false; });
}

bool EventLoop::Watch::readable() {
  if (*armed_ && quiet_since_ == socket_.uses()) return false;
  if (socket_.readable()) return true;
  quiet_since_ = socket_.uses();
  return false;
}

std::unique_ptr<EventLoop::Watch> EventLoop::watch(const ZmqSocket& socket,
                                                   std::function<void()> on_readable) {
  return std::make_unique<Watch>(*this, socket, std::move(on_readable));
}

void EventLoop::at_turn_end(std::function<void()> hook) { hooks_.push_back(std::move(hook)); }

void EventLoop::every(nanoseconds interval, std::function<void()> tick) {
  auto ticker =
      std::make_unique<Ticker>(Ticker{asio::steady_timer(io_), interval, std::move(tick)});
  ticker->timer.expires_after(interval);
  arm(*ticker);
  tickers_.push_back(std::move(ticker));
}

void EventLoop::arm(Ticker& ticker) {
  ticker.timer.async_wait([this, &ticker](const asio::error_code& error) {
    if (error) return;
    ticker.tick();
    // From the last due time, so that ticks do not drift; one that is late by more than an
    // interval starts anew instead of catching up in a burst.
    const auto next =
        std::max(ticker.timer.expiry() + ticker.interval, std::chrono::steady_clock::now());
    ticker.timer.expires_at(next);
    arm(ticker);
  });
}

void EventLoop::on_terminate(std::function<void()> handler) {
  signals_ = std::make_unique<asio::signal_set>(io_, SIGTERM, SIGINT);
  signals_->async_wait([this, handler = std::move(handler)](const asio::error_code& error, int) {
    if (error) return;
    signals_->clear();
    handler();
  });
}

void EventLoop::post(std::function<void()> job) { asio::post(io_, std::move(job)); }

void EventLoop::run() {
  const auto work = asio::make_work_guard(io_);
  while (!stopped_) {
    // A send, or an earlier receive, may have swallowed the edge that would wake us: so the
    // sockets are asked before the loop blocks.
    const bool waiting = std::any_of(watches_.begin(), watches_.end(),
                                     [](Watch* watch) { return watch->readable(); });
    if (!waiting) {
      for (auto* watch : watches_) watch->arm();
      io_.run_one();
    }
    io_.poll();
    // By index: a handler may add or end watches.
    for (std::size_t at = 0; at < watches_.size(); ++at) {
      if (watches_[at]->readable()) watches_[at]->on_readable_();
    }
    for (std::size_t at = 0; at < hooks_.size(); ++at) hooks_[at]();
  }
}

}  // namespace mas
