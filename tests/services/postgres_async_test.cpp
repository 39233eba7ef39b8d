// The coroutine form against a real server: the same answers, the same ends, on one thread.
#include "lastcall/postgres_async.hpp"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/resource.h>
#include <unistd.h>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <exception>
#include <functional>
#include <future>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "lastcall/task.hpp"
#include "tests/services/postgres_fixture.hpp"

namespace service_tests {

using lastcall::context;
using lastcall::task;
using pg::error;

class postgres_async : public postgres {
 protected:
  /// Runs it to its end on this thread.
  static void run(const std::function<task<>()>& work) {
    boost::asio::io_context io;
    std::exception_ptr thrown;
    boost::asio::co_spawn(io, work(), [&](std::exception_ptr why) { thrown = why; });
    io.run_for(60s);
    ASSERT_TRUE(io.stopped()) << "it has not ended";
    if (thrown) std::rethrow_exception(thrown);
  }
  /// With a connection of its own.
  static void run(const std::function<task<>(pg::async_connection&)>& work) {
    auto native = connect();
    run([&]() -> task<> {
      pg::async_connection on(native);
      co_await work(on);
    });
  }
};

TEST_F(postgres_async, statements_are_those_of_the_blocking_form) {
  run([](pg::async_connection& on) -> task<> {
    const auto one = co_await on.query({}, "select $1::int + $2::int, $3::text", 40, 2, "x");
    EXPECT_TRUE(one);
    EXPECT_EQ((*one)[0].get<int>(0), 42);
    EXPECT_EQ((*one)[0].get<std::string>(1), "x");
    const auto wrong = co_await on.query({}, "selct 1");
    EXPECT_EQ(wrong.error().sqlstate(), "42601");
    EXPECT_TRUE(co_await on.prepare({}, "twice", "select 2 * $1::int"));
    EXPECT_EQ((*co_await on.execute({}, "twice", 21))[0].get<int>(0), 42);
    const auto much = co_await on.query({}, "select repeat('x', 3000000), $1::text", std::string(3'000'000, 'y'));
    EXPECT_EQ((*much)[0].text(0).size(), 3'000'000u);
    EXPECT_EQ((*much)[0].text(1).size(), 3'000'000u);
  });
}

TEST_F(postgres_async, a_query_is_cancelled_on_the_server_when_its_time_is_up) {
  run([](pg::async_connection& on) -> task<> {
    const int backend = on.underlying().backend();
    const auto none = co_await on.query(lastcall::within({}, 50ms), "select pg_sleep(64)");
    EXPECT_FALSE(none);
    EXPECT_EQ(none.error().why(), error::reason::deadline);
    EXPECT_TRUE(co_await on.query({}, "select 1"));
    EXPECT_EQ(on.underlying().backend(), backend);
  });
  EXPECT_EQ(count("select count(*) from pg_stat_activity where query like '%pg_sleep(64)%' and state = 'active' and "
                  "pid <> pg_backend_pid()"),
            0);
}

TEST_F(postgres_async, a_query_is_cancelled_when_its_context_is_forced) {
  lastcall::context_source caller;
  std::thread forces([&] {
    wait_for_statement("select pg_sleep(65)");
    caller.force(lastcall::cause::client_gone);
  });
  run([&](pg::async_connection& on) -> task<> {
    EXPECT_TRUE(co_await on.query(caller.get(), "select 1"));
    const auto none = co_await on.query(caller.get(), "select pg_sleep(65)");
    EXPECT_EQ(none.error().why(), error::reason::forced);
    EXPECT_TRUE(co_await on.query({}, "select 1"));
  });
  forces.join();
}

TEST_F(postgres_async, transactions_roll_back_unless_they_are_committed) {
  static_cast<void>(*connect().query({}, "create table kept_async(id int)"));
  run([](pg::async_connection& on) -> task<> {
    {
      auto work = *co_await on.begin({}, pg::isolation::serializable);
      static_cast<void>(*co_await on.query({}, "insert into kept_async values (1)"));
      EXPECT_TRUE(co_await on.commit(work, {}));
    }
    {
      auto work = *co_await on.begin({});
      static_cast<void>(*co_await on.query({}, "insert into kept_async values (2)"));
      co_await on.roll_back(work);
    }
    EXPECT_TRUE(on.underlying().is_idle());
    {
      auto work = *co_await on.begin({});
      static_cast<void>(*co_await on.query({}, "insert into kept_async values (3)"));
    }
    EXPECT_TRUE(on.underlying().is_broken()) << "a destructor does not block, so it gives the connection up";
  });
  EXPECT_EQ(count("select count(*) from kept_async"), 1);
}

TEST_F(postgres_async, a_pipeline_and_copies_are_those_of_the_blocking_form) {
  static_cast<void>(*connect().query({}, "create table copied_async(id int)"));
  run([](pg::async_connection& on) -> task<> {
    pg::pipeline all(on.underlying());
    all.add("insert into copied_async values ($1)", 1);
    all.add("select count(*) from copied_async");
    const auto answers = co_await on.run(all, {});
    EXPECT_EQ((*answers)[1][0].get<int>(0), 1);
    {
      auto in = *co_await on.begin_copy_in({}, "copy copied_async from stdin");
      std::string many;
      for (int i = 0; i < 200'000; ++i) many += "12345678\n";
      EXPECT_TRUE(co_await on.write(in, {}, many));
      EXPECT_EQ(*co_await on.finish(in, {}), 200'000u);
    }
    auto out = *co_await on.begin_copy_out({}, "copy copied_async to stdout");
    int rows = 0;
    while (*co_await on.read(out, {})) ++rows;
    EXPECT_EQ(rows, 200'001);
  });
}

TEST_F(postgres_async, a_copy_is_cut_and_nothing_of_it_is_there) {
  static_cast<void>(*connect().query({}, "create table half_async(id int)"));
  run([](pg::async_connection& on) -> task<> {
    const context bounded = lastcall::within({}, 100ms);
    auto in = *co_await on.begin_copy_in({}, "copy half_async from stdin");
    while (co_await on.write(in, bounded, "1\n2\n3\n")) continue;
    const auto none = co_await on.finish(in, {});
    EXPECT_EQ(none.error().why(), error::reason::deadline) << none.error().what();
  });
  EXPECT_EQ(count("select count(*) from half_async"), 0);
}

TEST_F(postgres_async, a_listener_hears_until_its_context_drains) {
  lastcall::context_source life;
  run([&](pg::async_connection& on) -> task<> {
    auto session = *co_await on.listen({}, "async news");
    static_cast<void>(*connect().query({}, "notify \"async news\", 'one'"));
    EXPECT_EQ((*co_await on.next(session, life.get()))->text, "one");
    std::thread drains([&] { life.begin_drain(std::chrono::steady_clock::now() + 1h); });
    EXPECT_EQ(*co_await on.next(session, life.get()), std::nullopt);
    drains.join();
  });
}

TEST_F(postgres_async, a_call_whose_coroutine_is_destroyed_gives_its_connection_up) {
  auto native = connect();
  {
    boost::asio::io_context io;
    boost::asio::co_spawn(
        io,
        [&]() -> task<> {
          pg::async_connection on(native);
          static_cast<void>(co_await on.query({}, "select pg_sleep(20)"));
        },
        [](std::exception_ptr) {});
    io.poll();
    wait_for_statement("select pg_sleep(20)");
  }
  EXPECT_TRUE(native.is_broken());
}

/// As long as it lives, the process gets no descriptor.
class no_descriptors {
 public:
  no_descriptors() {
    ::getrlimit(RLIMIT_NOFILE, &before_);
    const int lowest = ::dup(STDERR_FILENO);
    ::close(lowest);
    const rlimit none{.rlim_cur = static_cast<rlim_t>(lowest), .rlim_max = before_.rlim_max};
    ::setrlimit(RLIMIT_NOFILE, &none);
  }
  ~no_descriptors() { ::setrlimit(RLIMIT_NOFILE, &before_); }
  no_descriptors& operator=(no_descriptors&&) = delete;

 private:
  rlimit before_{};
};

TEST_F(postgres_async, a_first_call_without_a_descriptor_left_is_told_and_sends_nothing) {
  static_cast<void>(*connect().query({}, "create table unsent(id int)"));
  run([](pg::async_connection& on) -> task<> {
    co_await lastcall::net::wait_for({}, 1ms);  // the executor has what it needs itself
    std::string why;
    try {
      const no_descriptors none;
      static_cast<void>(co_await on.query({}, "insert into unsent values (1)"));
    } catch (const lastcall::unavailable& e) {
      why = e.what();
    }
    EXPECT_THAT(why, testing::HasSubstr("no descriptor is left"));
    EXPECT_EQ((*co_await on.query({}, "select count(*) from unsent"))[0].get<int>(0), 0);
  });
}

// The descriptor that libpq closes on a loss is the next connection's before the coroutine has left the lost one.
TEST_F(postgres_async, a_lost_connection_leaves_the_waits_of_its_replacement_alone) {
  const int below = ::open("/dev/null", O_RDONLY | O_CLOEXEC);
  std::optional<pg::connection> next;
  bool answered = false;
  const auto waits = [&]() -> task<> {
    pg::async_connection second(*next);
    EXPECT_TRUE(co_await second.query({}, "select pg_sleep(0.1)"));
    answered = true;
  };
  run([&]() -> task<> {
    auto lost = connect();
    const int socket = PQsocket(lost.native_handle());
    std::optional<pg::async_connection> on(std::in_place, lost);
    EXPECT_TRUE(co_await on->query({}, "select 1"));
    static_cast<void>(*connect().query({}, "select pg_terminate_backend($1, 20000)", lost.backend()));
    EXPECT_FALSE(co_await on->query({}, "select 1"));
    pg::async_connection again(lost);
    EXPECT_EQ((co_await again.query({}, "select 1")).error().why(), error::reason::connection);
    ::close(below);  // for the connection's eventfd; so the next socket is the number that was closed
    next = connect();
    EXPECT_EQ(PQsocket(next->native_handle()), socket) << "the test shows nothing";
    boost::asio::co_spawn(co_await boost::asio::this_coro::executor, waits, [](std::exception_ptr) {});
    co_await boost::asio::post(boost::asio::use_awaitable);  // then it waits
    on.reset();
  });
  EXPECT_TRUE(answered);
}

TEST_F(postgres_async, a_cancel_may_be_answered_when_the_executor_is_gone) {
  pg::pool pool(pool_of(2));
  pool.start({});
  {
    auto lease = *pool.connections().acquire();
    auto other = *pool.connections().acquire();
    lastcall::context_source caller;
    {
      boost::asio::io_context io;
      boost::asio::co_spawn(
          io,
          [&]() -> task<> {
            pg::async_connection on(*lease);
            static_cast<void>(co_await on.query(caller.get(), "select pg_sleep(67)"));
          },
          [](std::exception_ptr) {});
      io.poll();
      wait_for_statement("select pg_sleep(67)");
      server_->signal_all(SIGSTOP);  // so that the answer comes late
      caller.force();
      io.run_for(50ms);
      EXPECT_FALSE(io.stopped());
    }
    server_->signal_all(SIGCONT);
    // The canceller answers one after the other, or all at once.
    EXPECT_EQ(other->query(lastcall::within({}, 50ms), "select pg_sleep(68)").error().why(), error::reason::deadline);
  }
  pool.drain({}, [] {});
  pool.stop();
}

TEST_F(postgres_async, many_coroutines_share_a_pool_without_a_thread_for_each) {
  pg::pool pool(pool_of(4));
  pool.start({});
  int done = 0;
  boost::asio::io_context io;
  for (int i = 0; i < 200; ++i)
    boost::asio::co_spawn(
        io,
        [&, i]() -> task<> {
          auto lease = *co_await lastcall::net::acquire(pool.connections(), {});
          pg::async_connection on(*lease);
          const auto answer = co_await on.query({}, "select $1::int", i);
          if ((*answer)[0].get<int>(0) == i) ++done;
        },
        [](std::exception_ptr why) {
          if (why) std::rethrow_exception(why);
        });
  io.run_for(60s);
  EXPECT_EQ(done, 200);
  std::promise<void> drained;
  pool.drain({}, [&] { drained.set_value(); });
  EXPECT_EQ(drained.get_future().wait_for(20s), std::future_status::ready);
  pool.stop();
}

TEST_F(postgres_async, a_pool_that_is_forced_cancels_what_coroutines_wait_for) {
  pg::pool pool(pool_of(2));
  pool.start({});
  std::thread forces([&] {
    wait_for_statement("select pg_sleep(66)");
    pool.drain({}, [] {});
    pool.force();
  });
  run([&]() -> task<> {
    auto lease = *co_await lastcall::net::acquire(pool.connections(), {});
    pg::async_connection on(*lease);
    const auto none = co_await on.query({}, "select pg_sleep(66)");
    EXPECT_EQ(none.error().why(), error::reason::forced) << none.error().what();
    EXPECT_EQ((co_await on.query({}, "select 1")).error().why(), error::reason::forced);
  });
  forces.join();
  pool.stop();
  lastcall::component_report report;
  pool.account(report);
  EXPECT_TRUE(*report.lost);
}

}  // namespace service_tests
