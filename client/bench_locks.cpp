#include "client/bench_locks.hpp"

#include <fmt/format.h>
#include <netinet/in.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <functional>
#include <memory>
#include <optional>
#include <random>
#include <string>
#include <utility>
#include <variant>
#include <vector>
#include <zmq.hpp>

#include "base/unique_fd.hpp"
#include "client/bench_report.hpp"
#include "locks/lock_link.hpp"
#include "net/clock.hpp"
#include "net/event_loop.hpp"
#include "service/logging.hpp"
#include "service/options.hpp"
#include "service/process.hpp"

namespace mas {
namespace {

constexpr const char* program = "mas bench locks";
/// Before anything is counted: connections settle, caches fill.
constexpr milliseconds warm_up{200};
/// For whatever has to be answered in between.
constexpr seconds patience{60};
/// Bytes of a message with one request, about.
constexpr std::size_t bare_message_bytes = 64;

struct BenchLocks {
  HostPort broker{"127.0.0.1", 0};
  std::string cluster = "mas";
  std::uint32_t clients = 8;
  std::uint32_t names = 100'000;
  std::uint32_t batch = 1000;
  nanoseconds hold{0};
  nanoseconds length = seconds(2);
  LockMode mode = LockMode::exclusive;
};

// --- The broker that is measured, when none is given.

/// A mas-lockbroker beside this program, on a free port and a directory of its own.
class OwnBroker {
 public:
  static Result<std::unique_ptr<OwnBroker>> start(const std::string& cluster) {
    auto broker = std::make_unique<OwnBroker>();
    std::string directory =
        (std::filesystem::temp_directory_path() / "mas-bench-locks-XXXXXX").string();
    if (::mkdtemp(directory.data()) == nullptr) {
      return fail(Error::io, "cannot make a directory like {}", directory);
    }
    broker->directory_ = directory;
    std::error_code error;
    const auto self = std::filesystem::read_symlink("/proc/self/exe", error);
    if (error) return fail(Error::io, "cannot find my own file: {}", error.message());
    broker->port_ = free_port();
    std::vector<std::string> words{(self.parent_path() / "mas-lockbroker").string(),
                                   "--locks-port",
                                   std::to_string(broker->port_),
                                   "--state",
                                   directory + "/state",
                                   "--cluster",
                                   cluster,
                                   "--log-level",
                                   "error"};
    std::vector<char*> argv;
    for (auto& word : words) argv.push_back(word.data());
    argv.push_back(nullptr);
    const pid_t parent = ::getpid();
    broker->pid_ = ::fork();
    if (broker->pid_ == 0) {
      ::prctl(PR_SET_PDEATHSIG, SIGKILL);
      if (::getppid() != parent) ::_exit(EXIT_FAILURE);
      ::execv(argv[0], argv.data());
      ::_exit(EXIT_FAILURE);
    }
    if (broker->pid_ < 0) return fail(Error::io, "cannot start {}", words.front());
    return broker;
  }
  OwnBroker() = default;
  OwnBroker(const OwnBroker&) = delete;
  OwnBroker& operator=(const OwnBroker&) = delete;
  ~OwnBroker() {
    if (pid_ > 0) {
      ::kill(pid_, SIGKILL);
      ::waitpid(pid_, nullptr, 0);
    }
    std::error_code ignored;
    if (!directory_.empty()) std::filesystem::remove_all(directory_, ignored);
  }

  [[nodiscard]] std::uint16_t port() const { return port_; }
  /// Resident memory, or 0.
  [[nodiscard]] std::size_t memory_bytes() const {
    std::ifstream status(fmt::format("/proc/{}/status", pid_));
    for (std::string word; status >> word;) {
      std::size_t kib = 0;
      if (word == "VmRSS:" && status >> kib) return kib * KiB;
    }
    return 0;
  }

 private:
  /// Free a moment ago.
  static std::uint16_t free_port() {
    const UniqueFd socket(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof address;
    auto* const generic = reinterpret_cast<sockaddr*>(&address);
    if (::bind(socket.get(), generic, size) != 0) return 0;
    if (::getsockname(socket.get(), generic, &size) != 0) return 0;
    return ntohs(address.sin_port);
  }

  std::filesystem::path directory_;
  std::uint16_t port_ = 0;
  pid_t pid_ = -1;
};

// --- The ceiling: what ZeroMQ itself takes between two processes.

/// A process that sends back whatever comes to its ROUTER. Forked before there are any threads.
class EchoProcess {
 public:
  EchoProcess() {
    std::array<int, 2> ends{};
    if (::pipe(ends.data()) != 0) return;
    const UniqueFd from_child(ends[0]);
    UniqueFd to_parent(ends[1]);
    const pid_t parent = ::getpid();
    pid_ = ::fork();
    if (pid_ == 0) {
      ::prctl(PR_SET_PDEATHSIG, SIGKILL);
      if (::getppid() != parent) ::_exit(EXIT_FAILURE);
      echo(to_parent);
    }
    to_parent.reset();
    std::array<char, 128> text{};
    if (::read(from_child.get(), text.data(), text.size() - 1) > 0) endpoint_ = text.data();
  }
  EchoProcess(const EchoProcess&) = delete;
  EchoProcess& operator=(const EchoProcess&) = delete;
  ~EchoProcess() {
    if (pid_ <= 0) return;
    ::kill(pid_, SIGKILL);
    ::waitpid(pid_, nullptr, 0);
  }
  [[nodiscard]] const std::string& endpoint() const { return endpoint_; }

 private:
  [[noreturn]] static void echo(const UniqueFd& to_parent) {
    zmq::context_t context(1);
    zmq::socket_t socket(context, zmq::socket_type::router);
    socket.bind("tcp://127.0.0.1:*");
    const auto endpoint = socket.get(zmq::sockopt::last_endpoint);
    static_cast<void>(::write(to_parent.get(), endpoint.data(), endpoint.size()) > 0);
    zmq::message_t peer;
    zmq::message_t body;
    for (;;) {
      if (!socket.recv(peer) || !socket.recv(body)) ::_exit(EXIT_FAILURE);
      socket.send(peer, zmq::send_flags::sndmore);
      socket.send(body, zmq::send_flags::none);
    }
  }
  pid_t pid_ = -1;
  std::string endpoint_;
};

BenchResult bare_round_trip(const BenchLocks& bench, const EchoProcess& echo) {
  BenchResult result;
  result.scenario = "bare round trip";
  result.latency_of = "a message of 64 bytes from a DEALER to a ROUTER and back";
  zmq::context_t context(1);
  zmq::socket_t socket(context, zmq::socket_type::dealer);
  socket.set(zmq::sockopt::linger, 0);
  socket.connect(echo.endpoint());
  const std::string message(bare_message_bytes, 'm');
  zmq::message_t answer;
  auto now = mono_now();
  const auto begin = now + warm_up;
  const auto end = begin + bench.length;
  while (now < end) {
    socket.send(zmq::buffer(message), zmq::send_flags::none);
    static_cast<void>(socket.recv(answer));
    const auto after = mono_now();
    if (now >= begin) result.latency.record(after - now);
    now = after;
  }
  result.operations = result.latency.count();
  result.elapsed_seconds = std::chrono::duration<double>(now - begin).count();
  return result;
}

// --- Clients of a lock broker, all on one loop.

class Fleet {
 public:
  using OnEvent = std::function<void(std::size_t client, const LockEvent&)>;

  Fleet(const BenchLocks& bench, std::size_t clients) : timer_(loop_.io()) {
    for (std::size_t index = 0; index < clients; ++index) {
      LockLinkOptions options;
      options.host = bench.broker.host;
      options.port = bench.broker.port;
      options.session.cluster = bench.cluster;
      options.session.instance = random_instance();
      options.session.worker = fmt::format("{}:{} {}", program, ::getpid(), index);
      links_.push_back(std::make_unique<LockLink>(
          loop_, std::move(options),
          [this, index](const LockEvent& event) { on_event(index, event); }));
    }
  }

  [[nodiscard]] LockLink& link(std::size_t client) { return *links_[client]; }
  [[nodiscard]] std::size_t size() const { return links_.size(); }
  /// In a turn of its own, so that what was asked before goes out by itself.
  void next_turn(std::function<void()> job) { loop_.post(std::move(job)); }
  void after(nanoseconds delay, std::function<void()> job) {
    if (delay == nanoseconds{0}) return next_turn(std::move(job));
    auto timer = std::make_shared<asio::steady_timer>(loop_.io(), delay);
    timer->async_wait([timer, job = std::move(job)](const asio::error_code&) { job(); });
  }

  /// Counting has begun, and not ended.
  [[nodiscard]] bool counting() const { return counting_; }
  /// New work may be begun.
  [[nodiscard]] bool running() const { return running_; }
  /// Ends the measurement before its time.
  void finish() {
    if (!running_) return;
    end_ = mono_now();
    counting_ = running_ = false;
    for (auto& link : links_) link->goodbye();
  }

  /// Opens all sessions, calls `start` once for each client, hands events to `on_event`; counts
  /// for `length` after the warm-up, or until finish() where `length` is zero, with no warm-up.
  Result<void> run(nanoseconds length, std::function<void(std::size_t)> start, OnEvent on_event) {
    start_ = std::move(start);
    on_event_ = std::move(on_event);
    length_ = length;
    after_at(seconds{5}, [this] {
      if (opened_ < links_.size()) give_up("no lock broker answers");
    });
    loop_.run();
    if (!error_.empty()) return fail(Error::lost, "{}", error_);
    return {};
  }
  [[nodiscard]] double elapsed_seconds() const {
    return std::chrono::duration<double>(end_ - begin_).count();
  }

 private:
  void on_event(std::size_t client, const LockEvent& event) {
    if (std::holds_alternative<LockSessionOpened>(event)) {
      if (++opened_ == links_.size()) next_turn([this] { begin(); });
    } else if (std::holds_alternative<LockSessionClosed>(event)) {
      if (++closed_ == links_.size()) loop_.stop();
    } else if (std::holds_alternative<LockSessionLost>(event)) {
      if (running_) give_up("a session was lost");
    } else if (running_) {
      if (const auto* refused = std::get_if<LockRefused>(&event))
        return give_up(refused->error.text);
      on_event_(client, event);
    }
  }
  void begin() {
    running_ = true;
    begin_ = mono_now();
    if (length_ == nanoseconds{0}) {
      counting_ = true;
    } else {
      after_at(warm_up, [this] {
        counting_ = true;
        begin_ = mono_now();
        after_at(length_, [this] { finish(); });
      });
    }
    for (std::size_t client = 0; client < links_.size(); ++client) start_(client);
  }
  void after_at(nanoseconds delay, std::function<void()> job) {
    timer_.expires_after(delay);
    timer_.async_wait([job = std::move(job)](const asio::error_code& error) {
      if (!error) job();
    });
  }
  void give_up(std::string why) {
    if (error_.empty()) error_ = std::move(why);
    loop_.stop();
  }

  EventLoop loop_;
  std::vector<std::unique_ptr<LockLink>> links_;
  asio::steady_timer timer_;
  std::function<void(std::size_t)> start_;
  OnEvent on_event_;
  nanoseconds length_{0};
  std::size_t opened_ = 0;
  std::size_t closed_ = 0;
  bool running_ = false;
  bool counting_ = false;
  MonoTime begin_{};
  MonoTime end_{};
  std::string error_;
};

LockName user_name(std::string text) { return {LockSpace::user, std::move(text)}; }

double ratio(double value, nanoseconds unit) {
  return unit.count() == 0 ? 0 : value / static_cast<double>(unit.count());
}

// --- The scenarios.

/// One client and names that nobody else wants: acquire, wait, release; each its own message.
Result<BenchResult> uncontended(const BenchLocks& bench, nanoseconds round_trip) {
  BenchResult result;
  result.scenario = "uncontended";
  result.latency_of = "acquire until granted, one at a time, each message by itself";
  Fleet fleet(bench, 1);
  std::uint64_t number = 0;
  MonoTime asked{};
  LatencyHistogram cycles;  // from one acquire to the next, with the release between
  const auto ask = [&](std::size_t client) {
    if (!fleet.running()) return;
    ++number;
    const auto now = mono_now();
    if (fleet.counting() && result.operations > 0) cycles.record(now - asked);
    asked = now;
    fleet.link(client).acquire(user_name(fmt::format("bench-{}", number % 1000)), bench.mode,
                               number, patience);
  };
  auto ran = fleet.run(bench.length, ask, [&](std::size_t client, const LockEvent& event) {
    const auto* granted = std::get_if<LockGranted>(&event);
    if (granted == nullptr) return;
    if (fleet.counting()) {
      result.latency.record(mono_now() - asked);
      ++result.operations;
    }
    fleet.after(bench.hold, [&, client, name = granted->name, token = granted->grant.token] {
      if (bench.mode == LockMode::shared) fleet.link(client).end_use(name, token);
      fleet.link(client).release(name);
      fleet.next_turn([&ask, client] { ask(client); });
    });
  });
  if (!ran) return pass_on(ran);
  result.elapsed_seconds = fleet.elapsed_seconds();
  result.figures = {
      {"acquire p50 in bare round trips",
       ratio(static_cast<double>(result.latency.percentile(0.5).count()), round_trip), ""},
      {"acquire and release p50 in bare round trips",
       ratio(static_cast<double>(cycles.percentile(0.5).count()), round_trip), ""}};
  return result;
}

/// Clients that each acquire and release whole batches of names of their own, two on their way.
Result<BenchResult> batched(const BenchLocks& bench, std::size_t clients) {
  BenchResult result;
  result.scenario = fmt::format("batched, {} client{}", clients, clients == 1 ? "" : "s");
  result.latency_of = fmt::format("{} names asked for until all are granted", bench.batch);
  constexpr std::size_t lanes = 2;
  struct Lane {
    std::vector<LockName> names;
    std::vector<LockGranted> granted;
    MonoTime asked{};
  };
  std::vector<std::array<Lane, lanes>> all(clients);
  for (std::size_t client = 0; client < clients; ++client) {
    for (std::size_t lane = 0; lane < lanes; ++lane) {
      for (std::uint32_t n = 0; n < bench.batch; ++n) {
        all[client][lane].names.push_back(
            user_name(fmt::format("bench-{}-{}-{}", client, lane, n)));
      }
    }
  }
  Fleet fleet(bench, clients);
  const auto ask = [&](std::size_t client, std::size_t index) {
    if (!fleet.running()) return;
    auto& lane = all[client][index];
    lane.granted.clear();
    lane.asked = mono_now();
    fleet.link(client).acquire(lane.names, bench.mode, index, patience);
  };
  auto ran = fleet.run(
      bench.length,
      [&](std::size_t client) {
        for (std::size_t lane = 0; lane < lanes; ++lane) ask(client, lane);
      },
      [&](std::size_t client, const LockEvent& event) {
        const auto* granted = std::get_if<LockGranted>(&event);
        if (granted == nullptr) return;
        const auto index = static_cast<std::size_t>(granted->ticket);
        auto& lane = all[client][index];
        lane.granted.push_back(*granted);
        if (lane.granted.size() < lane.names.size()) return;
        if (fleet.counting()) {
          result.latency.record(mono_now() - lane.asked);
          result.operations += lane.granted.size();
        }
        fleet.after(bench.hold, [&, client, index] {
          for (const auto& one : all[client][index].granted) {
            if (bench.mode == LockMode::shared) {
              fleet.link(client).end_use(one.name, one.grant.token);
            }
            fleet.link(client).release(one.name);
          }
          ask(client, index);
        });
      });
  if (!ran) return pass_on(ran);
  result.elapsed_seconds = fleet.elapsed_seconds();
  return result;
}

/// All clients want one name exclusively, and release it as soon as they have it.
Result<BenchResult> hot(const BenchLocks& bench, nanoseconds round_trip) {
  BenchResult result;
  result.scenario = fmt::format("hot name, {} clients", bench.clients);
  result.latency_of = "released until the next one has it";
  Fleet fleet(bench, bench.clients);
  const auto name = user_name("bench-hot");
  std::optional<MonoTime> released;
  LatencyHistogram waits;
  std::vector<MonoTime> asked(bench.clients);
  const auto ask = [&](std::size_t client) {
    if (!fleet.running()) return;
    asked[client] = mono_now();
    fleet.link(client).acquire(name, LockMode::exclusive, 1, patience);
  };
  auto ran = fleet.run(bench.length, ask, [&](std::size_t client, const LockEvent& event) {
    if (!std::holds_alternative<LockGranted>(event)) return;
    const auto now = mono_now();
    if (fleet.counting()) {
      ++result.operations;
      waits.record(now - asked[client]);
      if (released) result.latency.record(now - *released);
    }
    fleet.after(bench.hold, [&, client] {
      released = mono_now();
      fleet.link(client).release(name);
      ask(client);  // in line again, by the same message
    });
  });
  if (!ran) return pass_on(ran);
  result.elapsed_seconds = fleet.elapsed_seconds();
  const auto hop = round_trip / 2;
  result.figures = {
      {"hand-over p50 in hops (half a bare round trip)",
       ratio(static_cast<double>(result.latency.percentile(0.5).count()), hop), ""},
      {"wait in line p50", static_cast<double>(waits.percentile(0.5).count()) / 1e3, "us"},
      {"wait in line p99", static_cast<double>(waits.percentile(0.99).count()) / 1e3, "us"}};
  return result;
}

/// One name, nine readers of ten requests; readers' locks stay cached until a writer comes.
Result<BenchResult> readers(const BenchLocks& bench) {
  BenchResult result;
  result.scenario = fmt::format("90/10 readers, {} clients", bench.clients);
  result.latency_of = "asked until held, readers and writers";
  Fleet fleet(bench, bench.clients);
  const auto name = user_name("bench-book");
  std::minstd_rand random(1);
  struct Asked {
    MonoTime at{};
    LockMode mode = LockMode::shared;
  };
  std::vector<Asked> asked(bench.clients);
  LatencyHistogram writes;
  std::uint64_t cached = 0;
  std::function<void(std::size_t)> ask;
  const auto done = [&](std::size_t client, LockToken token) {
    const auto& it = asked[client];
    if (fleet.counting()) {
      const auto waited = mono_now() - it.at;
      ++result.operations;
      result.latency.record(waited);
      if (it.mode == LockMode::exclusive) writes.record(waited);
    }
    fleet.after(bench.hold, [&, client, token] {
      if (asked[client].mode == LockMode::shared) {
        fleet.link(client).end_use(name, token);
      } else {
        fleet.link(client).release(name);
      }
      ask(client);
    });
  };
  ask = [&](std::size_t client) {
    if (!fleet.running()) return;
    auto& it = asked[client];
    it.mode = random() % 10 == 0 ? LockMode::exclusive : LockMode::shared;
    it.at = mono_now();
    if (it.mode == LockMode::shared) {
      if (const auto* grant = fleet.link(client).begin_use(name)) {
        if (fleet.counting()) ++cached;
        return done(client, grant->token);
      }
    }
    fleet.link(client).acquire(name, it.mode, 1, patience);
  };
  auto ran = fleet.run(bench.length, ask, [&](std::size_t client, const LockEvent& event) {
    if (const auto* granted = std::get_if<LockGranted>(&event)) {
      done(client, granted->grant.token);
    } else if (std::holds_alternative<LockRecalled>(event)) {
      fleet.link(client).keep(name);
    }
  });
  if (!ran) return pass_on(ran);
  result.elapsed_seconds = fleet.elapsed_seconds();
  result.figures = {
      {"served from the cache",
       result.operations == 0
           ? 0
           : 100 * static_cast<double>(cached) / static_cast<double>(result.operations),
       "%"},
      {"writers' wait p50", static_cast<double>(writes.percentile(0.5).count()) / 1e3, "us"},
      {"writers' wait p99", static_cast<double>(writes.percentile(0.99).count()) / 1e3, "us"}};
  return result;
}

/// A lock that is held already is used again and again: nobody is asked.
Result<BenchResult> cached(const BenchLocks& bench) {
  BenchResult result;
  result.scenario = "cached";
  result.latency_of = "-";
  Fleet fleet(bench, 1);
  constexpr int names = 1000;
  constexpr int uses_per_turn = 10'000;
  std::vector<LockName> all;
  for (int n = 0; n < names; ++n) all.push_back(user_name(fmt::format("bench-{}", n)));
  std::size_t granted = 0;
  std::function<void()> use = [&] {
    if (!fleet.running()) return;
    for (int n = 0; n < uses_per_turn; ++n) {
      const auto& name = all[static_cast<std::size_t>(n % names)];
      const auto* grant = fleet.link(0).begin_use(name);
      if (grant == nullptr) continue;
      const auto token = grant->token;
      if (fleet.counting()) ++result.operations;
      fleet.link(0).end_use(name, token);
    }
    fleet.next_turn(use);
  };
  auto ran = fleet.run(
      bench.length, [&](std::size_t) { fleet.link(0).acquire(all, LockMode::shared, 1, patience); },
      [&](std::size_t, const LockEvent& event) {
        const auto* grant = std::get_if<LockGranted>(&event);
        if (grant == nullptr) return;
        fleet.link(0).end_use(grant->name, grant->grant.token);
        if (++granted == all.size()) fleet.next_turn(use);
      });
  if (!ran) return pass_on(ran);
  result.elapsed_seconds = fleet.elapsed_seconds();
  result.figures = {{"of one use", result.rate() > 0 ? 1e9 / result.rate() : 0, "ns"}};
  return result;
}

/// Many names held at once.
Result<BenchResult> held(const BenchLocks& bench, const OwnBroker* broker) {
  BenchResult result;
  result.scenario = fmt::format("{} names held", bench.names);
  result.latency_of = "-";
  const auto before = broker != nullptr ? broker->memory_bytes() : 0;
  std::size_t after = 0;
  Fleet fleet(bench, 1);
  // A few batches on their way, or their answers would be more than a session may leave unseen.
  constexpr std::uint32_t batch = 4096;
  constexpr std::uint32_t on_their_way = 4 * batch;
  std::uint32_t asked = 0;
  std::uint32_t granted = 0;
  MonoTime all_granted{};
  const auto begin = mono_now();
  const auto ask = [&](std::size_t client) {
    while (asked < bench.names && asked - granted + batch <= on_their_way) {
      std::vector<LockName> names;
      for (std::uint32_t n = 0; n < batch && asked < bench.names; ++n, ++asked) {
        names.push_back(user_name(fmt::format("bench-metric-{:08}", asked)));
      }
      fleet.link(client).acquire(names, bench.mode, 1, patience);
    }
  };
  auto ran = fleet.run(nanoseconds{0}, ask, [&](std::size_t client, const LockEvent& event) {
    if (!std::holds_alternative<LockGranted>(event)) return;
    if (++granted < bench.names) {
      if (asked - granted + batch <= on_their_way) ask(client);
      return;
    }
    all_granted = mono_now();
    if (broker != nullptr) after = broker->memory_bytes();
    fleet.finish();
  });
  if (!ran) return pass_on(ran);
  result.operations = bench.names;
  result.elapsed_seconds = std::chrono::duration<double>(all_granted - begin).count();
  if (broker != nullptr) {
    const auto grown = after > before ? after - before : 0;
    result.figures = {
        {"the broker's resident memory", static_cast<double>(after) / 1e6, "MB"},
        {"of a name", static_cast<double>(grown) / static_cast<double>(bench.names), "bytes"}};
  }
  return result;
}

}  // namespace

int run_bench_locks(int argc, const char* const* argv) {
  BenchLocks bench;
  std::string locks;
  std::string scenario = "all";
  std::string mode = "exclusive";
  bool json = false;
  Options options(program, "Measure a lock broker: one that is started for the run, or --locks.",
                  "error");
  options.text(locks, "locks", "port of a lock broker to be measured instead of an own one");
  options.text(bench.cluster, "cluster", "name that all processes of one system share");
  options.choice(scenario, "scenario",
                 {"all", "uncontended", "batched", "hot", "readers", "cached", "held"},
                 "what is measured");
  options.choice(mode, "mode", {"shared", "append", "exclusive"},
                 "of the locks in uncontended, batched and held");
  options.count(bench.clients, "clients", 1, 1000, "clients in hot, readers and batched");
  options.count(bench.names, "names", 1, 4'000'000, "names in held");
  options.count(bench.batch, "batch", 1, 100'000, "names asked for at once in batched");
  options.duration(bench.hold, "hold", nanoseconds{0}, seconds(10), "how long each lock is held");
  options.duration(bench.length, "seconds", milliseconds(100), std::chrono::hours(1),
                   "how long each scenario is measured");
  options.flag(json, "json", "for programs: one line, one JSON object");
  if (const auto exit_code = options.parse(argc, argv)) return *exit_code;
  if (bench.cluster.size() > cluster_name_bytes_max) return refuse(program, "--cluster: too long");
  bench.mode = mode == "shared"   ? LockMode::shared
               : mode == "append" ? LockMode::append
                                  : LockMode::exclusive;
  start_logging(program, options.log_level());

  const EchoProcess echo;
  if (echo.endpoint().empty()) return refuse(program, "cannot start a process");
  std::unique_ptr<OwnBroker> own;
  if (locks.empty()) {
    auto started = OwnBroker::start(bench.cluster);
    if (!started) return refuse(program, started.error().text);
    own = *std::move(started);
    bench.broker.port = own->port();
  } else {
    auto address = parse_host_port(locks);
    if (!address) return refuse(program, "--locks: " + address.error().text);
    bench.broker = *std::move(address);
  }

  std::vector<BenchResult> results;
  nanoseconds round_trip{0};
  const bool progress = ::isatty(STDERR_FILENO) == 1;
  const auto measure = [&](std::string_view name, const auto& run) -> bool {
    if (scenario != "all" && scenario != name) return true;
    if (progress) fmt::print(stderr, "\r\x1b[K{}...", name);
    Result<BenchResult> result = run();
    if (progress) fmt::print(stderr, "\r\x1b[K");
    if (!result) {
      fmt::print(stderr, "{}: {}: {}\n", program, name, result.error().text);
      return false;
    }
    results.push_back(*std::move(result));
    return true;
  };
  if (scenario == "all" || scenario == "uncontended" || scenario == "hot") {
    results.push_back(bare_round_trip(bench, echo));
    round_trip = results.back().latency.percentile(0.5);
  }
  const bool done =
      measure("uncontended", [&] { return uncontended(bench, round_trip); }) &&
      measure("batched", [&] { return batched(bench, 1); }) &&
      (bench.clients == 1 || measure("batched", [&] { return batched(bench, bench.clients); })) &&
      measure("hot", [&] { return hot(bench, round_trip); }) &&
      measure("readers", [&] { return readers(bench); }) &&
      measure("cached", [&] { return cached(bench); }) &&
      measure("held", [&] { return held(bench, own.get()); });
  const auto text = json ? bench_json(results) : bench_table(results);
  std::fwrite(text.data(), 1, text.size(), stdout);
  std::fflush(stdout);
  return done ? 0 : 1;
}

}  // namespace mas
