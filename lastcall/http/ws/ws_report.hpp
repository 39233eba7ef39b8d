// What the report and the metrics of a server say about its WebSockets.
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

/// Both add nothing if there was no WebSocket.   Threads: any.
void account(const shards&, component_report&);
void measure(const shards&, metrics&);

}  // namespace lastcall::inline v0::ws::detail
