#include "locks/lock_link.hpp"

#include <spdlog/spdlog.h>

#include <algorithm>
#include <asio.hpp>
#include <optional>
#include <utility>
#include <variant>
#include <vector>

#include "net/clock.hpp"
#include "net/event_loop.hpp"
#include "net/name_link.hpp"
#include "net/zmq_socket.hpp"
#include "wire/lock_messages.hpp"

namespace mas {
namespace {

/// How often the broker's name is looked up again: a broker that comes back at another address
/// within a lease, as a container does, is to be found before the lease is over.
constexpr seconds look_up_interval{1};
/// Without a session for so long the next address behind the name is tried.
constexpr seconds answer_wait_max{2};
/// Frames each way: far above what a session has under way, and bounded all the same.
constexpr int queued_messages_max = 10000;
/// Between two attempts to send a hello that found no connection yet; twice as long each time.
constexpr milliseconds hello_retry_min{1};
constexpr milliseconds hello_retry_max{64};

}  // namespace

struct LockLink::Impl : std::enable_shared_from_this<LockLink::Impl> {
  Impl(EventLoop& event_loop, LockLinkOptions opts, OnEvent handler)
      : loop(event_loop),
        options(std::move(opts)),
        on_event(std::move(handler)),
        session(options.session, mono_now()),
        timer(event_loop.io()) {}

  void start() {
    const std::weak_ptr<Impl> weak = weak_from_this();
    loop.at_turn_end([weak] {
      if (const auto self = weak.lock()) self->turn();
    });
    name.emplace(loop, HostPort{options.host, options.port}, look_up_interval,
                 [weak](const std::vector<std::string>& found) {
                   if (const auto self = weak.lock()) self->on_endpoints(found);
                 });
    loop.post([] {});  // a first turn
  }

  void stop() {
    stopped = true;
    timer.cancel();
    watch.reset();
    socket.reset();
  }

  void on_endpoints(const std::vector<std::string>& found) {
    endpoints = found;
    if (std::find(endpoints.begin(), endpoints.end(), endpoint) == endpoints.end()) {
      dial(endpoints.front());
    }
  }

  void dial(const std::string& next) {
    endpoint = next;
    dialled = mono_now();
    watch.reset();
    socket.reset();
    socket.emplace(ZmqSocket::dealer(
        context, {static_cast<std::int64_t>(lock_message_bytes_max), queued_messages_max}));
    if (const auto connected = socket->connect(endpoint); !connected) {
      spdlog::warn("lock broker cannot be dialled error={}", connected.error().text);
      socket.reset();
      return;
    }
    watch = loop.watch(*socket, [this] { receive(); });
  }

  void receive() {
    ZmqMessage message;
    while (socket && socket->receive(message)) {
      const auto taken = session.on_frame(message.bytes(), mono_now());
      if (!taken) spdlog::debug("lock message dropped error={}", taken.error().text);
    }
  }

  /// Everything that the turn has brought: time, frames out, events to the user, whose calls may
  /// bring more of both.
  void turn() {
    if (stopped) return;
    in_turn = true;
    const auto now = mono_now();
    if (session.next_deadline() <= now) {
      if (!session.open() && options.known_broker) session.learn(options.known_broker());
      session.on_time(now);
    }
    if (session.open() && session.highest_epoch() != told_broker) {
      told_broker = session.highest_epoch();
      if (options.on_broker) options.on_broker(told_broker);
    }
    do {
      events.clear();
      session.take_events(events);
      for (const auto& event : events) {
        note(event);
        on_event(event);
        if (stopped) return;
      }
      frames.clear();
      session.take_frames(frames);
      for (auto& frame : frames) send(frame, now);
    } while (!events.empty());
    in_turn = false;
    if (hello_retry_at <= now) send_hello_again(now);
    try_another(now);
    arm();
  }

  void send(Bytes& frame, MonoTime now) {
    hello.clear();
    hello_retry_at = MonoTime::max();
    if (socket && socket->send(frame) == Sent::yes) return;
    // Not sent is lost: the streams' state, told with each heartbeat, brings it back. Only a hello
    // has none, and the first one is always too early for the connection: whoever waits for a
    // session should not wait for the next one.
    if (session.open() || session.over()) return;
    hello.swap(frame);
    hello_retry = hello_retry_min;
    hello_retry_at = now + hello_retry;
  }

  void send_hello_again(MonoTime now) {
    hello_retry = std::min(hello_retry * 2, hello_retry_max);
    hello_retry_at = now + hello_retry;
    if (session.open() || session.over() || (socket && socket->send(hello) == Sent::yes)) {
      hello_retry_at = MonoTime::max();
    }
  }

  void note(const LockEvent& event) {
    if (const auto* opened = std::get_if<LockSessionOpened>(&event)) {
      spdlog::info("lock session opened session={:x} broker={}", opened->session, endpoint);
      warned = false;
    } else if (const auto* lost = std::get_if<LockSessionLost>(&event)) {
      spdlog::warn("lock session lost, all locks with it why='{}'", lost->why);
      dialled = mono_now();
    }
  }

  void try_another(MonoTime now) {
    if (!session.opening() || now - dialled < answer_wait_max) return;
    if (!std::exchange(warned, true)) {
      spdlog::warn("lock broker does not answer, trying on broker={}:{}", options.host,
                   options.port);
    }
    dialled = now;
    if (endpoints.size() < 2) return;
    const auto at = std::find(endpoints.begin(), endpoints.end(), endpoint);
    dial(at == endpoints.end() || at + 1 == endpoints.end() ? endpoints.front() : *(at + 1));
  }

  void arm() {
    const auto due = std::min(session.next_deadline(), hello_retry_at);
    if (due == armed) return;
    armed = due;
    if (due == MonoTime::max()) {
      timer.cancel();
      return;
    }
    // Asio's clock stands still while the host sleeps and ours does not, so it only wakes us.
    timer.expires_after(std::max(due - mono_now(), nanoseconds{0}));
    timer.async_wait([weak = weak_from_this()](const asio::error_code& error) {
      if (error) return;
      if (const auto self = weak.lock()) self->armed = MonoTime::min();
    });
  }

  /// After a call from outside a turn of ours: there must be another turn.
  LockSession& touched() {
    if (!in_turn) loop.post([] {});
    return session;
  }

  EventLoop& loop;
  LockLinkOptions options;
  OnEvent on_event;
  LockSession session;
  zmq::context_t context{1};
  std::optional<ZmqSocket> socket;
  std::unique_ptr<EventLoop::Watch> watch;  // ends before its socket
  std::optional<NameLink> name;
  std::vector<std::string> endpoints;
  std::string endpoint;
  MonoTime dialled = mono_now();
  asio::steady_timer timer;
  MonoTime armed = MonoTime::min();
  Bytes hello;  ///< to be sent again
  milliseconds hello_retry{0};
  MonoTime hello_retry_at = MonoTime::max();
  bool in_turn = false;
  bool stopped = false;
  bool warned = false;
  BrokerEpoch told_broker;
  std::vector<LockEvent> events;
  std::vector<Bytes> frames;
};

LockLink::LockLink(EventLoop& loop, LockLinkOptions options, OnEvent on_event)
    : impl_(std::make_shared<Impl>(loop, std::move(options), std::move(on_event))) {
  impl_->start();
}
LockLink::~LockLink() { impl_->stop(); }

void LockLink::acquire(const LockName& name, LockMode mode, LockTicket ticket,
                       milliseconds wait_max) {
  impl_->touched().acquire(name, mode, ticket, wait_max, mono_now());
}
void LockLink::acquire(std::span<const LockName> names, LockMode mode, LockTicket ticket,
                       milliseconds wait_max) {
  impl_->touched().acquire(names, mode, ticket, wait_max, mono_now());
}
const Grant* LockLink::held(const LockName& name) const { return impl_->session.held(name); }
const Grant* LockLink::begin_use(const LockName& name) {
  return impl_->session.begin_use(name, mono_now());
}
void LockLink::end_use(const LockName& name, LockToken token) {
  impl_->touched().end_use(name, token, mono_now());
}
void LockLink::release(const LockName& name, LockEnd end, std::optional<LockValue> value) {
  impl_->touched().release(name, mono_now(), end, std::move(value));
}
void LockLink::convert_down(const LockName& name, LockMode mode, std::optional<LockValue> value) {
  impl_->touched().convert_down(name, mode, mono_now(), std::move(value));
}
void LockLink::convert_up(const LockName& name, LockTicket ticket, milliseconds wait_max) {
  impl_->touched().convert_up(name, ticket, wait_max, mono_now());
}
void LockLink::unable(const LockName& name) { impl_->touched().unable(name); }
void LockLink::keep(const LockName& name) { impl_->touched().keep(name); }
void LockLink::cancel(LockTicket ticket) { impl_->touched().cancel(ticket); }
void LockLink::goodbye() { impl_->touched().goodbye(mono_now()); }
bool LockLink::open() const { return impl_->session.open(); }
LockToken LockLink::session() const { return impl_->session.session(); }
bool LockLink::lease_valid() const { return impl_->session.lease_valid(mono_now()); }
const LockSession& LockLink::state() const { return impl_->session; }

}  // namespace mas
