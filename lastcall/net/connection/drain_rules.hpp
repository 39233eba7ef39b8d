// When a connection of a draining server may be closed: the whole decision, as arithmetic on time points.
// It closes nothing; connection_set asks it and does the I/O.
#pragma once

#include "lastcall/core/clock.hpp"
#include "lastcall/net/connection/connection_state.hpp"

namespace lastcall::inline v0::net {

/// What the decision needs to know of a connection.
struct connection_past {
  time_point last_active;       ///< Its last response left, or it was accepted.
  duration longest_pause = {};  ///< Between a response and the next request, lately; zero when it made at most one.
};

/// Keeps a pause history in one number: the longest pause, forgotten by an eighth with each shorter one.
constexpr duration remember_pause(duration longest, duration pause) noexcept {
  const duration faded = longest - longest / 8;
  return pause > faded ? pause : faded;
}

/// An idle connection that is closed may just be carrying its next request, and that request would be lost. The chance
/// is the round trip divided by the time until the request, so a connection is closed only when it has been quiet for
/// longer than its client usually pauses.
class drain_rules {
 public:
  /// `silence`: how long an idle connection must have been quiet; zero closes idle connections at once (and loses what
  /// crosses on the wire).
  /// `farewell`: how long one usually takes. Idle connections begin theirs that much (at most a tenth of the drain)
  /// before the drain end, so that force finds nothing but real work.
  /// `jitter`: the window over which long-lived remotes are told, so that they do not all come back at once.
  drain_rules(duration silence, duration farewell, duration jitter, time_point began, time_point drain_end) noexcept;

  /// When a connection in this state is closed if nothing happens on it; never before the drain began. Idle and new
  /// ones leave by their silence, incomplete requests when idle ones have to. What works or is upgraded has no bound of
  /// its own: force cuts it, and counts it.
  time_point close_at(connection_state, const connection_past&) const noexcept;

  /// When a long-lived remote is told that is given this part, from 0 to below 1, of the window. The window never takes
  /// more than half of the drain: the rest is for farewells.
  time_point tell_at(double part) const noexcept;
  /// Which tenth of the window it is, from 0 to 9; what is later counts as the last.
  std::size_t tenth_of_window(time_point now) const noexcept;

  /// When a farewell that begins now and may take `most` is over: before the drain end, if it began in time for that.
  time_point linger_until(time_point now, duration most) const noexcept;

 private:
  duration silence_;
  duration window_;
  time_point began_;
  time_point leave_by_;    // the last moment to begin a farewell
  time_point linger_end_;  // the last moment to end one
};

}  // namespace lastcall::inline v0::net
