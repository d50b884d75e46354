#include "support/process.hpp"

#include <fcntl.h>
#include <poll.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <csignal>
#include <stdexcept>
#include <utility>

namespace mas {
namespace {

std::pair<UniqueFd, UniqueFd> make_pipe() {
  std::array<int, 2> ends{};
  if (::pipe2(ends.data(), O_CLOEXEC) != 0) throw std::runtime_error("no pipe");
  return {UniqueFd(ends[0]), UniqueFd(ends[1])};
}

std::vector<char*> pointers_to(std::vector<std::string>& words) {
  std::vector<char*> pointers;
  for (auto& word : words) pointers.push_back(word.data());
  pointers.push_back(nullptr);
  return pointers;
}

/// Appends what is there; false at the end of the stream.
bool read_into(int fd, std::string& text) {
  std::array<char, 64 * 1024> chunk{};
  const auto got = ::read(fd, chunk.data(), chunk.size());
  if (got > 0) text.append(chunk.data(), static_cast<std::size_t>(got));
  return got > 0 || (got < 0 && errno == EINTR);
}

}  // namespace

std::size_t count_of(const std::string& text, const std::string& part) {
  std::size_t count = 0;
  for (auto at = text.find(part); at != std::string::npos; at = text.find(part, at + part.size()))
    ++count;
  return count;
}

Process::Process(const std::vector<std::string>& argv,
                 const std::vector<std::string>& environment) {
  auto [out_read, out_write] = make_pipe();
  auto [err_read, err_write] = make_pipe();
  auto [stop_read, stop_write] = make_pipe();

  // All memory is taken before the fork: between fork and exec only safe calls are allowed.
  auto words = argv;
  const auto argument_pointers = pointers_to(words);
  auto variables = environment;
  for (char** variable = environ; *variable != nullptr; ++variable)
    variables.emplace_back(*variable);
  const auto variable_pointers = pointers_to(variables);

  const pid_t test = ::getpid();
  pid_ = ::fork();
  if (pid_ == 0) {
    ::prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (::getppid() != test) ::_exit(127);
    // As a terminal starts it, also where the tests run in the background.
    for (const int number : {SIGINT, SIGHUP, SIGPIPE}) std::signal(number, SIG_DFL);
    ::dup2(out_write.get(), STDOUT_FILENO);
    ::dup2(err_write.get(), STDERR_FILENO);
    ::execve(argument_pointers[0], argument_pointers.data(), variable_pointers.data());
    ::_exit(127);
  }
  if (pid_ < 0) throw std::runtime_error("cannot fork");
  stop_ = std::move(stop_write);
  collector_ = std::thread(
      [this, out = std::move(out_read), err = std::move(err_read), stop = std::move(stop_read)] {
        std::array<pollfd, 3> watched{
            {{out.get(), POLLIN, 0}, {err.get(), POLLIN, 0}, {stop.get(), 0, 0}}};
        const std::array<std::string*, 2> texts{&stdout_, &stderr_};
        while (watched[0].fd >= 0 || watched[1].fd >= 0) {
          ::poll(watched.data(), watched.size(), -1);
          if (watched[2].revents != 0) return;
          for (std::size_t i = 0; i < 2; ++i) {
            if (watched[i].revents == 0) continue;
            const std::lock_guard lock(mutex_);
            if (!read_into(watched[i].fd, *texts[i])) watched[i].fd = -1;
            changed_.notify_all();
          }
        }
        const std::lock_guard lock(mutex_);
        closed_ = true;
        changed_.notify_all();
      });
}

Process::~Process() {
  if (!end_) {
    ::kill(pid_, SIGKILL);
    int status = 0;
    ::waitpid(pid_, &status, 0);
  }
  stop_.reset();
  collector_.join();
}

void Process::signal(int number) const {
  if (!end_) ::kill(pid_, number);
}

ProcessEnd Process::wait() {
  if (end_) return *end_;
  const UniqueFd process(static_cast<int>(::syscall(SYS_pidfd_open, pid_, 0)));
  pollfd watched{process.get(), POLLIN, 0};
  const auto limit = std::chrono::duration_cast<std::chrono::milliseconds>(patience).count();
  if (::poll(&watched, 1, static_cast<int>(limit)) <= 0)
    throw std::runtime_error("the process did not end; its stderr: " + stderr_text());
  int status = 0;
  ::waitpid(pid_, &status, 0);
  end_ = WIFEXITED(status) ? ProcessEnd{WEXITSTATUS(status), 0} : ProcessEnd{-1, WTERMSIG(status)};
  return *end_;
}

void Process::wait_until(const std::function<bool()>& done, const std::string& what) {
  std::unique_lock lock(mutex_);
  if (changed_.wait_for(lock, patience, [&] { return done() || closed_; }) && done()) return;
  throw std::runtime_error("waited in vain for " + what + "; stdout: " + stdout_ +
                           "\nstderr: " + stderr_);
}

std::string Process::wait_for_stdout(const std::string& start) {
  std::string line;
  wait_until(
      [&] {
        const auto at = ("\n" + stdout_).find("\n" + start);
        const auto end = at == std::string::npos ? at : stdout_.find('\n', at);
        if (end == std::string::npos) return false;
        line = stdout_.substr(at, end - at);
        return true;
      },
      "a line that begins '" + start + "'");
  return line;
}

void Process::wait_for_stderr(const std::string& text, std::size_t times) {
  wait_until([&] { return count_of(stderr_, text) >= times; }, "'" + text + "' on stderr");
}

void Process::wait_until_all_gone() {
  wait_until([&] { return closed_; }, "the end of everything that was started");
}

std::string Process::stdout_text() {
  const std::lock_guard lock(mutex_);
  return stdout_;
}

std::string Process::stderr_text() {
  const std::lock_guard lock(mutex_);
  return stderr_;
}

ProcessOutput run(const std::vector<std::string>& argv) {
  Process process(argv);
  const auto end = process.wait();
  process.wait_until_all_gone();
  return {end, process.stdout_text(), process.stderr_text()};
}

}  // namespace mas
