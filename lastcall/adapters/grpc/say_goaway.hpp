// GOAWAY to all connections of a gRPC server that goes on taking calls: gRPC has that, and shows it in no header.
#pragma once

#include "lastcall/core/clock.hpp"

struct grpc_server;

namespace lastcall::inline v0::grpc::detail {

/// This build of gRPC lets us.
bool can_say_goaway() noexcept;

/// To those that have not got one. From then on they take no new stream, and go when their last one is over. False: it
/// was not said by then, and may still be.   Blocks: usually some 100 µs.
bool say_goaway(grpc_server* of, time_point by);

}  // namespace lastcall::inline v0::grpc::detail
