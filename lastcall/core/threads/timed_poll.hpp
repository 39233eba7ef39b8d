// Waits until a descriptor is readable or a moment has come. The moment is absolute: a wait by ppoll ends too late by
// as long as the process was stopped (SIGSTOP, a freezer), since the kernel goes on with the time that was left then.
#pragma once

#include <poll.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include <cerrno>
#include <optional>
#include <system_error>

#include "lastcall/core/clock.hpp"
#include "lastcall/core/threads/put_off_signals.hpp"

namespace lastcall::inline v0::detail {

/// Threads: one waits at a time.
class timed_poll {
 public:
  /// `whose` begins the text of the error.   Errors: std::system_error when there is no descriptor left.
  explicit timed_poll(const char* whose) : timer_(timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK)) {
    if (timer_ < 0) throw std::system_error(errno, std::generic_category(), whose);
  }
  ~timed_poll() { close(timer_); }
  timed_poll& operator=(timed_poll&&) = delete;

  /// Returns when `descriptor` is readable, at `until` at the latest (empty: no limit), and sometimes for no reason.
  void wait(int descriptor, std::optional<time_point> until) const noexcept {
    const bool due = until && *until <= steady().now();
    if (until && !due) {
      const itimerspec at{.it_interval = {}, .it_value = to_timespec(until->time_since_epoch())};
      timerfd_settime(timer_, TFD_TIMER_ABSTIME, &at, nullptr);
    }
    pollfd watched[]{{.fd = descriptor, .events = POLLIN, .revents = 0},
                     {.fd = timer_, .events = POLLIN, .revents = 0}};
    const std::optional<duration> longest = due ? duration::zero() : longest_wait;
    const timespec timeout = to_timespec(longest.value_or(duration::zero()));
    ppoll(watched, until && !due ? 2 : 1, longest ? &timeout : nullptr, nullptr);
  }

 private:
  int timer_;
};

}  // namespace lastcall::inline v0::detail
