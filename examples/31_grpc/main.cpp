// A service of gRPC that finishes its calls and streams when it is told to stop, and that can ask another one of its
// kind, which gets the time that the caller has left.
// Try it:  grpc_greeter --port 50051 & grpc_greeter --port 50052 --onward 127.0.0.1:50051
#include <grpcpp/grpcpp.h>

#include <CLI/CLI.hpp>
#include <cstdio>
#include <iostream>
#include <memory>
#include <string>

#include "greeter.grpc.pb.h"
#include "lastcall/grpc.hpp"

using namespace std::chrono_literals;
using lastcall::example::Greeter;
using lastcall::example::HelloReply;
using lastcall::example::HelloRequest;
using lastcall::example::SlowRequest;
using lastcall::example::Tick;
using lastcall::example::TicksRequest;

namespace {

/// A context has ended: its caller's deadline has passed, or the service has to go. Then the caller may try another.
grpc::Status ended(const lastcall::context& ctx) {
  if (ctx.cause() == lastcall::cause::deadline) return {grpc::StatusCode::DEADLINE_EXCEEDED, "too late"};
  return {grpc::StatusCode::UNAVAILABLE, "the service is shutting down"};
}

class greeter final : public Greeter::Service {
 public:
  /// `onward` may be null.
  greeter(std::shared_ptr<grpc::Channel> onward, const std::string& begun)
      : onward_(onward ? Greeter::NewStub(onward) : nullptr),
        begun_(begun.empty() ? nullptr : fopen(begun.c_str(), "a")) {}
  ~greeter() override {
    if (begun_ != nullptr) fclose(begun_);
  }
  greeter& operator=(greeter&&) = delete;

  grpc::Status Hello(grpc::ServerContext* of, const HelloRequest* asked, HelloReply* reply) override {
    if (begun_ != nullptr) fprintf(begun_, "%s\n", asked->name().c_str());
    if (onward_) {
      lastcall::grpc::client_context call(lastcall::grpc::context_of(*of));
      return onward_->Hello(call, *asked, reply);
    }
    reply->set_text("hello " + asked->name());
    return grpc::Status::OK;
  }

  grpc::Status Slow(grpc::ServerContext* of, const SlowRequest* asked, HelloReply* reply) override {
    const auto ctx = lastcall::grpc::context_of(*of);
    if (onward_) {
      lastcall::grpc::client_context call(ctx);
      return onward_->Slow(call, *asked, reply);
    }
    if (!ctx.wait_until_forced_for(std::chrono::milliseconds(asked->ms()))) return ended(ctx);
    reply->set_text("it took " + std::to_string(asked->ms()) + " ms");
    return grpc::Status::OK;
  }

  grpc::Status Ticks(grpc::ServerContext* of, const TicksRequest* asked, grpc::ServerWriter<Tick>* out) override {
    const auto ctx = lastcall::grpc::context_of(*of);
    Tick tick;
    for (int number = 1; number <= asked->count(); ++number) {
      if (!ctx.wait_until_forced_for(std::chrono::milliseconds(asked->ms()))) return ended(ctx);
      tick.set_number(number);
      if (!out->Write(tick)) break;  // its client has gone
    }
    return grpc::Status::OK;
  }

 private:
  const std::unique_ptr<Greeter::Stub> onward_;
  std::FILE* const begun_;
};

}  // namespace

int main(int argc, char** argv) try {
  CLI::App cli("Says hello over gRPC, and finishes its calls when it is told to stop.", "grpc_greeter");
  std::string address = "127.0.0.1", grace = "20s", readiness_delay = "0s", report, onward, begun;
  int port = 50051;
  cli.add_option("--address", address, "where it listens [127.0.0.1]");
  cli.add_option("--port", port, "0 picks a free one [50051]");
  cli.add_option("--grace", grace, "from the signal to the exit [20s]");
  cli.add_option("--readiness-delay", readiness_delay, "how long it serves on after it was told [0s]");
  cli.add_option("--report", report, "a file for the report of the shutdown");
  cli.add_option("--onward", onward, "HOST:PORT of another greeter, which it asks");
  cli.add_option("--begun", begun, "a file to which the name of each Hello is added when its handler begins");
  CLI11_PARSE(cli, argc, argv);

  lastcall::app app{{.grace = lastcall::parse_duration(grace).value(),
                     .readiness_delay = lastcall::parse_duration(readiness_delay).value(),
                     .report_file = report}};
  greeter service(onward.empty() ? nullptr : grpc::CreateChannel(onward, grpc::InsecureChannelCredentials()), begun);
  grpc::ServerBuilder builder;
  builder.AddListeningPort(address + ":" + std::to_string(port), grpc::InsecureServerCredentials(), &port);
  builder.RegisterService(&service);
  const auto server = app.add<lastcall::grpc::server>("grpc", {.builder = &builder});
  app.add("listening_line",
          {.start =
               [&] {
                 std::printf("listening on grpc://%s\n", to_text(server->addresses().front()).c_str());
                 std::fflush(stdout);
               }},
          {server});
  return app.run();
} catch (const std::exception& why) {
  std::cerr << why.what() << '\n';
  return 2;
}
