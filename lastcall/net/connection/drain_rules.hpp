// When a draining server closes a connection: the whole decision, as arithmetic on time points. Does no I/O; class
// connection does that.
#pragma once

#include "lastcall/core/clock.hpp"
#include "lastcall/net/connection/connection_state.hpp"

namespace lastcall::inline v0::net {

/// The history of a connection, as far as the decision needs it.
struct connection_past {
  time_point last_active;       ///< When its last response left; before the first one, when it was accepted.
  duration longest_pause = {};  ///< Between a response and the next request, lately. Zero after at most one request.
};

/// The new longest pause after one more. Each shorter pause takes an eighth off, so that old pauses are forgotten.
constexpr duration remember_pause(duration longest, duration pause) noexcept {
  const duration faded = longest - longest / 8;
  return pause > faded ? pause : faded;
}

/// When an idle connection is closed, its next request may be on the wire already, and would be lost. The chance is the
/// round trip time divided by the time until the request. So a connection is closed only when it has been quiet for
/// longer than its client usually pauses.
class drain_rules {
 public:
  /// `silence`: how long an idle connection must have been quiet. Zero closes it at once, and loses what crosses our
  /// FIN. `farewell`: how long a farewell usually takes. Idle connections begin theirs that much before the drain end
  /// (at most a tenth of the drain), so that force finds real work only. `jitter`: the window in which long-lived
  /// remotes are told, so that they do not all reconnect at once.
  drain_rules(duration silence, duration farewell, duration jitter, time_point began, time_point drain_end) noexcept;

  /// When a connection in this state is closed if nothing happens on it; not before the drain began. Idle and fresh
  /// ones are closed after their silence; incomplete requests at the last moment for idle ones. Busy and upgraded ones
  /// have no bound here: force cuts and counts them.
  time_point close_at(connection_state, const connection_past&) const noexcept;

  /// The moment at this part (0 to below 1) of the jitter window. The window is at most half of the drain, since
  /// farewells need the rest.
  time_point tell_at(double part) const noexcept;
  /// In which tenth of the window `now` is: 0 to 9. A later time counts as 9.
  std::size_t tenth_of_window(time_point now) const noexcept;

  /// When a farewell that begins now is over, at most after `most`; before the drain end, if it begins early enough.
  time_point linger_until(time_point now, duration most) const noexcept;

 private:
  duration silence_;
  duration window_;
  time_point began_;
  time_point leave_by_;    // the last moment to begin a farewell
  time_point linger_end_;  // the last moment to end one
};

}  // namespace lastcall::inline v0::net
