// What the end of a server that no app drives came to. The same for all servers.
#pragma once

#include <cstdint>

#include "lastcall/core/clock.hpp"
#include "lastcall/core/report/outcome.hpp"

namespace lastcall::inline v0::net {

/// What a shutdown came to.
struct shutdown_result {
  lastcall::outcome outcome = lastcall::outcome::graceful;  ///< graceful, forced, or hung: not back by the deadline
  std::uint64_t requests_forced = 0;                        ///< 0 where the protocol has no requests
  std::uint64_t connections_forced = 0;
  duration took = {};
};

/// What an immediate close cut.
struct close_result {
  std::uint64_t requests = 0;          ///< requests in progress, which get no answer
  std::uint64_t connections = 0;       ///< connections with work in progress: requests, sessions
  std::uint64_t idle_connections = 0;  ///< idle connections; a client may have been sending
};

}  // namespace lastcall::inline v0::net
