// What the WebSockets of one loop have come to, counted without a lock.
#pragma once

#include "lastcall/net/connection/connection_set.hpp"

namespace lastcall::inline v0::http::detail {

/// Threads: one writes, any may read.
struct websocket_counts {
  net::tally opened, received, sent;
  net::tally after_close;     ///< whole messages that came when nobody was to have them any more
  net::tally broken;          ///< ended by us for what the remote sent: protocol, UTF-8, size
  net::tally too_slow;        ///< closed since a broadcast did not fit into their buffer
  net::tally skipped;         ///< broadcasts that one did not get for the same reason
  net::tally never_answered;  ///< remotes that did not finish the closing handshake in time
  net::tally dead;            ///< remotes that did not answer a ping
};

}  // namespace lastcall::inline v0::http::detail
