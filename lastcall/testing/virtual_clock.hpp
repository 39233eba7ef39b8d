// Time for tests: it moves when it is told to, and not otherwise. Not a timer: nothing here waits or wakes.
#pragma once

#include <atomic>

#include "lastcall/core/clock.hpp"

namespace lastcall::inline v0::testing {

/// Never goes back.   Threads: any.
class virtual_clock : public clock {
 public:
  /// Begins far enough from zero that a moment a day earlier can be written.
  explicit virtual_clock(time_point begins = time_point(std::chrono::hours(48))) noexcept : now_(begins) {}
  virtual_clock(const virtual_clock&) = delete;
  virtual_clock& operator=(const virtual_clock&) = delete;

  time_point now() const noexcept override { return now_.load(std::memory_order_acquire); }

  /// Errors: std::invalid_argument when `by` is negative.
  void advance(duration by);
  /// Stays where it is if that is later already.
  void advance_to(time_point when) noexcept;

 private:
  std::atomic<time_point> now_;  // release and acquire: who sees the time sees what was done before it came
};

}  // namespace lastcall::inline v0::testing
