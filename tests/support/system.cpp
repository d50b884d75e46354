#include "support/system.hpp"

#include <poll.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <csignal>
#include <fstream>
#include <sstream>
#include <stdexcept>

namespace mas {
namespace {

/// The parent of a process, 0 when it is gone.
pid_t parent_of(const std::filesystem::path& process) {
  std::ifstream file(process / "stat");
  std::ostringstream text;
  text << file.rdbuf();
  // "pid (name) state ppid ...": the name may hold anything, so count from its last parenthesis.
  const auto stat = text.str();
  const auto name_end = stat.rfind(')');
  if (name_end == std::string::npos || name_end + 4 >= stat.size()) return 0;
  return static_cast<pid_t>(std::atol(stat.c_str() + name_end + 4));
}

}  // namespace

std::string program_path(const std::string& name) { return std::string(MAS_BIN_DIR "/") + name; }

System::Options& System::Options::pools(int of_ingest, int of_query, int of_alerter) {
  option("--ingest", std::to_string(of_ingest));
  option("--query", std::to_string(of_query));
  return option("--alerter", std::to_string(of_alerter));
}

System::Options& System::Options::option(const std::string& flag, const std::string& value) {
  flags.push_back(flag);
  flags.push_back(value);
  return *this;
}

System::Options& System::Options::environment(const std::string& name, const std::string& value) {
  variables.push_back(name + "=" + value);
  return *this;
}

System::System(Options options) : options_(std::move(options)) {
  // Last, as of two values the first counts: a test's own. A machine that is short of processors or
  // has a slow disk is no reason for a 503; tests that want one ask for it.
  options_.variables.emplace_back("MAS_LOG_TIMEOUT=30s");
  start();
}

std::vector<std::string> System::arguments() const {
  std::vector<std::string> arguments{"--data", data().string()};
  std::size_t port = 0;
  for (const char* option : {"--text-port", "--native-port", "--workers-port", "--events-port",
                             "--locks-port", "--http-port"}) {
    arguments.emplace_back(option);
    arguments.push_back(std::to_string(ports_[port++]));
  }
  arguments.insert(arguments.end(), options_.flags.begin(), options_.flags.end());
  return arguments;
}

std::vector<std::string> System::worker_arguments(const std::string& program) const {
  return {program_path(program),
          "--gateway",
          "127.0.0.1:" + std::to_string(workers_port()),
          "--locks",
          "127.0.0.1:" + std::to_string(locks_port()),
          "--data",
          data().string()};
}

void System::launch() {
  std::vector<std::string> argv{program_path("mas"), "up"};
  const auto more = arguments();
  argv.insert(argv.end(), more.begin(), more.end());
  up_.reset();
  up_ = std::make_unique<Process>(argv, options_.variables);
}

void System::start() {
  launch();
  up_->wait_for_stdout("mas is ready");
}

ProcessEnd System::stop() {
  up_->signal(SIGTERM);
  const auto end = up_->wait();
  up_->wait_until_all_gone();
  return end;
}

std::vector<pid_t> System::pids_of(const std::string& program) const {
  std::vector<pid_t> pids;
  for (const auto& entry : std::filesystem::directory_iterator("/proc")) {
    const auto pid = static_cast<pid_t>(std::atol(entry.path().filename().c_str()));
    if (pid <= 0 || parent_of(entry.path()) != up_->pid()) continue;
    std::error_code gone;
    if (std::filesystem::read_symlink(entry.path() / "exe", gone).filename() == program)
      pids.push_back(pid);
  }
  return pids;
}

void System::kill_all_of(const std::string& program) const {
  const auto pids = pids_of(program);
  if (pids.empty()) throw std::runtime_error("no " + program + " runs");
  for (const pid_t pid : pids) {
    const UniqueFd process(static_cast<int>(::syscall(SYS_pidfd_open, pid, 0)));
    ::kill(pid, SIGKILL);
    pollfd watched{process.get(), POLLIN, 0};
    const auto limit = std::chrono::duration_cast<std::chrono::milliseconds>(patience).count();
    if (process && ::poll(&watched, 1, static_cast<int>(limit)) <= 0)
      throw std::runtime_error(program + " cannot be killed");
  }
}

}  // namespace mas
