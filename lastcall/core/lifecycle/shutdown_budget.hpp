// How the time of a shutdown is divided: grace period, reserve, readiness delay, and what follows the deadline. Pure
// arithmetic, in this one place: shutdown_plan.hpp makes moments of it.
#pragma once

#include <algorithm>

#include "lastcall/core/clock.hpp"

namespace lastcall::inline v0 {

/// How long a shutdown may take, counted from the request.
struct shutdown_budget {
  duration grace;    ///< its end is the deadline: by then everything is over
  duration reserve;  ///< the last part of it, for force and the last stops
  duration readiness_delay = duration::zero();
  bool announce = true;

  /// The same in a shorter time: each part is shortened in proportion. In a longer time only the drain is longer.
  shutdown_budget within(duration time) const noexcept {
    const double share = std::min(1.0, std::chrono::duration<double>(time) / grace);
    const auto part = [&](duration of) { return std::chrono::duration_cast<duration>(of * share); };
    return {.grace = time, .reserve = part(reserve), .readiness_delay = part(readiness_delay), .announce = announce};
  }
};

/// The reserve where none is given: a tenth of the grace period, 50 ms to 2 s. The least is what last words and the
/// cut take; a grace period that is too short for it is halved.
constexpr duration usual_reserve(duration grace) noexcept {
  return std::clamp<duration>(grace / 10, std::min<duration>(grace / 2, std::chrono::milliseconds(50)),
                              std::chrono::seconds(2));
}

/// After the deadline: how long the driver may still write its report before it counts as hung. The process must be
/// gone 100 ms after the deadline; the rest of them is for the watchdog's own report.
inline constexpr duration time_for_report = std::chrono::milliseconds(60);
/// After that: how much of the rest the watchdog may take. Then the backstop exits, without a word.
inline constexpr duration time_for_watchdog = std::chrono::milliseconds(30);

}  // namespace lastcall::inline v0
