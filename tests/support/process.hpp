#pragma once

#include <sys/types.h>

#include <chrono>
#include <condition_variable>
#include <functional>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "base/unique_fd.hpp"

namespace mas {

/// How long tests wait for what must happen: long enough for a loaded machine and sanitizers, so
/// that running into it means a failure and nothing else.
inline constexpr std::chrono::seconds patience{60};

/// How a process ended.
struct ProcessEnd {
  int exit_code = -1;  ///< -1 when a signal ended it
  int signal = 0;

  friend bool operator==(const ProcessEnd&, const ProcessEnd&) = default;
};

/// A program that a test started. What it and its children write is collected by a thread, so that
/// they never block on a full pipe. Killed at the end, and when the test itself is killed.
/// Waiting calls throw std::runtime_error, with all that was written so far, when `patience` ends.
/// Thread-safety: one owner, who started it from the test's main thread.
class Process {
 public:
  /// argv[0] is the program's path. `environment` is added to the test's own, as `NAME=value`.
  explicit Process(const std::vector<std::string>& argv,
                   const std::vector<std::string>& environment = {});
  Process(const Process&) = delete;
  Process& operator=(const Process&) = delete;
  ~Process();

  [[nodiscard]] pid_t pid() const { return pid_; }
  void signal(int number) const;

  /// Waits for the end.
  ProcessEnd wait();

  /// Waits until a line on stdout begins with `start`, and gives it.
  std::string wait_for_stdout(const std::string& start);
  /// Waits until stderr contains `text` `times` times.
  void wait_for_stderr(const std::string& text, std::size_t times = 1);
  /// Waits until nobody holds stdout and stderr any more: the process and whatever it started and
  /// let inherit them are gone.
  void wait_until_all_gone();

  [[nodiscard]] std::string stdout_text();
  [[nodiscard]] std::string stderr_text();

 private:
  /// Waits until `done` under the lock.
  void wait_until(const std::function<bool()>& done, const std::string& what);

  pid_t pid_ = -1;
  std::optional<ProcessEnd> end_;
  std::thread collector_;
  UniqueFd stop_;  ///< its closing ends the collector
  std::mutex mutex_;
  std::condition_variable changed_;
  std::string stdout_;
  std::string stderr_;
  bool closed_ = false;
};

/// How often `part` is in `text`.
[[nodiscard]] std::size_t count_of(const std::string& text, const std::string& part);

/// Runs a program to its end.
struct ProcessOutput {
  ProcessEnd end;
  std::string out;
  std::string err;
};
[[nodiscard]] ProcessOutput run(const std::vector<std::string>& argv);

}  // namespace mas
