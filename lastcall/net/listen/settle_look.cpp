#include "lastcall/net/listen/settle_look.hpp"

#include <poll.h>

#include "lastcall/net/listen/sock_diag.hpp"

namespace lastcall::inline v0::net {

bool client_waits(int listening) noexcept {
  pollfd queue{.fd = listening, .events = POLLIN, .revents = 0};
  return ::poll(&queue, 1, 0) > 0;  // less: RLIMIT_NOFILE is 0, and nobody can be accepted
}

settle_action look(settle_plan& plan, sock_diag& kernel, const endpoint& local) {
  const time_point before = steady().now();
  const auto in_flight = kernel.handshakes_in_flight(local);
  const time_point now = steady().now();
  return in_flight ? plan.looked(*in_flight, now - before, now) : plan.could_not_look(now);
}

}  // namespace lastcall::inline v0::net
