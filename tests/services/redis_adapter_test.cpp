// The adapter for Redis holds what every adapter must hold, with its server behind a network that breaks.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdlib>

#include "lastcall/redis.hpp"
#include "lastcall/testing.hpp"
#include "tests/services/redis_server.hpp"

namespace service_tests {

namespace kv = lastcall::redis;

TEST(redis_adapter, conforms) {
  const redis_server server;
  const auto faults = lastcall::testing::check_adapter(lastcall::testing::adapter_under_test<kv::pool>{
      .make =
          [&](const lastcall::testing::server_address& at, const lastcall::logger& log) {
            std::string url = server.url();
            if (at.family() != AF_UNIX)  // a relay
              url = "redis://127.0.0.1:" + at.text.substr(at.text.rfind(':') + 1);
            return std::make_unique<kv::pool>(kv::pool_options{.url = url, .most = 8}, log);
          },
      .work =
          [](kv::pool& of, const lastcall::context& with) {
            const auto on = *of.acquire(with);
            static_cast<void>(*on->command(with, "INCR", "count"));
          },
      .long_work =
          [](kv::pool& of, const lastcall::context& with) {
            const auto on = *of.acquire(with);
            static_cast<void>(*on->command(with, "BLPOP", "none", 600));
          },
      .hold =
          [](kv::pool& of, const lastcall::function<void()>& wait) {
            const auto on = *of.acquire({});
            wait();
          },
      .server = lastcall::testing::parse_server_address(server.url()),
      .rounds = std::getenv("LASTCALL_LONG") != nullptr ? 200u : 8u});
  EXPECT_THAT(faults, testing::IsEmpty());
}

}  // namespace service_tests
