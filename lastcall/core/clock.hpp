// Where the time comes from: real, or virtual in tests. Not a timer: nothing here waits.
#pragma once

#include <chrono>
#include <ctime>
#include <optional>

#include "lastcall/core/namespace.hpp"

namespace lastcall::inline v0 {

using duration = std::chrono::steady_clock::duration;
using time_point = std::chrono::steady_clock::time_point;

namespace detail {
/// `now + time`; time_point::max() where that would overflow.
constexpr time_point later(time_point now, duration time) noexcept {
  return time > time_point::max() - now ? time_point::max() : now + time;
}

inline timespec to_timespec(duration of) noexcept {
  const auto seconds = std::chrono::floor<std::chrono::seconds>(of);
  return {.tv_sec = static_cast<std::time_t>(seconds.count()), .tv_nsec = static_cast<long>((of - seconds).count())};
}
}  // namespace detail

/// For code that reads the time more than once. Pure classes take time points instead.
/// Threads: `now` may be called from any.
struct clock {
  virtual ~clock() = default;
  virtual time_point now() const noexcept = 0;

  /// A thread that would wait until `until` (empty: for an event) calls this first. True: do not wait, look again,
  /// since time has moved on or something has happened. For clocks of tests, in which no thread waits in real time.
  virtual bool skip(std::optional<time_point> /*until*/) const noexcept { return false; }
};

/// The real one: std::chrono::steady_clock.
const clock& steady() noexcept;

}  // namespace lastcall::inline v0
