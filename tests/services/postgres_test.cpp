// The adapter for PostgreSQL against a real server.
#include "lastcall/postgres.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <linux/sockios.h>
#include <sys/ioctl.h>

#include <atomic>
#include <ctime>
#include <future>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <thread>
#include <vector>

#include "lastcall/adapters/postgres/canceller.hpp"
#include "lastcall/testing.hpp"
#include "tests/services/postgres_fixture.hpp"

namespace service_tests {

using testing::HasSubstr;

TEST_F(postgres, queries_take_values_and_give_typed_ones) {
  auto on = connect();
  const std::vector<std::byte> bytes{std::byte{0}, std::byte{255}};
  const auto all =
      on.query({}, "select $1::int, $2::text, $3::bool, $4::float8, $5::text, octet_length($6::bytea), $7::int8", -7,
               std::string_view("a b").substr(0, 3), true, 1.5, nullptr, std::span<const std::byte>(bytes),
               std::optional<long>(1));
  ASSERT_TRUE(all) << all.error().what();
  const pg::row one = (*all)[0];
  EXPECT_EQ(one.get<int>(0), -7);
  EXPECT_EQ(one.get<std::string>(1), "a b");
  EXPECT_TRUE(one.get<bool>(2));
  EXPECT_EQ(one.get<double>(3), 1.5);
  EXPECT_EQ(one.get<std::optional<std::string>>(4), std::nullopt);
  EXPECT_EQ(one.get<int>(5), 2);
  EXPECT_EQ(one.get<std::optional<long>>(6), 1);
  EXPECT_THROW(static_cast<void>(one.get<int>(1)), std::invalid_argument);
  EXPECT_THROW(static_cast<void>(one.get<int>(4)), std::invalid_argument);
  EXPECT_THROW(static_cast<void>(one.get<int>("nowhere")), std::invalid_argument);
}

TEST_F(postgres, text_with_a_nul_is_refused_and_not_cut) {
  auto on = connect();
  const std::string text("a\0b", 3);
  EXPECT_THROW(static_cast<void>(on.query({}, "select $1::text", text)), std::invalid_argument);
  EXPECT_THROW(static_cast<void>(on.query({}, "select $1::text", std::string_view(text))), std::invalid_argument);
  EXPECT_THROW(static_cast<void>(on.query({}, "select $1::text", std::optional(text))), std::invalid_argument);
  const auto bytes = on.query({}, "select octet_length($1::bytea)", std::as_bytes(std::span(text)));
  EXPECT_EQ((*bytes)[0].get<int>(0), 3) << "the connection goes on";
  try {
    static_cast<void>(on.prepare({}, text, "select 1"));
    ADD_FAILURE() << "prepared";
  } catch (const std::invalid_argument& e) {
    EXPECT_THAT(e.what(), HasSubstr("the name of a prepared statement has a NUL at byte 1,"));
  }
  pg::pipeline all(on);
  EXPECT_THROW(all.add("select 1" + text), std::invalid_argument);
}

TEST_F(postgres, errors_say_what_the_server_says) {
  auto on = connect();
  const auto wrong = on.query({}, "selct 1");
  ASSERT_FALSE(wrong);
  EXPECT_EQ(wrong.error().why(), pg::error::reason::server);
  EXPECT_EQ(wrong.error().sqlstate(), "42601");
  EXPECT_THAT(wrong.error().what(), HasSubstr("syntax error at or near \"selct\""));
  EXPECT_THROW(static_cast<void>(*wrong), pg::error);
  EXPECT_TRUE(on.query({}, "select 1")) << "the connection goes on";
}

TEST_F(postgres, prepared_statements_are_prepared_once_for_each_connection) {
  auto on = connect();
  EXPECT_TRUE(on.prepare({}, "twice", "select 2 * $1::int"));
  EXPECT_TRUE(on.prepare({}, "twice", "this is not sent"));
  EXPECT_EQ((*on.execute({}, "twice", 21))[0].get<int>(0), 42);
}

TEST_F(postgres, a_query_is_cancelled_on_the_server_when_its_time_is_up) {
  auto on = connect();
  const int backend = on.backend();
  const auto began = std::chrono::steady_clock::now();
  const auto none = on.query(lastcall::within({}, 50ms), "select pg_sleep(60)");
  EXPECT_LT(std::chrono::steady_clock::now() - began, 20s);
  ASSERT_FALSE(none);
  EXPECT_EQ(none.error().why(), pg::error::reason::deadline);
  EXPECT_THROW(static_cast<void>(*none), lastcall::unavailable);
  EXPECT_TRUE(on.is_idle());
  EXPECT_EQ(on.backend(), backend) << "the server confirmed, so the connection is used again";
  EXPECT_TRUE(on.query({}, "select 1"));
  EXPECT_EQ(count("select count(*) from pg_stat_activity where query like '%pg_sleep(60)%' and state = 'active' and "
                  "pid <> pg_backend_pid()"),
            0);
}

TEST_F(postgres, a_query_is_cancelled_when_its_context_is_forced) {
  auto on = connect();
  lastcall::context_source caller;
  EXPECT_TRUE(on.query(caller.get(), "select 1"));
  auto asks = std::async(std::launch::async, [&] { return on.query(caller.get(), "select pg_sleep(60)"); });
  wait_for_statement("select pg_sleep(60)");
  caller.force(lastcall::cause::client_gone);
  const auto none = asks.get();
  ASSERT_FALSE(none);
  EXPECT_EQ(none.error().why(), pg::error::reason::forced);
  EXPECT_THAT(none.error().what(), HasSubstr("client_gone"));
  EXPECT_TRUE(on.query({}, "select 1"));
}

TEST_F(postgres, a_context_that_ends_between_queries_ends_none_of_another) {
  auto on = connect();
  lastcall::context_source caller;
  EXPECT_TRUE(on.query(caller.get(), "select 1"));
  caller.force();
  EXPECT_EQ(on.query(caller.get(), "select 1").error().why(), pg::error::reason::forced);
  const lastcall::context_source other;
  const auto busy = [] {
    timespec of{};
    ::clock_gettime(CLOCK_THREAD_CPUTIME_ID, &of);
    return std::chrono::seconds(of.tv_sec) + std::chrono::nanoseconds(of.tv_nsec);
  };
  const auto before = busy();
  EXPECT_TRUE(on.query(other.get(), "select pg_sleep(0.5)"));
  EXPECT_LT(busy() - before, 250ms) << "it waits, and does not ask again and again";
}

TEST_F(postgres, the_server_knows_how_long_a_statement_may_take) {
  auto on = connect();
  const auto limit = [&](const lastcall::context& with) {
    return (*on.query(with, "select setting from pg_settings where name = 'statement_timeout'"))[0].get<int>(0);
  };
  EXPECT_EQ(limit({}), 0);
  EXPECT_EQ(limit(lastcall::within({}, 200s)), 262'144);
  EXPECT_EQ(limit(lastcall::within({}, 262s)), 262'144) << "near enough: not told again";
  EXPECT_EQ(limit({}), 0);
  {
    auto work = pg::transaction::begin(lastcall::within({}, 1h), on);
    ASSERT_TRUE(work);
    EXPECT_EQ(limit(lastcall::within({}, 60s)), 65'536);
  }  // rolled back, and with it the limit
  EXPECT_EQ(limit({}), 0) << "not what was told before the transaction";
  EXPECT_EQ(limit(lastcall::within({}, 60s)), 65'536);
  EXPECT_EQ(limit({}), 0);
  {
    auto work = pg::transaction::begin({}, on);
    ASSERT_TRUE(work);
    static_cast<void>(*work->query({}, "savepoint here"));
    EXPECT_EQ(limit(lastcall::within({}, 60s)), 65'536);
    static_cast<void>(*work->query({}, "rollback to here"));
    EXPECT_EQ(limit(lastcall::within({}, 60s)), 65'536);
    EXPECT_TRUE(work->commit({}));
  }
  EXPECT_EQ(limit({}), 0) << "a commit keeps what was told";
}

TEST_F(postgres, the_limit_of_the_session_comes_back_after_a_deadline) {
  auto on = std::move(*pg::connection::open(
      {}, {.conninfo = server_->conninfo() + " options='-c statement_timeout=10min'", .cancel_within = 5s}));
  const auto limit = [&](const lastcall::context& with) {
    return (*on.query(with, "select setting from pg_settings where name = 'statement_timeout'"))[0].get<int>(0);
  };
  EXPECT_EQ(limit({}), 600'000);
  EXPECT_EQ(limit(lastcall::within({}, 200s)), 262'144);
  EXPECT_EQ(limit({}), 600'000);
}

TEST_F(postgres, transactions_roll_back_unless_they_are_committed) {
  auto on = connect();
  static_cast<void>(*on.query({}, "create table kept(id int)"));
  {
    auto work = *pg::transaction::begin({}, on);
    static_cast<void>(*work.query({}, "insert into kept values (1)"));
  }
  EXPECT_EQ(count("select count(*) from kept"), 0);
  {
    auto work = *pg::transaction::begin({}, on);
    EXPECT_EQ((*work.query({}, "insert into kept values (1), (2)")).affected(), 2u);
    EXPECT_TRUE(work.commit({}));
  }
  EXPECT_EQ(count("select count(*) from kept"), 2);
  EXPECT_TRUE(on.is_idle());
}

TEST_F(postgres, a_transaction_of_which_a_statement_failed_can_not_be_committed) {
  auto on = connect();
  static_cast<void>(*on.query({}, "create table once(id int primary key)"));
  {
    auto work = *pg::transaction::begin({}, on);
    static_cast<void>(*work.query({}, "insert into once values (1)"));
    EXPECT_EQ(work.query({}, "insert into once values (1)").error().sqlstate(), "23505");
    const auto done = work.commit({});
    ASSERT_FALSE(done);
    EXPECT_EQ(done.error().why(), pg::error::reason::server);
    EXPECT_EQ(done.error().sqlstate(), "25P02");
    EXPECT_THAT(done.error().what(), HasSubstr("rolled back: an earlier statement of the transaction failed"));
  }
  EXPECT_TRUE(on.is_idle()) << "the connection goes on";
  EXPECT_EQ(count("select count(*) from once"), 0);
  const auto swallowed = pg::with_retries(
      {}, on, pg::isolation::serializable, 3, [](pg::transaction& work) -> lastcall::result<int, pg::error> {
        static_cast<void>(work.query({}, "do $$ begin raise sqlstate '40001'; end $$"));
        return 1;
      });
  ASSERT_FALSE(swallowed);
  EXPECT_EQ(swallowed.error().sqlstate(), "25P02");
}

TEST_F(postgres, serialization_failures_are_tried_again_only_where_the_caller_asks) {
  auto one = connect();
  auto other = connect();
  static_cast<void>(*one.query({}, "create table balance(id int primary key, amount int)"));
  static_cast<void>(*one.query({}, "insert into balance values (1, 0)"));
  int tries = 0;
  const auto done = pg::with_retries({}, one, pg::isolation::serializable, 3, [&](pg::transaction& work) {
    const int before = (*work.query({}, "select amount from balance where id = 1"))[0].get<int>(0);
    if (++tries == 1) static_cast<void>(*other.query({}, "update balance set amount = 10 where id = 1"));
    return work.query({}, "update balance set amount = $1 where id = 1", before + 1);
  });
  ASSERT_TRUE(done) << done.error().what();
  EXPECT_EQ(tries, 2);
  EXPECT_EQ(count("select amount from balance"), 11);
}

TEST_F(postgres, a_wrong_conninfo_is_told_at_once) {
  try {
    pg::pool none({.conninfo = "hots=db dbname=shop", .name = "shop"});
    ADD_FAILURE();
  } catch (const std::invalid_argument& e) {
    EXPECT_THAT(e.what(), HasSubstr("shop: conninfo: invalid connection option \"hots\""));
  }
}

TEST_F(postgres, a_pool_replaces_what_came_back_in_a_transaction_and_what_the_server_closed) {
  auto with = pool_of(1);
  with.check_after = 0s;
  pg::pool pool(with);
  pool.start({});
  int backend = 0;
  {
    auto on = pool.acquire({});
    ASSERT_TRUE(on) << on.error().what();
    backend = (*on)->backend();
    static_cast<void>(*(*on)->query({}, "begin"));
  }
  {
    auto on = pool.acquire({});
    ASSERT_TRUE(on) << on.error().what();
    EXPECT_NE((*on)->backend(), backend);
    backend = (*on)->backend();
  }
  EXPECT_EQ(count(("select pg_terminate_backend(" + std::to_string(backend) + ")::int").c_str()), 1);
  for (const lastcall::deadline by(20s);
       count(("select count(*) from pg_stat_activity where pid = " + std::to_string(backend)).c_str()) > 0;)
    ASSERT_FALSE(by.passed(std::chrono::steady_clock::now()));
  auto on = pool.acquire({});
  ASSERT_TRUE(on) << on.error().what();
  EXPECT_TRUE((*on)->query({}, "select 1"));
}

TEST_F(postgres, a_pool_that_is_forced_cancels_on_the_server_and_leaves_nothing_there) {
  const auto pool = std::make_unique<pg::pool>(pool_of(3));
  pool->start({});
  std::vector<std::future<pg::error::reason>> asks;
  for (int i = 0; i < 3; ++i)
    asks.push_back(std::async(std::launch::async, [&] {
      auto on = pool->acquire({});
      return (*on)->query({}, "select pg_sleep(61)").error().why();
    }));
  for (const lastcall::deadline by(60s);
       count("select count(*) from pg_stat_activity where query = 'select pg_sleep(61)' and state = 'active'") < 3;)
    ASSERT_FALSE(by.passed(std::chrono::steady_clock::now()));
  std::promise<void> drained;
  pool->drain({}, [&] { drained.set_value(); });
  pool->force();
  for (auto& one : asks) EXPECT_EQ(one.get(), pg::error::reason::forced);
  EXPECT_EQ(drained.get_future().wait_for(20s), std::future_status::ready);
  pool->stop();
  for (const lastcall::deadline by(20s);
       count("select count(*) from pg_stat_activity where application_name = 'pool_test'") > 0;)
    ASSERT_FALSE(by.passed(std::chrono::steady_clock::now()));
}

TEST_F(postgres, a_shutdown_with_little_time_leaves_less_to_a_cancel) {
  lastcall::app app{
      {.grace = 80s, .reserve = 32s, .signals = {}, .log = lastcall::log_level::none, .environment = false}};
  const auto db = app.add<pg::pool>("db", pool_of(1));
  std::optional<pg::error> why;
  app.add("worker",
          [&](const lastcall::context& ctx) {
            auto on = *db->acquire(ctx);
            why = on->query(ctx, "select pg_sleep(69)").error();
          },
          {db});
  app.start();
  wait_for_statement("select pg_sleep(69)");
  server_->signal_all(SIGSTOP);  // so that it confirms no cancel
  app.request_force();
  const lastcall::report end = app.shutdown(lastcall::deadline(10s));  // an eighth, as the reserve: 4 s
  server_->signal_all(SIGCONT);
  EXPECT_TRUE(end.hung().empty()) << to_text(end);
  ASSERT_TRUE(why);
  EXPECT_EQ(why->why(), pg::error::reason::connection);
  EXPECT_THAT(why->what(), HasSubstr("the server did not say so within "));
}

TEST_F(postgres, what_a_pool_runs_on_each_new_connection_is_bounded) {
  auto with = pool_of(1);
  with.connect_within = 1s;
  with.longest_wait = 5s;
  with.on_connect = {"select pg_sleep(70)"};
  pg::pool pool(with);
  pool.start({});
  EXPECT_FALSE(pool.acquire({}));
  for (const lastcall::deadline by(20s);
       count("select count(*) from pg_stat_activity where query = 'select pg_sleep(70)' and state = 'active'") > 0;)
    ASSERT_FALSE(by.passed(std::chrono::steady_clock::now()));
}

TEST_F(postgres, what_a_pool_runs_on_each_new_connection_may_set_the_limit) {
  auto with = pool_of(1);
  with.on_connect = {"set statement_timeout = '30s'"};
  pg::pool pool(with);
  pool.start({});
  auto on = pool.acquire(lastcall::within({}, 60s));
  ASSERT_TRUE(on) << on.error().what();
  EXPECT_EQ((*(*on)->query({}, "show statement_timeout"))[0].get<std::string>(0), "30s");
}

TEST_F(postgres, the_process_of_another_server_is_not_cancelled) {
  auto on = connect();
  const auto cancels = std::make_shared<pg::detail::canceller>(server_->conninfo(), "test");
  const auto is_sent = [&](const std::string& server) {
    std::promise<bool> sent;
    cancels->cancel({.number = on.backend(), .server = server}, std::chrono::steady_clock::now() + 60s,
                    [&](bool it) { sent.set_value(it); });
    return sent.get_future().get();
  };
  const std::string server = pg::detail::server_of(on.native_handle());
  EXPECT_TRUE(is_sent(server));
  EXPECT_FALSE(is_sent("192.0.2.1 5432"));
  EXPECT_TRUE(is_sent(server));
}

TEST_F(postgres, a_cancel_that_came_before_the_server_had_begun_is_sent_again) {
  auto on = connect();
  auto other = connect();
  const auto now = (*other.query({}, "select clock_timestamp()"))[0].get<std::string>(0);
  const auto cancels = [&] {
    return (*other.query({},
                         "select count(*) from pg_stat_activity where query like 'select b from unnest%' and state = "
                         "'idle' and query_start > $1::timestamptz",
                         now))[0]
        .get<int>(0);
  };
  const auto until = [](const auto& holds) {
    for (const lastcall::deadline by(4s); !holds() && !by.passed(std::chrono::steady_clock::now());) continue;
  };
  const int socket = PQsocket(on.native_handle());
  ASSERT_EQ(::kill(on.backend(), SIGSTOP), 0);
  lastcall::context_source caller;
  auto asks = std::async(std::launch::async, [&] { return on.query(caller.get(), "select pg_sleep(72)"); });
  until([&] {
    int unread = 0;
    return ::ioctl(socket, SIOCOUTQ, &unread) == 0 && unread > 0;
  });
  caller.force();
  until([&] { return cancels() > 0; });
  ::kill(on.backend(), SIGCONT);
  const auto none = asks.get();
  EXPECT_EQ(none.error().why(), pg::error::reason::forced) << none.error().what();
  EXPECT_TRUE(on.query({}, "select 1")) << "the connection goes on";
}

TEST_F(postgres, a_cancel_that_hangs_leaves_time_for_another_way) {
  lastcall::testing::fault_relay relay(lastcall::testing::parse_server_address("unix:" + server_->socket()));
  auto on = std::move(*pg::connection::open(
      {}, {.conninfo = "host=127.0.0.1 port=" + std::to_string(relay.port()) + " user=postgres dbname=postgres",
           .cancel_within = 4s}));
  relay.choose([](std::size_t number) {  // the second is the canceller's
    return number == 1 ? lastcall::testing::relay_faults::both({.stalled = true}) : lastcall::testing::relay_faults{};
  });
  lastcall::context_source caller;  // not a deadline: the server would end it by itself
  auto asks = std::async(std::launch::async, [&] { return on.query(caller.get(), "select pg_sleep(71)"); });
  wait_for_statement("select pg_sleep(71)");
  caller.force(lastcall::cause::client_gone);
  const auto none = asks.get();
  ASSERT_FALSE(none);
  EXPECT_EQ(none.error().why(), pg::error::reason::forced) << none.error().what();
  EXPECT_TRUE(on.is_broken()) << "the first cancel may still come";
}

TEST_F(postgres, a_pool_that_is_used_before_its_start_says_what_to_name) {
  pg::pool pool(pool_of(1));
  try {
    static_cast<void>(pool.acquire({}));
    ADD_FAILURE();
  } catch (const std::logic_error& e) {
    EXPECT_THAT(e.what(), HasSubstr("postgres: has not started; name it in the needs of what uses it"));
  }
}

TEST_F(postgres, a_lease_that_outlives_the_stop_is_named_and_its_connection_closed_when_it_comes_back) {
  std::string lines;
  pg::pool pool(pool_of(1), lastcall::logger(lastcall::log_level::error, [&](const lastcall::log_record& record) {
                  lines.append(record.text);
                  for (const auto& field : record.fields) lines.append(" ").append(field.value);
                }));
  pool.start({});
  {
    const auto late = pool.acquire({});
    ASSERT_TRUE(late);
    late->label("a late one");
    pool.drain({}, [] {});
    pool.force();
    pool.stop();
    EXPECT_THAT(lines, HasSubstr("has stopped while leases are out"));
    EXPECT_THAT(lines, HasSubstr("a late one at postgres_test.cpp:"));
    EXPECT_EQ((*late)->query({}, "select pg_sleep(67)").error().why(), pg::error::reason::forced);
  }
  for (const lastcall::deadline by(20s);
       count("select count(*) from pg_stat_activity where application_name = 'pool_test'") > 0;)
    ASSERT_FALSE(by.passed(std::chrono::steady_clock::now()));
}

}  // namespace service_tests
