// What the page on gRPC speaks of and does not show, for tests/gate/fences_test.sh: a service of the reader's, as
// protoc makes one.
#pragma once

#include <grpcpp/grpcpp.h>
#include <grpcpp/impl/service_type.h>
#include <grpcpp/support/sync_stream.h>

#include "lastcall/grpc.hpp"
#include "tests/docs/app.hpp"

struct HelloRequest {};
struct HelloReply {};
struct Tick {};

struct Greeter {
  struct Service : grpc::Service {
    virtual grpc::Status Hello(grpc::ServerContext*, const HelloRequest*, HelloReply*);
    virtual grpc::Status Ticks(grpc::ServerContext*, const HelloRequest*, grpc::ServerWriter<Tick>*);
  };
  struct AsyncService : grpc::Service {};
  struct Stub {
    grpc::Status Hello(grpc::ClientContext*, const HelloRequest&, HelloReply*);
  };
};

extern Greeter::Service greeter;
extern Greeter::AsyncService async_greeter;
extern Greeter::Stub upstream;
extern Tick next_tick();
extern void request_first_calls(Greeter::AsyncService&, grpc::ServerCompletionQueue&);
extern void proceed(void* tag, bool ok);
extern std::unique_ptr<grpc::experimental::ServerInterceptorFactoryInterface> tracing();
