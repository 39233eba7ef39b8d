#include "lastcall/adapters/grpc/context_of.hpp"

#include "lastcall/adapters/grpc/calls.hpp"

namespace lastcall::inline v0::grpc {

context context_of(const ::grpc::ServerContextBase& of) { return detail::context_at(&of); }

}  // namespace lastcall::inline v0::grpc
