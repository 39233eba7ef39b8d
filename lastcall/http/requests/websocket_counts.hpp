// Counters of the WebSockets of one loop, counted without a lock.
#pragma once

#include "lastcall/net/connection/connection_set.hpp"

namespace lastcall::inline v0::http::detail {

/// Threads: one writes, any may read.
struct websocket_counts {
  net::tally opened, received, sent;
  net::tally after_close;     ///< whole messages that arrived after the reads had ended
  net::tally broken;          ///< closed for what the remote sent: protocol, UTF-8, size
  net::tally too_slow;        ///< closed because a broadcast did not fit into the buffer
  net::tally skipped;         ///< broadcasts that were not sent, for the same reason
  net::tally never_answered;  ///< the remote did not finish the closing handshake in time
  net::tally dead;            ///< the remote did not answer a ping
};

}  // namespace lastcall::inline v0::http::detail
