#include "lastcall/net/listen/settle_listener.hpp"

#include <algorithm>
#include <stdexcept>
#include <string>

#include "lastcall/net/listen/settle_look.hpp"
#include "lastcall/net/listen/sock_diag.hpp"

namespace lastcall::inline v0::net {
namespace {

bool queue_empty(int listening) noexcept { return !client_waits(listening); }

}  // namespace

settled_listener settle_listener(int listening, const context& ends, settle_options options) {
  const auto found = listening_at(listening);
  if (!found)
    throw std::invalid_argument("settle_listener: descriptor " + std::to_string(listening) +
                                " is not a listening socket");
  const endpoint& local = *found;
  const closing_way way = local.ip() ? keep_clients_away(listening) : closing_way::accept_until_empty;
  sock_diag kernel;
  time_point now = steady().now();
  settle_plan plan(options, ends.draining() ? ends.drain_end() : now + options.cap);
  settle_action next = plan.begun(way, now);
  while (next.what != settle_action::kind::close) {
    if (ends.forced()) {
      next.end = queue_empty(listening) ? settle_end::capped : settle_end::stuck;
      break;
    }
    if (next.what == settle_action::kind::wait) {
      ends.wait_until_forced_for(std::max(next.until - steady().now(), duration::zero()));
      next = plan.tick(steady().now());
    } else if (next.what == settle_action::kind::look) {
      next = look(plan, kernel, local);
    } else {
      now = steady().now();
      next = queue_empty(listening) ? plan.accept_queue_empty(now) : plan.could_not_accept(now);
    }
  }
  const bool all = next.end == settle_end::settled;
  return {.way = way, .end = next.end, .took = plan.took(steady().now()), .given_up = all ? 0 : plan.in_flight()};
}

}  // namespace lastcall::inline v0::net
