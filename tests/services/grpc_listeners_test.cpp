// Where a server of gRPC listens: over TLS, on Unix-domain sockets, with several sockets of one port, when no
// descriptor is left, and when it can't.
#include <gmock/gmock.h>
#include <grpcpp/grpcpp.h>
#include <gtest/gtest.h>
#include <sys/resource.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <future>
#include <iterator>
#include <latch>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

#include "lastcall/core/report/report.hpp"
#include "lastcall/net/tls/tls_client_test.hpp"
#include "tests/process/testbed.hpp"
#include "tests/services/grpc_greeters.hpp"

namespace service_tests {

using namespace std::chrono_literals;
using testing::HasSubstr;

namespace {

std::string read(const std::string& file) {
  std::ifstream in(file);
  return {std::istreambuf_iterator<char>(in), {}};
}

bool has_field(const lastcall::component_report& of, const std::string& name) {
  return std::ranges::find(of.fields, name, [](const auto& each) { return each.first; }) != of.fields.end();
}

/// Ends it with calls in progress: they are answered, and nobody connects any more.
lastcall::component_report ends_without_loss(const listening_at& at) {
  constexpr int calls = 16;
  std::latch begun(calls);
  served it(
      [&](const context& ctx) {
        begun.count_down();
        ctx.wait_for(patience);
        return grpc::Status::OK;
      },
      api::callback, {}, at);  // its handlers have threads of their own: no call waits for one of gRPC's
  std::vector<std::future<grpc::Status>> all;
  for (int i = 0; i < calls; ++i)
    all.push_back(std::async(std::launch::async, [&] {
      const auto own = connected_to(it.address(), at.client);
      grpc::ClientContext with;
      with.set_deadline(std::chrono::system_clock::now() + patience);
      HelloReply reply;
      return Greeter::NewStub(own)->Hello(&with, HelloRequest(), &reply);
    }));
  for (const lastcall::deadline by(patience); !begun.try_wait(); std::this_thread::sleep_for(1ms))
    if (by.passed(lastcall::steady().now())) {
      ADD_FAILURE() << "not all calls begin";
      break;
    }
  lastcall::component_report said = it.end();
  for (auto& each : all) {
    const grpc::Status end = each.get();
    EXPECT_TRUE(end.ok()) << end.error_message();
  }
  EXPECT_EQ(it.exit_code, 0);
  EXPECT_EQ(said.requests, (lastcall::request_ledger{.begun = calls, .answered = calls}));
  EXPECT_TRUE(has_field(said, "listener")) << "it was not found: " << at.address;
  EXPECT_EQ(it.hello().error_code(), grpc::StatusCode::UNAVAILABLE);
  return said;
}

/// Until it goes, this process opens nothing more.
struct no_descriptor_left {
  no_descriptor_left() {
    ::getrlimit(RLIMIT_NOFILE, &before);
    const rlimit none{.rlim_cur = 0, .rlim_max = before.rlim_max};
    ::setrlimit(RLIMIT_NOFILE, &none);
  }
  ~no_descriptor_left() { ::setrlimit(RLIMIT_NOFILE, &before); }
  no_descriptor_left& operator=(no_descriptor_left&&) = delete;
  rlimit before{};
};

}  // namespace

TEST(grpc_listeners, over_tls_lose_nothing) {
  const lastcall::testing_net::authority signs;
  const auto files = signs.issue({}, "server");
  grpc::SslServerCredentialsOptions server;
  server.pem_key_cert_pairs.push_back({read(files.key), read(files.chain)});
  ends_without_loss({.server = grpc::SslServerCredentials(server),
                     .client = grpc::SslCredentials(
                         {.pem_root_certs = read(signs.ca_file()), .pem_private_key = "", .pem_cert_chain = ""})});
}

TEST(grpc_listeners, on_a_unix_domain_socket_lose_nothing_and_leave_no_file) {
  const process_tests::scratch_folder scratch;
  for (const std::string prefix : {"unix:", "unix://"}) {
    const auto said = ends_without_loss({.address = prefix + scratch.file("greeter")});
    EXPECT_FALSE(has_field(said, "listener_2"));
    EXPECT_FALSE(std::filesystem::exists(scratch.file("greeter")));
  }
  ends_without_loss({.address = "unix-abstract:lastcall-greeter-" + std::to_string(::getpid())});
}

TEST(grpc_listeners, are_found_when_no_descriptor_is_left) {
  served it([](const context&) { return grpc::Status::OK; });
  EXPECT_TRUE(it.hello().ok());
  const no_descriptor_left none;
  const auto& said = it.end();
  EXPECT_TRUE(has_field(said, "listener"));
  EXPECT_TRUE(said.drained);
  EXPECT_EQ(it.exit_code, 0);
}

namespace {

/// Starts an app with an asynchronous greeter, which fails. Returns why.
std::string fails_to_start(const std::string& address, const std::function<void()>& started, bool another_fails) {
  grpc::ServerBuilder builder;
  builder.AddChannelArgument(GRPC_ARG_ALLOW_REUSEPORT, 0);
  int port = 0;
  builder.AddListeningPort(address, grpc::InsecureServerCredentials(), &port);
  async_greeter greeter([](const context&) { return grpc::Status::OK; }, builder);
  std::string why;
  {
    lastcall::app app{{.grace = 60s, .signals = {}, .sink = [](const lastcall::log_record&) {}, .environment = false}};
    lastcall::needs needs{app.add("queue", greeter.polls())};
    if (another_fails)
      needs.push_back(app.add("stock", {.start = [] { throw std::runtime_error("there is no stock"); }}));
    lastcall::grpc::server_options options{.builder = &builder};
    options.queues.push_back(&greeter.queue());
    options.started = [&](grpc::Server&) {
      greeter.request_first();
      if (started) started();
    };
    app.add<lastcall::grpc::server>("grpc", std::move(options), needs);
    const auto began = std::chrono::steady_clock::now();
    try {
      app.start();
    } catch (const std::exception& e) {
      why = e.what();
    }
    EXPECT_LT(std::chrono::steady_clock::now() - began, 30s) << "the queue's component hangs";
  }
  EXPECT_TRUE(greeter.polls_no_more());
  return why;
}

}  // namespace

TEST(grpc_start_that_fails, ends_the_components_that_poll_its_queues) {
  served first([](const context&) { return grpc::Status::OK; });
  EXPECT_THAT(fails_to_start(first.address(), {}, false), HasSubstr(first.address()));
  EXPECT_THAT(fails_to_start(
                  "127.0.0.1:0", [] { throw std::runtime_error("there are no goods"); }, false),
              HasSubstr("there are no goods"));
  EXPECT_THAT(fails_to_start("127.0.0.1:0", {}, true), HasSubstr("there is no stock"));
}

}  // namespace service_tests
