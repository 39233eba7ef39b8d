// How a server ends its connections: the times that a user may set.
#pragma once

#include <chrono>

#include "lastcall/core/clock.hpp"

namespace lastcall::inline v0::net {

// Defaults of all servers.
inline constexpr duration default_idle_drain_after = std::chrono::seconds(1);
inline constexpr duration default_linger = std::chrono::seconds(2);
inline constexpr duration default_linger_sending = std::chrono::seconds(30);
inline constexpr duration default_jitter = std::chrono::seconds(1);

struct farewell_options {
  /// How long an idle connection must have been quiet before a drain closes it. 0 closes it at once, and loses a
  /// request that crosses our FIN.
  duration idle_drain_after = default_idle_drain_after;
  /// The longest time from our FIN to the close of a remote that is silent. 0 closes without lingering: an RST can then
  /// destroy a response.
  duration linger = default_linger;
  /// The longest time from the remote's acknowledgement of our FIN to the close. The remote has all our bytes by then;
  /// only its own FIN is missing.
  duration linger_acknowledged = std::chrono::milliseconds(150);
  /// The longest time from our FIN to the close of a remote that sends on, as a client does that reads the answer only
  /// when it has sent its request. It may pause for 5 s, or for `linger` if that is longer. While draining it may pause
  /// for `linger`, and the drain end is a bound, too.
  duration linger_sending = default_linger_sending;
  /// The window in which long-lived remotes are told of a drain, each at a random moment, so that they do not all
  /// reconnect at once. Never more than half of the drain. 0 tells all at once. Servers for programs have
  /// default_jitter.
  duration jitter = duration::zero();
};

}  // namespace lastcall::inline v0::net
