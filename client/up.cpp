#include "client/up.hpp"

#include <arpa/inet.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <netinet/in.h>
#include <poll.h>
#include <spdlog/spdlog.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <deque>
#include <filesystem>
#include <system_error>

#include "base/unique_fd.hpp"
#include "client/http_probe.hpp"
#include "client/obituary_link.hpp"
#include "client/up_plan.hpp"
#include "net/clock.hpp"
#include "service/logging.hpp"
#include "service/options.hpp"
#include "service/process.hpp"
#include "store/segment_format.hpp"

namespace mas {
namespace {

/// How long the gateway may take to say whether the system is ready.
constexpr nanoseconds probe_time_max = seconds(1);

std::string reason(int error) { return std::generic_category().message(error); }

// --- What must hold before anything starts ---

/// The directory of this program's file, where its siblings are.
Result<std::filesystem::path> own_directory() {
  std::error_code error;
  const auto self = std::filesystem::read_symlink("/proc/self/exe", error);
  if (error) return fail(Error::io, "cannot find my own file: {}", error.message());
  return self.parent_path();
}

Result<void> find_programs(const std::filesystem::path& directory,
                           const std::vector<ChildCommand>& children) {
  for (const ChildCommand& child : children)
    if (const auto path = directory / child.program; ::access(path.c_str(), X_OK) != 0)
      return fail(Error::io, "{}: {}", path.string(), reason(errno));
  return {};
}

/// Makes the directory where needed and takes it for this `mas up` alone, as long as the descriptor
/// is open. The lock dies with the process, unlike a file that says who holds it.
Result<UniqueFd> claim_data_directory(const std::string& data) {
  std::error_code error;
  std::filesystem::create_directories(data, error);
  if (error) return fail(Error::io, "--data: cannot make {}: {}", data, error.message());
  const std::string path = data + "/mas-up.lock";
  UniqueFd file(::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0644));
  if (!file) return fail(Error::io, "--data: cannot write {}: {}", path, reason(errno));
  struct flock lock {};
  lock.l_type = F_WRLCK;
  lock.l_whence = SEEK_SET;
  if (::fcntl(file.get(), F_OFD_SETLK, &lock) != 0) {
    if (errno == EAGAIN || errno == EACCES)
      return fail(Error::busy, "--data: another mas up runs on {}", data);
    return fail(Error::io, "--data: cannot lock {}: {}", path, reason(errno));
  }
  return file;
}

/// Binds the port and lets it go again.
Result<void> check_port(const std::string& address, const NamedPort& named) {
  sockaddr_storage storage{};
  socklen_t size = 0;
  if (auto* v4 = reinterpret_cast<sockaddr_in*>(&storage);
      ::inet_pton(AF_INET, address.c_str(), &v4->sin_addr) == 1) {
    v4->sin_family = AF_INET;
    v4->sin_port = htons(named.port);
    size = sizeof *v4;
  } else {
    auto* v6 = reinterpret_cast<sockaddr_in6*>(&storage);
    ::inet_pton(AF_INET6, address.c_str(), &v6->sin6_addr);
    v6->sin6_family = AF_INET6;
    v6->sin6_port = htons(named.port);
    size = sizeof *v6;
  }
  const UniqueFd socket(::socket(storage.ss_family, SOCK_STREAM | SOCK_CLOEXEC, 0));
  const int yes = 1;  // as servers do: connections of an earlier run that linger do not count
  ::setsockopt(socket.get(), SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes);
  if (::bind(socket.get(), reinterpret_cast<const sockaddr*>(&storage), size) == 0) return {};
  return fail(Error::io, "{} {}: cannot listen on {}: {}", named.option, named.port, address,
              reason(errno));
}

// --- Processes ---

/// The signals that `mas up` takes from a descriptor. SIGINT and SIGHUP stay ignored where whoever
/// started it ignores them (nohup, a shell's background job).
sigset_t awaited_signals() {
  sigset_t set;
  sigemptyset(&set);
  sigaddset(&set, SIGCHLD);
  sigaddset(&set, SIGTERM);
  for (const int signal : {SIGINT, SIGHUP}) {
    struct sigaction current {};
    if (::sigaction(signal, nullptr, &current) == 0 && current.sa_handler != SIG_IGN)
      sigaddset(&set, signal);
  }
  return set;
}

/// In the child, between fork and exec: only what is safe there.
[[noreturn]] void become(const char* path, char* const* argv, pid_t parent,
                         const sigset_t& original_mask) {
  // A group of its own: Ctrl-C reaches `mas up` alone, which decides the order of the drain.
  ::setpgid(0, 0);
  // The child dies with `mas up`, also when that is killed. Its acknowledged work is safe then as
  // with any kill, and its ports are free at once for the next start.
  ::prctl(PR_SET_PDEATHSIG, SIGKILL);
  if (::getppid() != parent) ::_exit(EXIT_FAILURE);  // it died before the line above
  // A terminal with `stty tostop` would stop a background group that writes its log.
  std::signal(SIGTTOU, SIG_IGN);
  std::signal(SIGPIPE, SIG_DFL);
  ::sigprocmask(SIG_SETMASK, &original_mask, nullptr);
  if (const int null = ::open("/dev/null", O_RDONLY); null >= 0) ::dup2(null, STDIN_FILENO);
  ::dup2(STDERR_FILENO, STDOUT_FILENO);  // stdout is for the line that says ready
  ::execv(path, argv);
  ::_exit(EXIT_FAILURE);
}

/// Does what the supervisor decides.
class Shell {
 public:
  Shell(const UpOptions& options, std::filesystem::path directory,
        std::vector<ChildCommand> children)
      : options_(options),
        directory_(std::move(directory)),
        children_(std::move(children)),
        pids_(children_.size(), -1),
        instances_(children_.size(), any_instance),
        obituaries_(reachable_address(options.bind), options.locks_port, options.cluster),
        supervisor_(roles_of(children_)) {}

  /// Runs until everything has ended, gives the exit code.
  [[nodiscard]] int run() {
    std::signal(SIGPIPE, SIG_IGN);  // a closed stdout is no reason to die
    const sigset_t awaited = awaited_signals();
    ::sigprocmask(SIG_BLOCK, &awaited, &original_mask_);
    signals_ = UniqueFd(::signalfd(-1, &awaited, SFD_CLOEXEC | SFD_NONBLOCK));
    if (!signals_) {
      spdlog::error("signalfd: {}", reason(errno));
      return 1;
    }
    handle(Supervisor::Begin{});
    while (!exit_code_) {
      wait();
      take_signals();
      const auto due = supervisor_.next_deadline();
      if (due && *due <= mono_now()) handle(Supervisor::TimePassed{});
    }
    return *exit_code_;
  }

 private:
  [[nodiscard]] static std::vector<Supervisor::Role> roles_of(
      const std::vector<ChildCommand>& children) {
    std::vector<Supervisor::Role> roles;
    for (const ChildCommand& child : children) roles.push_back(child.role);
    return roles;
  }

  void wait() {
    int timeout_ms = -1;
    if (const auto due = supervisor_.next_deadline()) {
      const auto left = std::chrono::ceil<milliseconds>(*due - mono_now()).count();
      timeout_ms = static_cast<int>(std::clamp<std::int64_t>(left, 0, 60'000));
    }
    pollfd watched{.fd = signals_.get(), .events = POLLIN, .revents = 0};
    ::poll(&watched, 1, timeout_ms);
  }

  void take_signals() {
    signalfd_siginfo info{};
    bool child_ended = false;
    while (::read(signals_.get(), &info, sizeof info) == static_cast<ssize_t>(sizeof info)) {
      if (info.ssi_signo == SIGCHLD)
        child_ended = true;
      else
        handle(Supervisor::StopAsked{});
    }
    if (child_ended) reap();
  }

  /// One SIGCHLD may stand for several children.
  void reap() {
    int status = 0;
    for (pid_t pid = 0; (pid = ::waitpid(-1, &status, WNOHANG)) > 0;) {
      const auto found = std::find(pids_.begin(), pids_.end(), pid);
      if (found == pids_.end()) continue;  // adopted, where this is a container's first process
      *found = -1;
      const auto child = static_cast<std::size_t>(found - pids_.begin());
      const std::string& program = children_[child].program;
      if (children_[child].role == Supervisor::Role::worker) obituaries_.tell(instances_[child]);
      if (WIFEXITED(status)) {
        spdlog::log(WEXITSTATUS(status) == 0 ? spdlog::level::info : spdlog::level::warn,
                    "{} ended pid={} exit_code={}", program, pid, WEXITSTATUS(status));
        handle(Supervisor::Exited{child, WEXITSTATUS(status)});
      } else {
        spdlog::warn("{} killed pid={} signal={}", program, pid, WTERMSIG(status));
        handle(Supervisor::Exited{child, std::nullopt});
      }
    }
  }

  /// Some actions make events of their own, so these queue.
  void handle(const Supervisor::Event& event) {
    events_.push_back(event);
    if (events_.size() > 1) return;  // an outer call is at it
    for (; !events_.empty(); events_.pop_front()) {
      std::vector<Supervisor::Action> actions;
      supervisor_.on(events_.front(), mono_now(), actions);
      for (const Supervisor::Action& action : actions)
        std::visit([this](const auto& it) { perform(it); }, action);
    }
  }

  void perform(const Supervisor::Start& action) {
    const ChildCommand& command = children_[action.child];
    const std::string path = (directory_ / command.program).string();
    std::vector<std::string> words{command.program};
    words.insert(words.end(), command.arguments.begin(), command.arguments.end());
    if (command.role == Supervisor::Role::worker) {
      // Chosen here, so that the lock broker can be told whose locks are free once it is gone.
      instances_[action.child] = random_instance();
      words.insert(words.end(), {"--instance", fmt::format("{:x}", instances_[action.child])});
    }
    std::vector<char*> argv;
    for (std::string& word : words) argv.push_back(word.data());
    argv.push_back(nullptr);

    const pid_t self = ::getpid();
    const pid_t pid = ::fork();
    if (pid == 0) become(path.c_str(), argv.data(), self, original_mask_);
    if (pid < 0) {
      spdlog::warn("cannot start {}: {}", command.program, reason(errno));
      handle(Supervisor::Exited{action.child, std::nullopt});
      return;
    }
    pids_[action.child] = pid;
    spdlog::info("{} started pid={}", command.program, pid);
  }

  void perform(const Supervisor::RestartLater& action) {
    spdlog::info("{} starts again in {} ms", children_[action.child].program,
                 action.delay / milliseconds(1));
  }
  void perform(const Supervisor::Drain& action) { signal(action.child, SIGTERM); }
  void perform(const Supervisor::Kill& action) {
    spdlog::warn("{} did not end in time, killed", children_[action.child].program);
    signal(action.child, SIGKILL);
  }

  void perform(const Supervisor::AskReady&) {
    const auto status = http_status(reachable_address(options_.bind), options_.http_port,
                                    every_pool_has_workers(options_) ? "/readyz" : "/healthz",
                                    mono_now() + probe_time_max);
    handle(Supervisor::ReadyAnswered{status && *status == 200});
  }

  void perform(const Supervisor::AnnounceReady&) {
    fmt::print("{}\n", ready_line(options_));
    std::fflush(stdout);
  }
  void perform(const Supervisor::Finish& action) { exit_code_ = action.exit_code; }

  void signal(std::size_t child, int number) const {
    // Not reaped yet, so the number is still its own.
    if (pids_[child] > 0) ::kill(pids_[child], number);
  }

  const UpOptions& options_;
  std::filesystem::path directory_;
  std::vector<ChildCommand> children_;
  std::vector<pid_t> pids_;            ///< by child; -1 while it does not run
  std::vector<InstanceId> instances_;  ///< by child, of its last start; workers only
  ObituaryLink obituaries_;
  Supervisor supervisor_;
  std::deque<Supervisor::Event> events_;
  UniqueFd signals_;
  sigset_t original_mask_{};
  std::optional<int> exit_code_;
};

}  // namespace

int run_up(int argc, const char* const* argv) {
  UpOptions up;
  Options options(
      "mas up",
      "Run the whole system on this machine, without any container. Says `mas is ready` "
      "on stdout;\nlogs go to stderr; Ctrl-C drains and ends it.");
  options.text(up.data, "data", "directory of all data, made if missing");
  options.text(up.bind, "bind", "numeric address to listen on; 0.0.0.0 is everywhere");
  options.port(up.text_port, "text-port", "port of the text commands");
  options.port(up.native_port, "native-port", "port of ZeroMQ clients");
  options.port(up.workers_port, "workers-port", "port that workers dial");
  options.port(up.events_port, "events-port", "port of published alerts");
  options.port(up.locks_port, "locks-port", "port of the lock broker");
  options.port(up.http_port, "http-port", "port of /readyz, /healthz and /metrics");
  options.count(up.ingest, "ingest", 0, workers_per_pool_max, "processes that serve LOG");
  options.count(up.query, "query", 0, workers_per_pool_max, "processes that serve QUERY");
  options.count(up.alerter, "alerter", 0, workers_per_pool_max, "processes that serve NEW-ALERT");
  options.duration(up.alert_period, "alert-period", seconds(1), std::chrono::hours(24),
                   "time between two checks of the alerts");
  options.text(up.cluster, "cluster", "name that all processes of one system share");
  options.duration(up.partition, "partition", partition_length_min, partition_length_max,
                   "time that one file of a metric covers, whole seconds");
  if (const auto exit_code = options.parse(argc, argv)) return *exit_code;
  up.log_level = options.log_level();

  if (const auto valid = validate(up); !valid) return refuse("mas up", valid.error().text);
  const auto directory = own_directory();
  if (!directory) return refuse("mas up", directory.error().text);
  auto children = plan_children(up);
  if (const auto found = find_programs(*directory, children); !found)
    return refuse("mas up", found.error().text);
  const auto claim = claim_data_directory(up.data);
  if (!claim) return refuse("mas up", claim.error().text);
  for (const NamedPort& port : ports_of(up))
    if (const auto free = check_port(up.bind, port); !free)
      return refuse("mas up", free.error().text);
  start_logging("mas", up.log_level);
  // The file is for `mas up` itself: what it says is in the children's arguments.
  ::unsetenv("MAS_CONFIG");  // NOLINT(concurrency-mt-unsafe): one thread
  return Shell(up, *directory, std::move(children)).run();
}

}  // namespace mas
