// When a wake came late because the process did not run: SIGSTOP, a freezer, a suspended machine, throttling. A late
// wake is no hang, so what was due then gets one further moment.
#pragma once

#include <optional>

#include "lastcall/core/clock.hpp"

namespace lastcall::inline v0 {

inline constexpr duration longest_lateness = std::chrono::milliseconds(100);  ///< of a wake in a process that runs
inline constexpr duration further_moment = std::chrono::milliseconds(100);

// Of what ends the process without its driver, which has had as little time then.
inline constexpr unsigned late_wakes_of_a_guard = 10;
inline constexpr duration lateness_of_a_guard = std::chrono::milliseconds(30);

/// For one wait after the other. Pure.   Threads: one.
class late_wakes {
 public:
  /// So many wakes after one another may be late. A process that is throttled is paused again and again.
  explicit constexpr late_wakes(unsigned most_in_a_row = 1, duration longest = longest_lateness) noexcept
      : longest_(longest), most_(most_in_a_row) {}

  /// At a wake that was due at `due`: until when to wait on. Empty: it is not late, or too many before were late too.
  std::optional<time_point> further_wait(time_point due, time_point now, duration moment = further_moment) noexcept {
    const bool late = now > due && now - due > longest_;
    if (!late || in_a_row_ == most_) {
      in_a_row_ = 0;
      return std::nullopt;
    }
    ++in_a_row_;
    return now + moment;
  }

 private:
  duration longest_;
  unsigned most_;
  unsigned in_a_row_ = 0;
};

}  // namespace lastcall::inline v0
