// When a wake came late because the process did not run: SIGSTOP, a freezer, a suspended machine, throttling. A late
// wake is no hang, so what was due then gets one further moment.
#pragma once

#include <optional>
#include <utility>

#include "lastcall/core/clock.hpp"

namespace lastcall::inline v0 {

inline constexpr duration longest_lateness = std::chrono::milliseconds(100);  ///< of a wake in a process that runs
inline constexpr duration further_moment = std::chrono::milliseconds(100);

/// For one wait after the other. Pure.   Threads: one.
class late_wakes {
 public:
  /// At a wake that was due at `due`: until when to wait on. Empty: it is not late, or the one before was late too.
  std::optional<time_point> further_wait(time_point due, time_point now, duration moment = further_moment) noexcept {
    const bool late = now > due && now - due > longest_lateness;
    if (std::exchange(given_, late) || !late) return std::nullopt;
    return now + moment;
  }

 private:
  bool given_ = false;
};

}  // namespace lastcall::inline v0
