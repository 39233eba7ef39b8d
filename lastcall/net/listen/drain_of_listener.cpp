#include "lastcall/net/listen/drain_of_listener.hpp"

#include <sys/socket.h>

#include "lastcall/net/listen/settle_listener.hpp"

namespace lastcall::inline v0::net {

void detail::drain_listener(int listening, const context& ends, const function<void()>& then) {
  // Of a Unix-domain socket nothing is in flight. Without `then` its loop finds the queue, and behind that the end.
  const auto local = listening_at(listening);
  if (then || !local || local->ip()) settle_listener(listening, ends);
  if (then) return then();
  ::shutdown(listening, SHUT_RDWR);
}

}  // namespace lastcall::inline v0::net
