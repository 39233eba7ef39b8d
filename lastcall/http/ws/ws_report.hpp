// What a server's report and metrics say of its WebSockets.
#pragma once

#include <memory>
#include <vector>

#include "lastcall/core/namespace.hpp"

namespace lastcall::inline v0 {
class metrics;
struct component_report;
}  // namespace lastcall::inline v0

namespace lastcall::inline v0::http::detail {
class shard;
}

namespace lastcall::inline v0::ws::detail {

using shards = std::vector<std::unique_ptr<http::detail::shard>>;

/// Nothing where there was no WebSocket.   Threads: any.
void account(const shards&, component_report&);
void measure(const shards&, metrics&);

}  // namespace lastcall::inline v0::ws::detail
