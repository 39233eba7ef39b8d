// A gRPC that does not let us say GOAWAY, as one that hides its symbols: this program is linked so that it has none.
#include <gmock/gmock.h>
#include <grpcpp/grpcpp.h>
#include <gtest/gtest.h>

#include <future>
#include <string>

#include "lastcall/adapters/grpc/say_goaway.hpp"
#include "tests/process/raw_client.hpp"
#include "tests/process/testbed.hpp"
#include "tests/services/grpc_greeters.hpp"

namespace service_tests {

using namespace std::chrono_literals;

const auto soon = process_tests::sanitized ? 15s : 5s;  // the drain end is 30 s away

TEST(grpc_server_without_goaway, finishes_calls_that_have_begun) {
  ASSERT_FALSE(lastcall::grpc::detail::can_say_goaway());
  std::promise<void> begun;
  served it([&](const context& ctx) {
    begun.set_value();
    ctx.wait_for(patience);
    return grpc::Status::OK;
  });
  auto call = std::async(std::launch::async, [&] { return it.hello(); });
  begun.get_future().wait();
  const auto& said = it.end();
  EXPECT_TRUE(call.get().ok());
  EXPECT_EQ(it.exit_code, 0);
  EXPECT_EQ(said.requests, (lastcall::request_ledger{.begun = 1, .answered = 1}));
}

TEST(grpc_server_without_goaway, cuts_calls_when_it_is_forced) {
  std::promise<void> begun;
  served it([&](const context& ctx) {
    begun.set_value();
    ctx.wait_until_forced_for(patience);
    return grpc::Status(grpc::StatusCode::UNAVAILABLE, "cut");
  });
  auto call = std::async(std::launch::async, [&] { return it.hello(); });
  begun.get_future().wait();
  const auto began = std::chrono::steady_clock::now();
  auto end = std::async(std::launch::async, [&] { return it.end(40s); });
  // The GOAWAY has come, so gRPC's Shutdown has begun.
  EXPECT_TRUE(it.channel->WaitForStateChange(GRPC_CHANNEL_READY, std::chrono::system_clock::now() + patience));
  it.app.request_force();
  const auto said = end.get();
  EXPECT_LT(std::chrono::steady_clock::now() - began, soon);
  EXPECT_EQ(call.get().error_code(), grpc::StatusCode::UNAVAILABLE);
  EXPECT_EQ(it.exit_code, 3);
  EXPECT_EQ(said.requests, (lastcall::request_ledger{.begun = 1, .forced = 1}));
}

// One that speaks HTTP/2 and answers no PING: gRPC waits 20 s for it.
TEST(grpc_server_without_goaway, cuts_quiet_connections_after_the_goodbye_time) {
  served it([](const context&) { return grpc::Status::OK; }, api::sync, {.goodbye_time = 100ms});
  const std::string preface("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\4\0\0\0\0\0", 24 + 9);
  process_tests::raw_client silent(lastcall::testing::parse_server_address("http://" + it.address()), preface);
  ASSERT_NE(silent.read_some(), "") << "the server's SETTINGS";
  const auto began = std::chrono::steady_clock::now();
  const auto& said = it.end(40s);
  EXPECT_LT(std::chrono::steady_clock::now() - began, soon);
  EXPECT_EQ(it.exit_code, 0);
  EXPECT_TRUE(said.drained);
}

}  // namespace service_tests
