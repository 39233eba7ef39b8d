// What a settle plan asks for, asked of the kernel.
#pragma once

#include "lastcall/net/listen/settle_plan.hpp"

namespace lastcall::inline v0::net {

class sock_diag;

/// The accept queue is not empty. accept() cannot tell when there are no descriptors: it says so before it looks.
bool client_waits(int listening) noexcept;
/// Counts the handshakes in flight, as the plan asks for, and tells it.   Blocks: see handshakes_in_flight.
settle_action look(settle_plan&, sock_diag&, const endpoint& local);

}  // namespace lastcall::inline v0::net
