// A clock for tests, which moves only when the test says so. Does not wait and wakes nothing.
#pragma once

#include <atomic>

#include "lastcall/core/clock.hpp"

namespace lastcall::inline v0::testing {

/// Never goes back.   Threads: any.
class virtual_clock : public clock {
 public:
  /// Begins so far from zero that a time point a day earlier is still valid.
  explicit virtual_clock(time_point begins = time_point(std::chrono::hours(48))) noexcept : now_(begins) {}
  virtual_clock& operator=(virtual_clock&&) = delete;

  time_point now() const noexcept override { return now_.load(std::memory_order_acquire); }

  /// Errors: std::invalid_argument when `by` is negative.
  void advance(duration by);
  /// Does nothing if `when` is in the past.
  void advance_to(time_point when) noexcept;

 private:
  std::atomic<time_point> now_;  // release and acquire: a thread that reads it sees what was done before
};

}  // namespace lastcall::inline v0::testing
