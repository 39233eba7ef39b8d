// gRPC: a server that ends without losing a call, the context of each call, and calls that pass on the time that is
// left.
#pragma once

#include "lastcall/adapters/grpc/client_context.hpp"
#include "lastcall/adapters/grpc/context_of.hpp"
#include "lastcall/adapters/grpc/server.hpp"
