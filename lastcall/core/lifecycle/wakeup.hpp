// Wakes one thread that waits, with a time limit, on a real or a virtual clock.
#pragma once

#include <optional>

#include "lastcall/core/clock.hpp"
#include "lastcall/core/threads/timed_poll.hpp"

namespace lastcall::inline v0 {

/// An eventfd. A notification before the wait is not lost; several before one wait count as one.
class wakeup {
 public:
  /// Errors: std::system_error when there is no descriptor left.
  wakeup();
  ~wakeup();
  wakeup& operator=(wakeup&&) = delete;

  /// Threads: any. Takes no lock, allocates nothing.
  void notify() const noexcept;
  /// Returns after a notification, at `until` at the latest (empty: no limit), and sometimes for no reason. A clock
  /// other than steady() may skip the wait. It can't tell us when its time moves on, so a wait on it lasts a
  /// millisecond at most, and the caller looks again.
  void wait(const clock& time, std::optional<time_point> until) const noexcept;

 private:
  bool notified_by(std::optional<time_point> until) const noexcept;

  int descriptor_;
  detail::timed_poll poll_;
};

}  // namespace lastcall::inline v0
