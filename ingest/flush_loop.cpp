#include "ingest/flush_loop.hpp"

#include <utility>

#include "store/posix_file.hpp"

namespace mas {

FlushLoop::FlushLoop(std::string directory, nanoseconds interval,
                     std::function<void(const Error&)> on_error)
    : directory_(std::move(directory)),
      interval_(interval),
      on_error_(std::move(on_error)),
      thread_([this] { run(); }) {}

FlushLoop::~FlushLoop() {
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  changed_.notify_one();
  thread_.join();
}

void FlushLoop::wrote() {
  {
    const std::lock_guard lock(mutex_);
    if (std::exchange(dirty_, true)) return;
  }
  changed_.notify_one();
}

void FlushLoop::run() {
  std::unique_lock lock(mutex_);
  for (;;) {
    changed_.wait(lock, [this] { return dirty_ || stopping_; });
    if (!dirty_) return;
    // What else is written in the meantime goes with the same flush.
    changed_.wait_for(lock, interval_, [this] { return stopping_; });
    dirty_ = false;
    lock.unlock();
    const auto synced = sync_file_system(directory_);
    if (!synced) on_error_(synced.error());
    lock.lock();
    if (synced) continue;
    if (stopping_) return;
    dirty_ = true;
  }
}

}  // namespace mas
