#include "locks/lock_client.hpp"

#include <unistd.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <cerrno>
#include <csignal>
#include <future>
#include <mutex>
#include <random>
#include <thread>
#include <unordered_map>
#include <unordered_set>
#include <utility>
#include <variant>

#include "locks/local_line.hpp"
#include "locks/lock_link.hpp"
#include "net/clock.hpp"
#include "net/event_loop.hpp"
#include "net/name_link.hpp"

namespace mas {
namespace {

/// The broker's answer may take so long on a busy machine; then a lock is not free.
constexpr milliseconds wait_min{500};
/// For the goodbye. What it does not get through ends with the lease.
constexpr milliseconds goodbye_wait{1000};
/// Names of one batch: as many as one message to the broker takes, so that they get in line there
/// as one. An item is its name and less than 16 bytes.
constexpr std::size_t batch_names_bytes_max = lock_items_bytes_max - lock_items_max * 16;
static_assert(batch_names_bytes_max == 192 * KiB);

std::string default_worker() {
  std::array<char, 65> host{};
  ::gethostname(host.data(), host.size() - 1);
  return fmt::format("{}@{}:{}", program_invocation_short_name, host.data(), ::getpid());
}

std::uint64_t random_number() {
  std::random_device device;
  std::uint64_t number = 0;
  while (number == any_instance) number = (std::uint64_t{device()} << 32) | device();
  return number;
}

template <typename... Cases>
struct Overloaded : Cases... {
  using Cases::operator()...;
};
template <typename... Cases>
Overloaded(Cases...) -> Overloaded<Cases...>;

std::optional<LockValue> as_value(std::optional<std::string> bytes) {
  if (!bytes) return std::nullopt;
  return LockValue{true, *std::move(bytes)};
}
Result<void> check_value(const std::optional<std::string>& bytes) {
  if (!bytes || bytes->size() <= lock_value_bytes_max) return {};
  return fail(Error::invalid, "a lock's value has {} bytes at most, not {}", lock_value_bytes_max,
              bytes->size());
}

}  // namespace

/// One lock as its HeldLock and the client's thread both see it. The thread alone changes it.
struct LockClient::State {
  LockName name;
  Grant grant;  ///< as it was given; its mode is `mode`
  std::atomic<LockMode> mode{LockMode::shared};
  std::atomic<std::uint8_t> recalled{0};  ///< a LockMode, or 0
  std::atomic<bool> gone{false};          ///< lost or let go
  std::atomic<bool> released{false};      ///< asked to be let go, by its owner
};

/// The client's thread and what lives on it. Callers post to it and wait for a future.
struct LockClient::Impl {
  using Locked = Result<std::vector<std::shared_ptr<State>>>;
  struct Pending {
    std::vector<LockName> names;
    LockMode mode = LockMode::shared;
    MonoTime deadline{};
    bool asked = false;  ///< of the broker; else it is still in our own line
    std::unordered_map<LockName, Grant, LockNameHash> granted;
    std::promise<Locked> done;
  };
  struct Conversion {
    std::shared_ptr<State> state;
    std::promise<Result<void>> done;
  };

  Impl(HostPort broker, LockClientOptions opts) : options(std::move(opts)) {
    LockLinkOptions link_options;
    link_options.host = std::move(broker.host);
    link_options.port = broker.port;
    link_options.session.cluster = options.cluster;
    link_options.session.instance = random_number();
    link_options.session.worker = options.worker.empty() ? default_worker() : options.worker;
    link.emplace(loop, std::move(link_options), [this](const LockEvent& event) { on(event); });
    // After the link's own hook, which was registered before: it has handed out all events then.
    loop.at_turn_end([this] {
      const auto& session = link->state();
      lease_until = session.lease_valid(mono_now()) ? session.lease_until() : MonoTime::min();
    });
    // The program's signals are its own threads' business; a new thread inherits the mask.
    sigset_t all;
    sigset_t before;
    sigfillset(&all);
    ::pthread_sigmask(SIG_SETMASK, &all, &before);
    thread = std::thread([this] { loop.run(); });
    ::pthread_sigmask(SIG_SETMASK, &before, nullptr);
  }
  ~Impl() { end(); }
  Impl(const Impl&) = delete;
  Impl& operator=(const Impl&) = delete;

  /// Lets go of everything; the thread is gone after it.
  void end() {
    if (!thread.joinable()) return;
    std::promise<void> left;
    auto leaving = left.get_future();
    loop.post([&] {
      on_closed = &left;
      const auto all = held;
      for (const auto& [name, state] : all) let_go(state, std::nullopt, LockEnd::clean);
      link->goodbye();
    });
    leaving.wait_for(goodbye_wait);
    loop.post([this] {
      on_closed = nullptr;
      loop.stop();
    });
    thread.join();
  }

  // --- Called from any thread.

  Locked lock(std::vector<LockName> names, LockMode mode, milliseconds wait_max,
              const std::stop_token& stop) {
    std::unordered_set<std::string_view> seen;
    std::size_t bytes = 0;
    for (const auto& name : names) {
      if (name.text.empty() || name.text.size() > lock_name_bytes_max) {
        return fail(Error::invalid, "a lock's name has 1 to {} bytes, not {}", lock_name_bytes_max,
                    name.text.size());
      }
      if (!seen.insert(name.text).second) {
        return fail(Error::invalid, "'{}' is asked for twice", name.text);
      }
      bytes += name.text.size();
    }
    if (names.empty() || names.size() > lock_items_max || bytes > batch_names_bytes_max) {
      return fail(Error::invalid, "1 to {} names of {} bytes altogether can be locked at once",
                  lock_items_max, batch_names_bytes_max);
    }
    const auto ticket = ++last_ticket;
    const auto deadline = mono_now() + std::clamp(wait_max, wait_min, wait_for_ever);
    auto pending = std::make_shared<Pending>();
    pending->names = std::move(names);
    pending->mode = mode;
    pending->deadline = deadline;
    auto done = pending->done.get_future();
    loop.post([this, ticket, pending = std::move(pending)] {
      line.push({ticket, pending->names, pending->mode});
      waiting.emplace(ticket, pending);
      serve_line();
    });
    const std::stop_callback stopping(stop, [this, ticket] {
      loop.post([this, ticket] { give_up(ticket, Error{Error::busy, "stopped waiting"}); });
    });
    // The steady clock only bounds this wait; the session's own deadline counts suspended time.
    while (done.wait_for(deadline - mono_now()) != std::future_status::ready) {
      if (mono_now() < deadline) continue;
      loop.post([this, ticket] {
        give_up(ticket, explained(Error{Error::busy, "waited too long for the lock"}));
      });
      break;
    }
    return done.get();
  }

  /// Runs `job` on the client's thread and gives its result.
  Result<void> call(std::function<Result<void>()> job) {
    std::promise<Result<void>> done;
    auto result = done.get_future();
    loop.post([&] { done.set_value(job()); });
    return result.get();
  }

  [[nodiscard]] bool valid(const State& state) const {
    return !state.gone && !state.released && mono_now() < lease_until.load();
  }

  // --- On the client's thread.

  void serve_line() {
    std::vector<LocalLine::Request> ready;
    line.take_ready(ready);
    for (const auto& request : ready) {
      auto& pending = *waiting.at(request.ticket);
      pending.asked = true;
      ask(request.ticket, pending, request.names);
    }
  }

  void ask(LockTicket ticket, const Pending& pending, const std::vector<LockName>& names) {
    const auto left = std::chrono::ceil<milliseconds>(pending.deadline - mono_now());
    link->acquire(names, pending.mode, ticket, std::max(left, milliseconds{0}));
  }

  /// Why nothing was granted, if it is that nobody is there to grant it.
  [[nodiscard]] Error explained(Error why) const {
    if (why.kind != Error::busy || link->open()) return why;
    return Error{Error::lost, "the lock broker does not answer"};
  }

  void give_up(LockTicket ticket, Error why) {
    const auto at = waiting.find(ticket);
    if (at == waiting.end()) return;
    const auto pending = std::move(at->second);
    waiting.erase(at);
    if (pending->asked) {
      link->cancel(ticket);
      for (const auto& [name, grant] : pending->granted) {
        if (pending->mode == LockMode::shared) {
          link->end_use(name, grant.token);
        } else {
          link->release(name, LockEnd::as_found);
        }
      }
      for (const auto& name : pending->names) line.end_use(name);
    } else {
      line.cancel(ticket);
    }
    pending->done.set_value(tl::unexpected<Error>(std::move(why)));
    serve_line();
  }

  void on(const LockEvent& event) {
    std::visit(Overloaded{
                   [&](const LockGranted& granted) { on_granted(granted); },
                   [&](const LockRefused& refused) { on_refused(refused); },
                   [&](const LockRecalled& recalled) { on_recalled(recalled); },
                   [&](const LockSessionOpened&) {
                     if (!std::exchange(opened, true)) first_session.set_value();
                   },
                   [&](const LockSessionLost&) { on_session_lost(); },
                   [&](const LockSessionClosed&) {
                     if (on_closed != nullptr) std::exchange(on_closed, nullptr)->set_value();
                   },
               },
               event);
  }

  void on_granted(const LockGranted& granted) {
    if (const auto at = conversions.find(granted.ticket); at != conversions.end()) {
      at->second.state->mode = LockMode::exclusive;
      at->second.done.set_value({});
      conversions.erase(at);
      return;
    }
    const auto at = waiting.find(granted.ticket);
    if (at == waiting.end()) return;
    at->second->granted.emplace(granted.name, granted.grant);
    if (at->second->granted.size() < at->second->names.size()) return;
    const auto pending = std::move(at->second);
    waiting.erase(at);
    std::vector<std::shared_ptr<State>> states;
    for (const auto& name : pending->names) {
      auto& state = *states.emplace_back(std::make_shared<State>());
      state.name = name;
      state.grant = pending->granted.at(name);
      state.mode = pending->mode;
      held.emplace(name, states.back());
    }
    // It is valid from here on, not only from the turn's end.
    lease_until = link->state().lease_until();
    pending->done.set_value(std::move(states));
  }

  void on_refused(const LockRefused& refused) {
    if (const auto at = conversions.find(refused.ticket); at != conversions.end()) {
      at->second.done.set_value(tl::unexpected<Error>(refused.error));
      conversions.erase(at);
      return;
    }
    give_up(refused.ticket, explained(refused.error));
  }

  void on_recalled(const LockRecalled& recalled) {
    // It is held until its user is done, and so that the session lives the broker must know.
    link->keep(recalled.name);
    const auto [first, last] = held.equal_range(recalled.name);
    for (auto at = first; at != last; ++at) {
      at->second->recalled = static_cast<std::uint8_t>(recalled.wanted);
    }
    if (first != last && options.on_recalled) {
      options.on_recalled(recalled.name.text, recalled.wanted);
    }
  }

  void on_session_lost() {
    lease_until = MonoTime::min();
    const auto lost = std::exchange(held, {});
    for (const auto& [name, state] : lost) {
      state->gone = true;
      line.end_use(name);
      if (options.on_lost) options.on_lost(name.text);
    }
    // Of a batch that is half granted that half has to be got anew.
    for (const auto& [ticket, pending] : waiting) {
      if (pending->granted.empty()) continue;
      std::vector<LockName> again;
      for (const auto& [name, grant] : pending->granted) again.push_back(name);
      pending->granted.clear();
      ask(ticket, *pending, again);
    }
    serve_line();
  }

  void let_go(const std::shared_ptr<State>& state, std::optional<LockValue> value, LockEnd end) {
    if (state->gone.exchange(true)) return;
    if (state->mode == LockMode::shared) {
      link->end_use(state->name, state->grant.token);
    } else {
      link->release(state->name, end, std::move(value));
    }
    forget(state);
  }

  void forget(const std::shared_ptr<State>& state) {
    const auto [first, last] = held.equal_range(state->name);
    const auto at = std::find_if(first, last, [&](const auto& it) { return it.second == state; });
    if (at == last) return;
    held.erase(at);
    line.end_use(state->name);
    serve_line();
  }

  Result<void> convert_down(const std::shared_ptr<State>& state, LockMode mode,
                            std::optional<LockValue> value) {
    if (state->gone) return fail(Error::lost, "the lock is not held any more");
    if (mode >= state->mode) return fail(Error::invalid, "not a weaker mode than it is held in");
    link->convert_down(state->name, mode, std::move(value));
    state->recalled = 0;
    state->mode = mode;
    if (mode != LockMode::shared) return {};
    // From here on it counts uses, and goes without one.
    if (link->begin_use(state->name) == nullptr) {
      state->gone = true;
      forget(state);
      return fail(Error::busy, "somebody else waited for it");
    }
    line.weaken(state->name);
    serve_line();
    return {};
  }

  // Kept by the client's thread.
  LockClientOptions options;
  EventLoop loop;
  std::optional<LockLink> link;
  LocalLine line;
  std::unordered_map<LockTicket, std::shared_ptr<Pending>> waiting;
  std::unordered_map<LockTicket, Conversion> conversions;
  std::unordered_multimap<LockName, std::shared_ptr<State>, LockNameHash> held;
  bool opened = false;
  std::promise<void>* on_closed = nullptr;

  // Shared with the callers.
  std::promise<void> first_session;
  std::atomic<LockTicket> last_ticket{0};
  std::atomic<MonoTime> lease_until{MonoTime::min()};
  std::thread thread;
};

LockClient::LockClient(std::shared_ptr<Impl> impl) : impl_(std::move(impl)) {}
LockClient::LockClient(LockClient&&) noexcept = default;
LockClient& LockClient::operator=(LockClient&& other) noexcept {
  std::swap(impl_, other.impl_);
  return *this;
}
LockClient::~LockClient() {
  if (impl_) impl_->end();
}

Result<LockClient> LockClient::connect(std::string_view address, LockClientOptions options) {
  auto broker = parse_host_port(address);
  if (!broker) return pass_on(broker);
  const auto wait = options.connect_wait;
  auto impl = std::make_shared<Impl>(*std::move(broker), std::move(options));
  if (impl->first_session.get_future().wait_for(wait) != std::future_status::ready) {
    return fail(Error::lost, "no lock broker answers at {}", address);
  }
  return LockClient(std::move(impl));
}

Result<HeldLock> LockClient::lock(std::string_view name, LockMode mode, milliseconds wait_max,
                                  const std::stop_token& stop) {
  auto locked = impl_->lock({{LockSpace::user, std::string(name)}}, mode, wait_max, stop);
  if (!locked) return pass_on(locked);
  return HeldLock(impl_, std::move(locked->front()));
}

Result<std::vector<HeldLock>> LockClient::lock_all(std::span<const std::string> names,
                                                   LockMode mode, milliseconds wait_max,
                                                   const std::stop_token& stop) {
  std::vector<LockName> asked;
  asked.reserve(names.size());
  for (const auto& name : names) asked.push_back({LockSpace::user, name});
  auto locked = impl_->lock(std::move(asked), mode, wait_max, stop);
  if (!locked) return pass_on(locked);
  std::vector<HeldLock> held;
  held.reserve(locked->size());
  for (auto& state : *locked) held.push_back(HeldLock(impl_, std::move(state)));
  return held;
}

HeldLock::HeldLock(std::shared_ptr<LockClient::Impl> impl, std::shared_ptr<LockClient::State> state)
    : impl_(std::move(impl)), state_(std::move(state)) {}
HeldLock::HeldLock(HeldLock&&) noexcept = default;
HeldLock& HeldLock::operator=(HeldLock&& other) noexcept {
  std::swap(impl_, other.impl_);
  std::swap(state_, other.state_);
  return *this;
}
HeldLock::~HeldLock() {
  if (state_) static_cast<void>(release());
}

const std::string& HeldLock::name() const { return state_->name.text; }
LockMode HeldLock::mode() const { return state_->mode; }
LockToken HeldLock::token() const { return state_->grant.token; }
bool HeldLock::previous_end_clean() const { return state_->grant.previous_end_clean; }
const LockValue& HeldLock::value() const { return state_->grant.value; }
bool HeldLock::valid() const { return impl_->valid(*state_); }
std::optional<LockMode> HeldLock::recalled() const {
  const auto wanted = state_->recalled.load();
  if (wanted == 0) return std::nullopt;
  return static_cast<LockMode>(wanted);
}

Result<void> HeldLock::convert_down(LockMode mode, std::optional<std::string> value) {
  if (auto checked = check_value(value); !checked) return checked;
  if (!valid()) return fail(Error::lost, "the lock is not held any more");
  return impl_->call([&] { return impl_->convert_down(state_, mode, as_value(std::move(value))); });
}

Result<void> HeldLock::convert_up(milliseconds wait_max) {
  if (!valid()) return fail(Error::lost, "the lock is not held any more");
  if (mode() == LockMode::exclusive) return {};
  if (mode() != LockMode::append) return fail(Error::invalid, "a shared lock cannot convert up");
  const auto ticket = ++impl_->last_ticket;
  LockClient::Impl::Conversion conversion;
  conversion.state = state_;
  auto done = conversion.done.get_future();
  impl_->loop.post([&, ticket] {
    impl_->conversions.emplace(ticket, std::move(conversion));
    impl_->link->convert_up(state_->name, ticket, std::min(wait_max, wait_for_ever));
  });
  return done.get();
}

Result<void> HeldLock::release(std::optional<std::string> value, bool clean) {
  if (auto checked = check_value(value); !checked) return checked;
  const bool held = valid();
  const bool again = state_->released.exchange(true);
  // Not waited for: the thread does it before anything that is asked of it later. Nor is it there
  // once the client has ended, which has let go of everything.
  if (!again && !state_->gone) {
    impl_->loop.post([impl = impl_.get(), state = state_, value = as_value(std::move(value)),
                      end = clean ? LockEnd::clean : LockEnd::unclean]() mutable {
      impl->let_go(state, std::move(value), end);
    });
  }
  if (!held) return fail(Error::lost, "the lock was not held any more");
  return {};
}

}  // namespace mas
