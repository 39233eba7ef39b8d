// The options of the adapter for gRPC, at and beyond their bounds.
#include <grpcpp/server_builder.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "lastcall/adapters/grpc/client_context.hpp"
#include "lastcall/adapters/grpc/server.hpp"
#include "lastcall/core/app/count_members_test.hpp"

namespace lastcall::grpc::option_ranges_test {

using namespace std::chrono_literals;

template <class F> void is_refused(const std::string& as, const F& use) {
  SCOPED_TRACE(as);
  try {
    use();
    ADD_FAILURE() << "accepted";
  } catch (const std::invalid_argument& e) {
    EXPECT_EQ(std::string_view(e.what()).substr(0, as.size()), as) << e.what();
    EXPECT_NE(std::string_view(e.what()).find(';'), std::string_view::npos) << "no remedy: " << e.what();
  }
}

TEST(option_ranges, of_servers_are_refused_by_name) {
  static_assert(lastcall::detail::members<server_options>() == 7);  // started, health and name have no wrong value
  ::grpc::ServerBuilder builder;
  for (const duration wrong : {-1ns, duration(24h + 1ns), duration::max(), duration::min()})
    is_refused("rpc: goodbye_time = ",
               [&] { const server made({.builder = &builder, .goodbye_time = wrong, .name = "rpc"}); });
  is_refused("grpc: builder = null", [] { const server made({}); });
  is_refused("grpc: interceptors = null", [&] {
    server_options with{.builder = &builder};
    with.interceptors.emplace_back();
    const server made(std::move(with));
  });
  is_refused("grpc: queues = null", [&] { const server made({.builder = &builder, .queues = {nullptr}}); });
  const server fine({.builder = &builder, .goodbye_time = 0ns});
}

TEST(option_ranges, of_client_contexts_are_refused_by_name) {
  for (const duration wrong : {-1ns, duration(24h + 1ns), duration::max(), duration::min()})
    is_refused("grpc::client_context: margin = ", [&] { const client_context made({}, wrong); });
}

TEST(option_ranges, of_addresses_without_a_port_are_refused_by_name) {
  ::grpc::ServerBuilder builder;
  builder.AddListeningPort("127.0.0.1:0", nullptr);
  server made({.builder = &builder});
  is_refused("grpc: AddListeningPort(\"127.0.0.1:0\")", [&] { made.start({}); });
}

}  // namespace lastcall::grpc::option_ranges_test
