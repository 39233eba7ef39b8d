// A user's program that needs the adapter for gRPC.
#include <grpcpp/generic/async_generic_service.h>
#include <grpcpp/grpcpp.h>

#include <cstdio>

#include "lastcall/app.hpp"
#include "lastcall/grpc.hpp"

int main() {
  grpc::CallbackGenericService unimplemented;
  grpc::ServerBuilder builder;
  int port = 0;
  builder.AddListeningPort("127.0.0.1:0", grpc::InsecureServerCredentials(), &port);
  builder.RegisterCallbackGenericService(&unimplemented);
  lastcall::app app{{.signals = {}, .log = lastcall::log_level::none, .environment = false}};
  const auto server = app.add<lastcall::grpc::server>("grpc", {.builder = &builder});
  app.start();
  const bool listens = server->addresses().size() == 1 && server->addresses().front().port() == port;
  const lastcall::grpc::client_context call(lastcall::grpc::context_of(grpc::ServerContext()));
  const int code = app.shutdown(lastcall::deadline(std::chrono::seconds(5))).exit_code;
  std::printf("gRPC ended with %d\n", code);
  return listens && code == 0 ? 0 : 1;
}
