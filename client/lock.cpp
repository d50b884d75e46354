#include "client/lock.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <csignal>
#include <cstdio>
#include <optional>
#include <stop_token>
#include <string>
#include <system_error>
#include <thread>
#include <vector>

#include "base/unique_fd.hpp"
#include "locks/lock_client.hpp"
#include "net/clock.hpp"
#include "service/logging.hpp"
#include "service/options.hpp"
#include "service/process.hpp"

namespace mas {
namespace {

constexpr const char* program = "mas lock";

// Exit codes beside the command's own, as of timeout(1) and env(1) where these have one.
constexpr int exit_lost = 124;         ///< the lock was lost, the command stopped
constexpr int exit_unavailable = 125;  ///< no lock broker, or the system refused
constexpr int exit_not_executable = 126;
constexpr int exit_not_found = 127;
constexpr int exit_signal_base = 128;  ///< and the number of the signal

struct LockCommand {
  std::string name;
  LockMode mode = LockMode::exclusive;
  std::optional<milliseconds> wait_max;  ///< none: as long as it takes
  HostPort broker{"127.0.0.1", 5558};
  std::string cluster = "mas";
  int conflict_exit_code = 1;
  bool kill_when_lost = true;
  nanoseconds grace = seconds(5);
  std::vector<std::string> command;
};

void say(const std::string& text) { fmt::print(stderr, "{}: {}\n", program, text); }
std::string reason(int error) { return std::generic_category().message(error); }

/// Signals that are taken from a descriptor. Those that whoever started us ignores stay ignored
/// (nohup), by the command as well.
sigset_t awaited_signals() {
  sigset_t set;
  sigemptyset(&set);
  sigaddset(&set, SIGCHLD);
  for (const int signal : {SIGTERM, SIGINT, SIGHUP, SIGQUIT, SIGUSR1, SIGUSR2}) {
    struct sigaction current {};
    if (::sigaction(signal, nullptr, &current) == 0 && current.sa_handler != SIG_IGN) {
      sigaddset(&set, signal);
    }
  }
  return set;
}

/// The next signal that waits at the descriptor, if any.
std::optional<signalfd_siginfo> next_signal(const UniqueFd& signals) {
  signalfd_siginfo info{};
  if (::read(signals.get(), &info, sizeof info) != static_cast<ssize_t>(sizeof info)) return {};
  return info;
}

std::string worker_name(const std::string& command) {
  std::array<char, 65> host{};
  ::gethostname(host.data(), host.size() - 1);
  return fmt::format("mas lock@{}:{} {}", host.data(), ::getpid(), command);
}

std::string address_of(const HostPort& broker) {
  const bool v6 = broker.host.find(':') != std::string::npos;
  return v6 ? fmt::format("[{}]:{}", broker.host, broker.port)
            : fmt::format("{}:{}", broker.host, broker.port);
}

void raise_event(const UniqueFd& event) {
  const std::uint64_t one = 1;
  static_cast<void>(::write(event.get(), &one, sizeof one) == 0);
}

/// Gets the lock and runs the command.
class Runner {
 public:
  explicit Runner(LockCommand what) : what_(std::move(what)) {}

  [[nodiscard]] int run() {
    const sigset_t awaited = awaited_signals();
    ::sigprocmask(SIG_BLOCK, &awaited, &original_mask_);
    signals_ = UniqueFd(::signalfd(-1, &awaited, SFD_CLOEXEC | SFD_NONBLOCK));
    locked_ = UniqueFd(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
    lost_ = UniqueFd(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
    if (!signals_ || !locked_ || !lost_) {
      say(reason(errno));
      return exit_unavailable;
    }
    if (const auto without = get_lock()) return *without;
    auto& lock = **result_;
    if (!lock.valid()) {
      say(fmt::format("lost the lock on '{}' before the command ran", what_.name));
      return exit_lost;
    }
    if (const auto failed = start(lock)) return *failed;
    return wait_for_command();
  }

 private:
  /// Waits for the lock in a thread, so that a signal can end the wait in order: the broker hears
  /// that we no longer wait. The exit code, if there is no lock.
  [[nodiscard]] std::optional<int> get_lock() {
    std::jthread waiter([this](const std::stop_token& stop) {
      LockClientOptions options;
      options.cluster = what_.cluster;
      options.worker = worker_name(what_.command.front());
      options.on_lost = [this](const std::string&) { raise_event(lost_); };
      auto client = LockClient::connect(address_of(what_.broker), std::move(options));
      if (!client) {
        result_.emplace(pass_on(client));
      } else {
        client_.emplace(*std::move(client));
        result_.emplace(
            client_->lock(what_.name, what_.mode, what_.wait_max.value_or(wait_for_ever), stop));
      }
      raise_event(locked_);
    });
    std::optional<int> stopped_by;
    for (;;) {
      std::array<pollfd, 2> watched{{{signals_.get(), POLLIN, 0}, {locked_.get(), POLLIN, 0}}};
      ::poll(watched.data(), watched.size(), -1);
      if (watched[1].revents != 0) break;
      while (const auto info = next_signal(signals_)) {
        if (info->ssi_signo == SIGCHLD) continue;
        stopped_by = static_cast<int>(info->ssi_signo);
        waiter.request_stop();
      }
    }
    waiter.join();
    if (stopped_by) return exit_signal_base + *stopped_by;
    if (*result_) return std::nullopt;
    const auto& error = result_->error();
    if (error.kind == Error::busy) {
      say(fmt::format(
          "no {} lock on '{}' {}", to_text(what_.mode), what_.name,
          what_.wait_max ? fmt::format("in {}", duration_text(*what_.wait_max)) : error.text));
      return what_.conflict_exit_code;
    }
    say(error.text);
    return error.kind == Error::invalid ? 2 : exit_unavailable;
  }

  /// Forks, from the main thread, as the command's death signal follows the thread that forked.
  [[nodiscard]] std::optional<int> start(const HeldLock& lock) {
    // All memory is taken before the fork: between fork and exec only safe calls are allowed.
    std::vector<char*> argv;
    for (auto& word : what_.command) argv.push_back(word.data());
    argv.push_back(nullptr);
    std::vector<std::string> ours{fmt::format("MAS_FENCING_TOKEN={}", lock.token()),
                                  fmt::format("MAS_LOCK_NAME={}", what_.name)};
    std::vector<char*> variables;
    for (auto& variable : ours) variables.push_back(variable.data());
    for (char** at = environ; *at != nullptr; ++at) {
      const std::string_view variable(*at);
      if (variable.starts_with("MAS_FENCING_TOKEN=")) continue;
      if (variable.starts_with("MAS_LOCK_NAME=")) continue;
      variables.push_back(*at);
    }
    variables.push_back(nullptr);
    std::array<int, 2> ends{};
    if (::pipe2(ends.data(), O_CLOEXEC) != 0) {
      say(reason(errno));
      return exit_unavailable;
    }
    const UniqueFd failure(ends[0]);
    UniqueFd to_tell(ends[1]);
    const pid_t self = ::getpid();
    child_ = ::fork();
    if (child_ == 0) {
      // When we are killed nobody keeps the lease, so nobody may go on as if it were kept.
      if (what_.kill_when_lost) ::prctl(PR_SET_PDEATHSIG, SIGKILL);
      if (::getppid() != self) ::_exit(EXIT_FAILURE);
      ::sigprocmask(SIG_SETMASK, &original_mask_, nullptr);
      ::execvpe(argv[0], argv.data(), variables.data());
      const int error = errno;
      static_cast<void>(::write(to_tell.get(), &error, sizeof error) == 0);
      ::_exit(EXIT_FAILURE);
    }
    to_tell.reset();
    int error = child_ < 0 ? errno : 0;
    if (child_ < 0) {
      say(fmt::format("cannot start {}: {}", what_.command.front(), reason(error)));
      return exit_unavailable;
    }
    while (::read(failure.get(), &error, sizeof error) < 0 && errno == EINTR) {
    }
    if (error == 0) return std::nullopt;
    ::waitpid(child_, nullptr, 0);
    say(fmt::format("{}: {}", what_.command.front(), reason(error)));
    return error == ENOENT ? exit_not_found : exit_not_executable;
  }

  [[nodiscard]] int wait_for_command() {
    bool lost = false;
    std::optional<MonoTime> kill_at;
    for (;;) {
      int timeout_ms = -1;
      if (kill_at) {
        const auto left = std::chrono::ceil<milliseconds>(*kill_at - mono_now()).count();
        timeout_ms = static_cast<int>(std::clamp<std::int64_t>(left, 0, 60'000));
      }
      std::array<pollfd, 2> watched{
          {{signals_.get(), POLLIN, 0}, {lost ? -1 : lost_.get(), POLLIN, 0}}};
      ::poll(watched.data(), watched.size(), timeout_ms);
      while (const auto info = next_signal(signals_)) forward(*info);
      int status = 0;
      if (::waitpid(child_, &status, WNOHANG) == child_) {
        if (lost && what_.kill_when_lost) return exit_lost;
        return WIFEXITED(status) ? WEXITSTATUS(status) : exit_signal_base + WTERMSIG(status);
      }
      if (!lost && watched[1].revents != 0) {
        lost = true;
        if (what_.kill_when_lost) {
          say(fmt::format("lost the lock on '{}' while the command ran; stopping it", what_.name));
          ::kill(child_, SIGTERM);
          kill_at = mono_now() + what_.grace;
        } else {
          say(fmt::format("lost the lock on '{}' while the command runs", what_.name));
        }
      }
      if (kill_at && mono_now() >= *kill_at) {
        ::kill(child_, SIGKILL);
        kill_at.reset();
      }
    }
  }

  void forward(const signalfd_siginfo& info) const {
    if (info.ssi_signo == SIGCHLD) return;
    // What a terminal sends (Ctrl-C) the command has got itself, being in the same group.
    if (info.ssi_code == SI_KERNEL) return;
    ::kill(child_, static_cast<int>(info.ssi_signo));
  }

  LockCommand what_;
  sigset_t original_mask_{};
  UniqueFd signals_;
  UniqueFd locked_;
  UniqueFd lost_;
  std::optional<LockClient> client_;
  std::optional<Result<HeldLock>> result_;  ///< ends before its client
  pid_t child_ = -1;
};

}  // namespace

int run_lock(int argc, const char* const* argv) {
  LockCommand lock;
  std::string mode = "exclusive";
  std::string wait;
  std::string on_lost = "kill";
  std::uint32_t conflict_exit_code = 1;
  Options options(
      program,
      "Run a command while a lock is held, across machines:\n"
      "  mas lock NAME [OPTIONS] -- COMMAND [ARGUMENTS...]\n"
      "The command finds the lock's fencing token in MAS_FENCING_TOKEN. Its exit code is ours;\n"
      "124: the lock was lost, the command stopped; 125: no lock broker answers; 126, 127: the\n"
      "command cannot be run, is not found; 128 and n: signal n ended it; 2: bad usage.",
      "error");
  options.argument(lock.name, "NAME", "what to lock: any text of 1 to 255 bytes");
  options.choice(mode, "mode", {"shared", "append", "exclusive"}, "who may hold it meanwhile");
  options.text(wait, "wait", "how long to wait for the lock; as long as it takes unless given");
  options.address(lock.broker, "locks", "port of the lock broker");
  options.text(lock.cluster, "cluster", "name that all processes of one system share");
  options.count(conflict_exit_code, "conflict-exit-code", 0, 255,
                "exit code when the lock was not to be had in time");
  options.choice(on_lost, "on-lost", {"kill", "warn"},
                 "what to do when the lock is lost while the command runs");
  options.duration(lock.grace, "grace", milliseconds{0}, std::chrono::hours{1},
                   "time between SIGTERM and SIGKILL when the lock is lost");
  // What follows -- is the command's, whatever it looks like.
  const auto* const end = argv + argc;
  const auto* const dashes =
      std::find_if(argv, end, [](const char* word) { return std::string_view(word) == "--"; });
  if (const auto exit_code = options.parse(static_cast<int>(dashes - argv), argv)) {
    return *exit_code;
  }
  if (dashes == end || dashes + 1 == end) return refuse(program, "give a command after --");
  lock.command.assign(dashes + 1, end);
  if (lock.name.empty() || lock.name.size() > lock_name_bytes_max) {
    return refuse(program, fmt::format("NAME: 1 to {} bytes", lock_name_bytes_max));
  }
  if (lock.cluster.size() > cluster_name_bytes_max) return refuse(program, "--cluster: too long");
  if (!wait.empty()) {
    const auto parsed = parse_duration(wait);
    if (!parsed) return refuse(program, "--wait: " + parsed.error().text);
    lock.wait_max = std::chrono::duration_cast<milliseconds>(*parsed);
  }
  lock.mode = mode == "shared"   ? LockMode::shared
              : mode == "append" ? LockMode::append
                                 : LockMode::exclusive;
  lock.conflict_exit_code = static_cast<int>(conflict_exit_code);
  lock.kill_when_lost = on_lost == "kill";
  start_logging(program, options.log_level());
  return Runner(std::move(lock)).run();
}

}  // namespace mas
