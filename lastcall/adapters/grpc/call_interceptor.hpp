// Tells `calls` of each call of a gRPC server. Calls of the health service are nobody's work, and are not counted.
#pragma once

#include <memory>

#include "lastcall/core/namespace.hpp"

namespace grpc::experimental {
class ServerInterceptorFactoryInterface;
}  // namespace grpc::experimental

namespace lastcall::inline v0::grpc::detail {

class calls;

std::unique_ptr<::grpc::experimental::ServerInterceptorFactoryInterface> counted_in(std::shared_ptr<calls> all);

}  // namespace lastcall::inline v0::grpc::detail
