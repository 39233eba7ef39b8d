// The adapter for PostgreSQL holds what every adapter must hold, with its server behind a network that breaks.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <stdexcept>

#include "lastcall/postgres.hpp"
#include "lastcall/testing.hpp"
#include "tests/services/postgres_cluster.hpp"

namespace service_tests {

namespace pg = lastcall::postgres;

void ask(pg::pool& of, const lastcall::context& with, const char* sql) {
  const auto on = *of.acquire(with);
  static_cast<void>(*on->query(with, sql));
}

TEST(postgres_adapter, conforms) {
  const postgres_cluster server;
  const auto faults = lastcall::testing::check_adapter(lastcall::testing::adapter_under_test<pg::pool>{
      .make =
          [&](const lastcall::testing::server_address& at, const lastcall::logger& log) {
            std::string conninfo = server.conninfo();
            if (at.family() != AF_UNIX)  // a relay
              conninfo = "host=127.0.0.1 user=postgres dbname=postgres port=" + at.text.substr(at.text.rfind(':') + 1);
            return std::make_unique<pg::pool>(pg::pool_options{.conninfo = conninfo, .most = 4}, log);
          },
      .work = [](pg::pool& of, const lastcall::context& with) { ask(of, with, "select pg_sleep(0.001)"); },
      .long_work = [](pg::pool& of, const lastcall::context& with) { ask(of, with, "select pg_sleep(600)"); },
      .hold =
          [](pg::pool& of, const lastcall::function<void()>& wait) {
            const auto on = *of.acquire({});
            wait();
          },
      .server = lastcall::testing::parse_server_address("unix:" + server.socket()),
      .rounds = std::getenv("LASTCALL_LONG") != nullptr ? 200u : 8u});
  EXPECT_THAT(faults, testing::IsEmpty());
}

// What is told first is how long the statement may take. The time is up before the server has answered that.
TEST(postgres_adapter, never_says_that_a_statement_is_done_which_was_not_sent) {
  const postgres_cluster server;
  lastcall::testing::fault_relay relay(lastcall::testing::parse_server_address("unix:" + server.socket()));
  auto direct = std::move(*pg::connection::open({}, {.conninfo = server.conninfo()}));
  static_cast<void>(*direct.query({}, "create table kept(id int)"));
  auto on = std::move(*pg::connection::open(
      {}, {.conninfo = "host=127.0.0.1 user=postgres dbname=postgres port=" + std::to_string(relay.port()),
           .cancel_within = 20s}));
  relay.set(0, {.to_client = {.delay = 300ms}});
  const auto done = on.query(lastcall::within({}, 100ms), "insert into kept values (1)");
  ASSERT_FALSE(done) << "it says that it is done";
  EXPECT_EQ(done.error().why(), pg::error::reason::deadline) << done.error().what();
  relay.set(0, {});
  EXPECT_EQ((*direct.query({}, "select count(*) from kept"))[0].get<int>(0), 0);
  ASSERT_TRUE(on.query({}, "select pg_sleep(0.3)")) << "the limit of the statement that was not sent is forgotten";
}

}  // namespace service_tests
