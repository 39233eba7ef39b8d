// Waits until several things have happened, with a time limit. std::latch has no time limit.
#pragma once

#include <condition_variable>
#include <cstddef>
#include <mutex>

#include "lastcall/core/clock.hpp"

namespace lastcall::inline v0 {

/// Threads: any. Let the threads that count own it too (std::shared_ptr): they may count after the wait has ended.
class countdown {
 public:
  explicit countdown(std::size_t from) noexcept : left_(from) {}

  /// One of the things has happened. Further calls at zero have no effect.
  void count_down() {
    const std::lock_guard lock(mutex_);
    if (left_ > 0 && --left_ == 0) zero_.notify_all();
  }

  /// True: the count is zero. False: `when` came first.   Blocks: until then.
  bool wait_until(time_point when) {
    std::unique_lock lock(mutex_);
    return zero_.wait_until(lock, when, [this] { return left_ == 0; });
  }

 private:
  std::mutex mutex_;
  std::condition_variable zero_;
  std::size_t left_;
};

}  // namespace lastcall::inline v0
