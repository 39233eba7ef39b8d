// One at a time, for whom nobody waits without a bound. Not a mutex: whoever has it may hang, and others give up.
#pragma once

#include <condition_variable>
#include <mutex>

#include "lastcall/core/clock.hpp"

namespace lastcall::inline v0::detail {

/// Threads: any; it may be given back on another than it was taken on.
class timed_semaphore {
 public:
  /// False: `by` came first, and it is still taken.   Blocks: until then.
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

/// Has the turn while it lives, if it came to that.
class semaphore_hold {
 public:
  semaphore_hold(timed_semaphore& of, duration within) : of_(of), has_(of.acquire(steady().now() + within)) {}
  ~semaphore_hold() {
    if (has_) of_.release();
  }
  semaphore_hold(const semaphore_hold&) = delete;
  semaphore_hold& operator=(const semaphore_hold&) = delete;
  explicit operator bool() const noexcept { return has_; }

 private:
  timed_semaphore& of_;
  const bool has_;
};

}  // namespace lastcall::inline v0::detail
