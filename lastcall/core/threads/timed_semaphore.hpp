// Lets one thread in at a time, and the others wait with a time limit. Unlike a mutex it is safe when its holder hangs:
// the others give up.
#pragma once

#include <condition_variable>
#include <mutex>

#include "lastcall/core/clock.hpp"

namespace lastcall::inline v0::detail {

/// Threads: any; it may be released on another thread than it was acquired on.
class timed_semaphore {
 public:
  /// False: `by` came first.   Blocks: until then.
  bool acquire(time_point by) {
    std::unique_lock lock(mutex_);
    if (!free_.wait_until(lock, by, [this] { return !taken_; })) return false;
    return taken_ = true;
  }
  void release() {
    const std::lock_guard lock(mutex_);
    taken_ = false;
    free_.notify_one();
  }

 private:
  std::mutex mutex_;
  std::condition_variable free_;
  bool taken_ = false;
};

/// Holds the semaphore while it lives, if it could acquire it in time; then it tests true.
class semaphore_hold {
 public:
  semaphore_hold(timed_semaphore& of, duration within) : of_(of), has_(of.acquire(steady().now() + within)) {}
  ~semaphore_hold() {
    if (has_) of_.release();
  }
  semaphore_hold& operator=(semaphore_hold&&) = delete;
  explicit operator bool() const noexcept { return has_; }

 private:
  timed_semaphore& of_;
  const bool has_;
};

}  // namespace lastcall::inline v0::detail
