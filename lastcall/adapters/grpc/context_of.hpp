// The context of a call, for handlers of gRPC: when it ends, and how much time is left.
#pragma once

#include "lastcall/core/context/context.hpp"

namespace grpc {
class ServerContextBase;
}  // namespace grpc

namespace lastcall::inline v0::grpc {

/// For handlers of a lastcall::grpc::server: synchronous, callback and asynchronous. It drains when the server does,
/// and is forced at the drain end, at the caller's deadline, or when the call was cancelled; a synchronous handler asks
/// `of.IsCancelled()` for the last, of which gRPC tells it nothing. May be kept longer than the call.
/// For any other server, and in unit tests of handlers, it never drains.
/// Threads: those that may use `of`.
context context_of(const ::grpc::ServerContextBase& of);

}  // namespace lastcall::inline v0::grpc
