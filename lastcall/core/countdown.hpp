// Waiting, for a bounded time, until several things have happened. Unlike std::latch it can give up.
#pragma once

#include <condition_variable>
#include <cstddef>
#include <mutex>

#include "lastcall/core/clock.hpp"

namespace lastcall::inline v0 {

/// Threads: any. Share its ownership with those who count: they may come after the one who waited has given up.
class countdown {
 public:
  explicit countdown(std::size_t from) noexcept : left_(from) {}

  /// One of them happened. More calls than `from` change nothing.
  void count_down() {
    const std::lock_guard lock(mutex_);
    if (left_ > 0 && --left_ == 0) zero_.notify_all();
  }

  /// True: all have happened. False: `when` came first.   Blocks: until then.
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
