#pragma once

#include <condition_variable>
#include <functional>
#include <mutex>
#include <string>
#include <thread>

#include "base/result.hpp"
#include "base/time_types.hpp"

namespace mas {

/// A thread that has the file system of the data directory write to its disk what it only holds in
/// memory, at most once an interval and only after something was written: what a power cut can take
/// is bounded by it. One syncfs(2) for all files, as one fdatasync(2) for each of thousands of
/// metrics takes longer than the interval.
///
/// A failure is told and tried again after an interval: it may have been the directory that could
/// not be opened. What the kernel itself could not write it has forgotten by then. What was written
/// before is flushed once more at the end of its life. Thread-safety: one owner.
class FlushLoop {
 public:
  /// `on_error` is called from the thread.
  FlushLoop(std::string directory, nanoseconds interval,
            std::function<void(const Error&)> on_error);
  FlushLoop(const FlushLoop&) = delete;
  FlushLoop& operator=(const FlushLoop&) = delete;
  ~FlushLoop();

  /// Something was written since the last call.
  void wrote();

 private:
  void run();

  const std::string directory_;
  const nanoseconds interval_;
  const std::function<void(const Error&)> on_error_;
  std::mutex mutex_;
  std::condition_variable changed_;
  bool dirty_ = false;
  bool stopping_ = false;
  std::thread thread_;  ///< last: it uses all of the above
};

}  // namespace mas
