// One at a time, for whom nobody waits without a bound. Not a mutex: whoever has it may hang, and others give up.
#pragma once

#include <condition_variable>
#include <mutex>

#include "lastcall/core/clock.hpp"

namespace lastcall::inline v0::detail {

/// Threads: any; it may be given back on another than it was taken on.
class turn {
 public:
  /// False: `by` came first, and it is still taken.   Blocks: until then.
  bool take(time_point by) {
    std::unique_lock lock(mutex_);
    if (!free_.wait_until(lock, by, [this] { return !taken_; })) return false;
    return taken_ = true;
  }
  void give_back() {
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
class in_turn {
 public:
  in_turn(turn& of, duration within) : of_(of), has_(of.take(steady().now() + within)) {}
  ~in_turn() {
    if (has_) of_.give_back();
  }
  in_turn(const in_turn&) = delete;
  in_turn& operator=(const in_turn&) = delete;
  explicit operator bool() const noexcept { return has_; }

 private:
  turn& of_;
  const bool has_;
};

}  // namespace lastcall::inline v0::detail
