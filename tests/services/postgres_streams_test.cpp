// Pipelines, COPY and LISTEN against a real server: whole, and cut by a shutdown.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <poll.h>

#include <cstdlib>
#include <future>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "tests/services/postgres_fixture.hpp"

namespace service_tests {

using pg::error;
using testing::HasSubstr;

class postgres_streams : public postgres {
 protected:
  /// `work` is a worker on a pool, and is shut down when it says that it is at it. It does not mind a drain. In time,
  /// and nothing is left on the server.
  static lastcall::report cut(const std::function<void(const lastcall::context&, pg::connection&,
                                                       const std::function<void()>& is_at_it)>& work) {
    std::promise<void> at_it;
    constexpr auto grace = 12s, reserve = 10s;  // so it is forced after 2 s, and is not hung on a busy machine
    lastcall::report end;
    {
      lastcall::app app{
          {.grace = grace, .reserve = reserve, .signals = {}, .log = lastcall::log_level::none, .environment = false}};
      const auto db = app.add<pg::pool>("db", pool_of(1));
      app.add("worker",
              [&](const lastcall::context& ctx) {
                lastcall::context_source life(ctx);
                auto lease = *db->acquire(ctx);
                work(ctx, *lease, [&, told = false]() mutable {
                  if (!std::exchange(told, true)) at_it.set_value();
                });
              },
              {db});
      app.start();
      EXPECT_EQ(at_it.get_future().wait_for(60s), std::future_status::ready);
      const auto began = std::chrono::steady_clock::now();
      end = app.shutdown(lastcall::deadline(grace));
      EXPECT_LT(std::chrono::steady_clock::now() - began, grace + 10s);
    }
    EXPECT_TRUE(end.hung().empty()) << to_text(end);
    EXPECT_EQ(end.outcome, lastcall::outcome::forced) << to_text(end);
    for (const lastcall::deadline by(20s);
         count("select count(*) from pg_stat_activity where application_name = 'pool_test'") > 0;)
      if (by.passed(std::chrono::steady_clock::now())) {
        ADD_FAILURE() << "the server still has a connection of it";
        break;
      }
    return end;
  }
  static std::int64_t field(const lastcall::report& of, const std::string& name) {
    for (const auto& component : of.components)
      for (const auto& [key, value] : component.fields)
        if (key == name) return std::get<std::int64_t>(value);
    return 0;
  }
};

TEST_F(postgres_streams, a_pipeline_is_one_transaction) {
  auto on = connect();
  static_cast<void>(*on.query({}, "create table piped(id int primary key)"));
  pg::pipeline all(on);
  all.add("insert into piped values ($1)", 1);
  all.add("insert into piped values ($1), ($2)", 2, std::optional<int>(3));
  all.add("select count(*) from piped");
  const auto answers = all.run({});
  ASSERT_TRUE(answers) << answers.error().what();
  ASSERT_EQ(answers->size(), 3u);
  EXPECT_EQ((*answers)[1].affected(), 2u);
  EXPECT_EQ((*answers)[2][0].get<int>(0), 3);
  all.add("insert into piped values (4)");
  all.add("insert into piped values (1)");
  all.add("insert into piped values (5)");
  const auto twice = all.run({});
  ASSERT_FALSE(twice);
  EXPECT_EQ(twice.error().sqlstate(), "23505");
  EXPECT_EQ(count("select count(*) from piped"), 3);
  EXPECT_TRUE(on.query({}, "select 1")) << "the connection goes on";
  for (std::size_t i = 0; i < pg::pipeline::most; ++i) all.add("select 1");
  EXPECT_THROW(all.add("select 1"), std::length_error);
}

TEST_F(postgres_streams, a_pipeline_is_bounded_by_its_context) {
  auto on = connect();
  pg::pipeline all(on);
  all.add("select pg_sleep(62)");
  all.add("select 1");
  const auto none = all.run(lastcall::within({}, 50ms));
  ASSERT_FALSE(none);
  EXPECT_EQ(none.error().why(), error::reason::deadline);
  EXPECT_TRUE(on.query({}, "select 1"));
}

TEST_F(postgres_streams, a_copy_goes_in_and_comes_out) {
  auto on = connect();
  static_cast<void>(*on.query({}, "create table copied(id int, name text)"));
  {
    auto in = *pg::copy_in::begin({}, on, "copy copied from stdin");
    EXPECT_TRUE(in.write({}, "1\tone\n2\ttw"));
    EXPECT_TRUE(in.write({}, "o\n"));
    const std::string line = "3\t" + std::string(1000, 'x') + "\n";
    std::string many;
    for (int i = 0; i < 1000; ++i) many += line;
    EXPECT_TRUE(in.write({}, many));
    EXPECT_EQ(*in.finish({}), 1002u);
  }
  auto out = *pg::copy_out::begin({}, on, "copy (select * from copied order by id) to stdout");
  EXPECT_EQ(**out.read({}), "1\tone\n");
  EXPECT_EQ(**out.read({}), "2\ttwo\n");
  int rest = 0;
  while (*out.read({})) ++rest;
  EXPECT_EQ(rest, 1000);
  EXPECT_EQ(*out.read({}), std::nullopt) << "it stays so";
  EXPECT_TRUE(on.query({}, "select 1"));
}

TEST_F(postgres_streams, the_deadline_of_its_begin_is_no_limit_of_a_copy) {
  auto on = connect();
  static_cast<void>(*on.query(lastcall::within({}, 60s), "select 1"));  // tells a limit
  auto out = *pg::copy_out::begin(lastcall::within({}, 60s), on,
                                  " copy (select current_setting('statement_timeout')) to stdout");
  EXPECT_EQ(**out.read({}), "0\n");
  EXPECT_EQ(*out.read({}), std::nullopt);
}

TEST_F(postgres_streams, a_copy_that_fails_says_why) {
  auto on = connect();
  static_cast<void>(*on.query({}, "create table numbers(id int)"));
  auto in = *pg::copy_in::begin({}, on, "copy numbers from stdin");
  EXPECT_TRUE(in.write({}, "1\nnot a number\n"));
  const auto none = in.finish({});
  ASSERT_FALSE(none);
  EXPECT_EQ(none.error().sqlstate(), "22P02");
  EXPECT_EQ(count("select count(*) from numbers"), 0);
  EXPECT_TRUE(on.query({}, "select 1"));
  EXPECT_EQ(pg::copy_in::begin({}, on, "select 1").error().why(), error::reason::misuse);
  EXPECT_EQ(pg::copy_out::begin({}, on, "select 1").error().why(), error::reason::misuse);
  { const auto left = *pg::copy_in::begin({}, on, "copy numbers from stdin"); }
  EXPECT_TRUE(on.is_broken()) << "given up: half of a COPY is nobody else's";
}

TEST_F(postgres_streams, a_copy_takes_a_nul_only_where_it_is_binary) {
  auto on = connect();
  static_cast<void>(*on.query({}, "create table letters(it text)"));
  const std::string_view with_nul("a\0b\n", 4);
  auto in = *pg::copy_in::begin({}, on, "copy letters from stdin");
  EXPECT_TRUE(in.write({}, "one\n"));
  try {
    in.write({}, with_nul);
    ADD_FAILURE() << "written";
  } catch (const std::invalid_argument& e) {
    EXPECT_THAT(e.what(), HasSubstr("what COPY writes has a NUL at byte 1, which PostgreSQL does not take; leave it"));
  }
  EXPECT_TRUE(in.write({}, "two\n"));
  EXPECT_EQ(*in.finish({}), 2u) << "nothing was taken of what was refused";
  auto binary = *pg::copy_in::begin({}, on, "copy letters from stdin (format binary)");
  EXPECT_TRUE(binary.write({}, std::string_view("PGCOPY\n\377\r\n\0\0\0\0\0\0\0\0\0\377\377", 21)));
  EXPECT_EQ(*binary.finish({}), 0u);
}

TEST_F(postgres_streams, a_channel_has_a_whole_name) {
  auto on = connect();
  const auto why = [&](const std::string& channel) -> std::string {
    try {
      return pg::listener::begin({}, on, channel) ? "it listens" : "the server refused it";
    } catch (const std::invalid_argument& e) {
      return e.what();
    }
  };
  EXPECT_THAT(why(std::string("ne\0ws", 5)), HasSubstr("the name of a channel has a NUL at byte 2,"));
  EXPECT_THAT(why("caf\xc3"), HasSubstr("the name of a channel: incomplete multibyte character"));
  EXPECT_TRUE(on.query({}, "select 1")) << "nothing was sent";
}

TEST_F(postgres_streams, a_listener_hears_until_its_context_drains) {
  auto on = connect();
  auto other = connect();
  lastcall::context_source life;
  auto session = *pg::listener::begin({}, on, "News \"today\"");
  static_cast<void>(*other.query({}, R"(notify "News ""today""", 'one')"));
  static_cast<void>(*other.query({}, R"(notify "News ""today""", 'two')"));
  const auto first = *session.next(life.get());
  ASSERT_TRUE(first);
  EXPECT_EQ(first->text, "one");
  EXPECT_EQ(first->channel, "News \"today\"");
  EXPECT_EQ(first->backend, other.backend());
  EXPECT_EQ((*session.next(life.get()))->text, "two");
  auto third = std::async(std::launch::async, [&] { return session.next(life.get()); });
  EXPECT_EQ(third.wait_for(20ms), std::future_status::timeout);
  life.begin_drain(std::chrono::steady_clock::now() + 1h);
  EXPECT_EQ(*third.get(), std::nullopt);
  EXPECT_EQ(*session.next(life.get()), std::nullopt);
}

TEST_F(postgres_streams, a_listener_gives_out_what_had_come_before_the_drain) {
  auto on = connect();
  auto other = connect();
  auto session = *pg::listener::begin({}, on, "news");
  const auto notify = [&](const std::vector<const char*>& all) {
    auto work = *pg::transaction::begin({}, other);  // so that they come together
    for (const char* const one : all) static_cast<void>(*work.query({}, "select pg_notify('news', $1)", one));
    static_cast<void>(*work.commit({}));
  };
  const auto text = [](const auto& heard) { return *heard ? (*heard)->text : "nothing"; };
  lastcall::context_source life;
  notify({"one", "two"});
  EXPECT_EQ(text(session.next(life.get())), "one");
  notify({"three", "four"});
  pollfd come{.fd = PQsocket(on.native_handle()), .events = POLLIN, .revents = 0};
  ASSERT_EQ(poll(&come, 1, 20'000), 1);
  life.begin_drain(std::chrono::steady_clock::now() + 1h);
  for (const char* const next : {"two", "three", "four", "nothing"}) EXPECT_EQ(text(session.next(life.get())), next);
  notify({"five"});
  ASSERT_EQ(poll(&come, 1, 20'000), 1);
  EXPECT_EQ(text(session.next(life.get())), "nothing") << "what comes later does not hold up the end";
}

TEST_F(postgres_streams, a_listener_says_that_the_server_has_gone) {
  auto on = connect();
  auto session = *pg::listener::begin({}, on, "news");
  auto next = std::async(std::launch::async, [&] { return session.next({}); });
  EXPECT_EQ(count(("select pg_terminate_backend(" + std::to_string(on.backend()) + ")::int").c_str()), 1);
  const auto none = next.get();
  ASSERT_FALSE(none);
  EXPECT_EQ(none.error().why(), error::reason::connection);
}

TEST_F(postgres_streams, a_copy_in_is_cut_in_time_and_nothing_of_it_is_there) {
  { static_cast<void>(*connect().query({}, "create table half(id int)")); }
  std::optional<error> why;
  const auto end = cut([&](const lastcall::context& ctx, pg::connection& on, const std::function<void()>& is_at_it) {
    auto in = *pg::copy_in::begin(ctx, on, "copy half from stdin");
    while (in.write(ctx, "1\n2\n3\n")) is_at_it();
    if (const auto rows = in.finish(ctx); !rows) why = rows.error();
  });
  ASSERT_TRUE(why);
  EXPECT_EQ(why->why(), error::reason::forced) << why->what();
  EXPECT_EQ(count("select count(*) from half"), 0);
  EXPECT_EQ(field(end, "rolled_back"), 1);
}

TEST_F(postgres_streams, a_copy_out_is_cut_in_time_and_says_that_it_is_not_all) {
  std::optional<error> why;
  cut([&](const lastcall::context& ctx, pg::connection& on, const std::function<void()>& is_at_it) {
    auto out = *pg::copy_out::begin(ctx, on, "copy (select generate_series(1, 2000000000)) to stdout");
    for (;;) {
      const auto row = out.read(ctx);
      if (!row) why = row.error();
      if (!row || !*row) return;
      is_at_it();
    }
  });
  ASSERT_TRUE(why);
  EXPECT_EQ(why->why(), error::reason::forced) << why->what();
}

TEST_F(postgres_streams, a_pipeline_is_cut_in_time_and_nothing_of_it_is_there) {
  { static_cast<void>(*connect().query({}, "create table cut_pipe(id int)")); }
  std::optional<error> why;
  std::thread watches;
  const auto end = cut([&](const lastcall::context& ctx, pg::connection& on, const std::function<void()>& is_at_it) {
    watches = std::thread([&] {
      wait_for_statement("select pg_sleep(63)%");
      is_at_it();
    });
    pg::pipeline all(on);
    all.add("insert into cut_pipe values (1)");
    all.add("select pg_sleep(63)");
    all.add("insert into cut_pipe values (2)");
    if (const auto none = all.run(ctx); !none) why = none.error();
  });
  watches.join();
  ASSERT_TRUE(why);
  EXPECT_EQ(why->why(), error::reason::forced) << why->what();
  EXPECT_EQ(count("select count(*) from cut_pipe"), 0);
  EXPECT_EQ(field(end, "rolled_back"), 1);
}

TEST_F(postgres_streams, a_listener_needs_no_force) {
  lastcall::app app{{.grace = 20s, .signals = {}, .log = lastcall::log_level::none, .environment = false}};
  const auto db = app.add<pg::pool>("db", pool_of(1));
  std::promise<void> listens;
  app.add("listener",
          [&](const lastcall::context& ctx) {
            auto lease = *db->acquire(ctx);
            auto session = *pg::listener::begin(ctx, *lease, "news");
            listens.set_value();
            while (*session.next(ctx)) continue;
          },
          {db});
  app.start();
  EXPECT_EQ(listens.get_future().wait_for(60s), std::future_status::ready);
  const lastcall::report& end = app.shutdown(lastcall::deadline(20s));
  EXPECT_EQ(end.outcome, lastcall::outcome::graceful) << to_text(end);
}

}  // namespace service_tests
