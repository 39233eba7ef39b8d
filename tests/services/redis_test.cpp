// Commands, transactions, pools and subscriptions against a real server.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <netinet/in.h>

#include <csignal>
#include <functional>
#include <future>
#include <memory>
#include <string>
#include <vector>

#include "lastcall/core/by_median_test.hpp"
#include "lastcall/core/report/report.hpp"
#include "lastcall/redis.hpp"
#include "lastcall/testing.hpp"
#include "tests/process/testbed.hpp"
#include "tests/services/redis_server.hpp"

namespace service_tests {

namespace kv = lastcall::redis;
using kv::error;
using lastcall::within;
using testing::ElementsAre;
using testing::HasSubstr;

namespace {

class redis : public testing::Test {
 protected:
  static void SetUpTestSuite() { server_ = std::make_unique<redis_server>(); }
  static void TearDownTestSuite() { server_.reset(); }
  void SetUp() override { static_cast<void>(*connect().command({}, "FLUSHALL")); }

  static kv::connection connect() { return std::move(*kv::connection::open({}, {.url = server_->url()})); }
  static kv::pool_options pool_of(std::size_t most) { return {.url = server_->url(), .most = most}; }
  static std::string get(const char* key) { return connect().command({}, "GET", key)->get<std::string>(); }
  /// Returns once so many clients wait for something at the server.
  static void wait_for_blocked(int clients) {
    auto on = connect();
    for (const lastcall::deadline by(60s);;) {
      const std::string said(on.command({}, "INFO", "clients")->text());
      if (said.find("blocked_clients:" + std::to_string(clients) + "\r") != said.npos) return;
      if (by.passed(std::chrono::steady_clock::now())) throw std::runtime_error("nobody waits: " + said);
    }
  }

  static inline std::unique_ptr<redis_server> server_;
};

/// A pool that has started, and is stopped.
struct started_pool {
  explicit started_pool(kv::pool_options with) : it(std::move(with)) { it.start({}); }
  ~started_pool() {
    std::promise<void> gone;
    it.drain({}, [&] { gone.set_value(); });
    gone.get_future().wait_for(60s);
    it.stop();
  }
  kv::pool it;
};

}  // namespace

TEST_F(redis, answers_with_what_was_asked) {
  auto on = connect();
  EXPECT_EQ(on.command({}, "SET", "tea", "green")->text(), "OK");
  EXPECT_EQ(on.command({}, "GET", "tea")->get<std::string>(), "green");
  EXPECT_TRUE(on.command({}, "GET", "coffee")->is_null());
  EXPECT_EQ(on.command({}, "GET", "coffee")->get<std::optional<std::string>>(), std::nullopt);
  EXPECT_EQ(on.command({}, "INCRBY", "count", 41)->get<int>(), 41);
  EXPECT_EQ(on.command({}, "GET", "count")->get<int>(), 41);
  EXPECT_EQ(on.command({}, "EXISTS", "count")->get<bool>(), true);
  EXPECT_EQ(on.command({}, "INCRBYFLOAT", "share", 0.5)->get<double>(), 0.5);
  const std::vector<std::string> keys{"tea", "count"};
  const auto both = on.command({}, "MGET", keys, "none");
  ASSERT_EQ(both->size(), 3u);
  EXPECT_EQ((*both)[0].text(), "green");
  EXPECT_EQ((*both)[1].get<int>(), 41);
  EXPECT_TRUE((*both)[2].is_null());
  EXPECT_TRUE(on.is_idle());
  EXPECT_FALSE(on.is_broken());
}

TEST_F(redis, keeps_every_byte_of_a_value) {
  auto on = connect();
  std::string all;
  for (int byte = 0; byte < 256; ++byte) all += static_cast<char>(byte);
  static_cast<void>(*on.command({}, "SET", all, all));
  EXPECT_EQ(on.command({}, "GET", all)->get<std::string>(), all);
  const std::string large(20'000'000, 'x');  // more than the socket takes at once, both ways
  static_cast<void>(*on.command({}, "SET", "large", large));
  EXPECT_EQ(on.command({}, "GET", "large")->text().size(), large.size());
  const auto bytes = std::as_bytes(std::span(all));
  static_cast<void>(*on.command({}, "SET", "bytes", bytes));
  EXPECT_EQ(get("bytes"), all);
}

TEST_F(redis, says_what_the_server_refuses) {
  auto on = connect();
  static_cast<void>(*on.command({}, "SET", "text", "x"));
  const auto wrong = on.command({}, "INCR", "text");
  ASSERT_FALSE(wrong);
  EXPECT_EQ(wrong.error().why(), error::reason::server);
  EXPECT_EQ(wrong.error().code(), "ERR");
  EXPECT_FALSE(wrong.error().is_transient());
  EXPECT_THAT(wrong.error().what(), testing::StartsWith("redis: INCR: ERR value is not an integer"));
  EXPECT_EQ(on.command({}, "LPUSH", "text", 1).error().code(), "WRONGTYPE");
  EXPECT_EQ(on.command({}, "PING")->text(), "PONG") << "the connection is as it was";
  EXPECT_THROW(*on.command({}, "LPUSH", "text", 1), error);
  EXPECT_THAT(
      [&] { static_cast<void>(on.command({}, "PING")->get<int>()); },
      testing::ThrowsMessage<std::invalid_argument>(HasSubstr("not a number that fits, it is the text \"PONG\"")));
  EXPECT_THAT([&] { static_cast<void>((*on.command({}, "PING"))[0]); },
              testing::ThrowsMessage<std::invalid_argument>(HasSubstr("no element 0")));
}

TEST_F(redis, refuses_what_is_no_command_here) {
  auto on = connect();
  EXPECT_THAT([&] { static_cast<void>(on.command({}, "CONFIG GET", "port")); },
              testing::ThrowsMessage<std::invalid_argument>(HasSubstr("each word for itself")));
  EXPECT_THAT([&] { static_cast<void>(on.command({}, "SUBSCRIBE", "news")); },
              testing::ThrowsMessage<std::invalid_argument>(HasSubstr("redis::subscription")));
}

TEST_F(redis, is_full_and_says_so_as_something_that_passes) {
  const redis_server small({"--maxmemory", "1mb", "--maxmemory-policy", "noeviction"});
  auto on = std::move(*kv::connection::open({}, {.url = small.url()}));
  const auto full = on.command(within({}, 60s), "SET", "large", std::string(2'000'000, 'x'));
  const auto after = on.command(within({}, 60s), "SET", "small", std::string(200'000, 'x'));
  const error& why = full ? after.error() : full.error();
  EXPECT_EQ(why.code(), "OOM");
  EXPECT_TRUE(why.is_transient());
  EXPECT_THROW(raise_as(why), lastcall::unavailable);
}

TEST_F(redis, sends_many_at_once) {
  auto on = connect();
  kv::commands all;
  for (int i = 0; i < 1000; ++i) all.add("RPUSH", "list", i);
  all.add("INCR", "list").add("LLEN", "list");
  const auto said = on.run({}, all);
  ASSERT_EQ(said->size(), 1002u);
  EXPECT_EQ((*said)[999].get<int>(), 1000);
  EXPECT_TRUE((*said)[1000].is_error());
  EXPECT_EQ((*said)[1001].get<int>(), 1000);
}

TEST_F(redis, does_all_of_a_transaction_or_nothing) {
  auto on = connect();
  auto other = connect();
  const auto said = on.run_as_one({}, kv::commands().add("SET", "a", 1).add("INCR", "a"));
  ASSERT_EQ(said->size(), 2u);
  EXPECT_EQ((*said)[1].get<int>(), 2);
  const auto refused = on.run_as_one({}, kv::commands().add("SET", "a", 7).add("NOSUCH", "a"));
  ASSERT_FALSE(refused);
  EXPECT_THAT(refused.error().what(), HasSubstr("unknown command"));
  EXPECT_EQ(get("a"), "2");
  static_cast<void>(*on.command({}, "WATCH", "a"));
  EXPECT_FALSE(on.is_idle());
  static_cast<void>(*other.command({}, "SET", "a", 9));
  EXPECT_TRUE(on.run_as_one({}, kv::commands().add("SET", "a", 8))->is_null());
  EXPECT_TRUE(on.is_idle());
  EXPECT_EQ(get("a"), "9");
}

// As where its user may not do it, or behind a proxy that does not know it.
TEST_F(redis, does_nothing_of_a_transaction_that_is_refused) {
  auto on = connect();
  auto admin = connect();
  static_cast<void>(*on.command({}, "SET", "a", 1));
  static_cast<void>(*admin.command({}, "ACL", "SETUSER", "default", "-multi"));
  const auto refused = on.run_as_one({}, kv::commands().add("SET", "a", 7).add("INCR", "a"));
  static_cast<void>(*admin.command({}, "ACL", "SETUSER", "default", "+multi"));
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code(), "NOPERM");
  EXPECT_THAT(refused.error().what(), HasSubstr("SET and 1 more (as one): MULTI: NOPERM"));
  EXPECT_EQ(get("a"), "1");
  EXPECT_TRUE(on.is_idle());
  const auto among_others = on.run({}, kv::commands().add("MULTI").add("SET", "a", 7).add("EXEC"));
  ASSERT_FALSE(among_others);
  EXPECT_EQ(among_others.error().why(), error::reason::misuse);
  EXPECT_THAT(among_others.error().what(), HasSubstr("run_as_one"));
}

TEST_F(redis, sends_nothing_of_a_transaction_that_has_no_time_left) {
  lastcall::testing::fault_relay relay(lastcall::testing::parse_server_address("unix:" + server_->socket()));
  auto on = std::move(*kv::connection::open({}, {.url = "redis://127.0.0.1:" + std::to_string(relay.port())}));
  static_cast<void>(*on.command({}, "PING"));
  for (const auto& one : relay.connections()) {
    lastcall::testing::relay_faults only_answers;
    only_answers.to_client = {.stalled = true};
    relay.set(one.number, only_answers);
  }
  const auto late = on.run_as_one(within({}, 300ms), kv::commands().add("SET", "a", 7));
  ASSERT_FALSE(late);
  EXPECT_THAT(late.error().what(), HasSubstr("not sent"));
  EXPECT_TRUE(on.is_broken());
  EXPECT_EQ(connect().command({}, "EXISTS", "a")->get<int>(), 0);
}

TEST_F(redis, keeps_what_is_watched_when_there_is_no_transaction_to_end) {
  auto on = connect();
  for (const char* name : {"EXEC", "DISCARD"}) {
    static_cast<void>(*on.command({}, "WATCH", "a"));
    EXPECT_FALSE(on.command({}, name));
    EXPECT_FALSE(on.is_idle()) << name;
  }
  static_cast<void>(*on.command({}, "MULTI"));
  EXPECT_FALSE(on.command({}, "NOSUCH"));
  EXPECT_EQ(on.command({}, "EXEC").error().code(), "EXECABORT");
  EXPECT_TRUE(on.is_idle());
}

// Another one has taken its place, perhaps under its name.
TEST_F(redis, pool_replaces_its_connections_to_a_server_that_was_demoted) {
  redis_server demoted;
  started_pool kept({.url = demoted.url(), .most = 1});
  const auto connections_seen_by_the_server = [](kv::connection& on) {
    const std::string said(on.command({}, "INFO", "stats")->text());
    return std::stoi(said.substr(said.find("total_connections_received:") + 27));
  };
  int before = 0;
  {
    const auto on = *kept.it.acquire(within({}, 60s));
    before = connections_seen_by_the_server(*on);
    static_cast<void>(*on->command({}, "REPLICAOF", "127.0.0.1", 1));
    EXPECT_FALSE(on->is_broken());
    EXPECT_EQ(on->command({}, "SET", "a", 1).error().code(), "READONLY");
    EXPECT_TRUE(on->is_broken());
    EXPECT_EQ(on->command({}, "PING")->text(), "PONG") << "it can still be read from";
  }
  const auto on = *kept.it.acquire(within({}, 60s));
  EXPECT_GT(connections_seen_by_the_server(*on), before) << "it is the same one";
}

TEST_F(redis, ends_a_call_when_its_time_is_up) {
  auto on = connect();
  const auto late = on.command(within({}, 500ms), "BLPOP", "none", 0);
  ASSERT_FALSE(late);
  EXPECT_EQ(late.error().why(), error::reason::deadline) << late.error().what();
  EXPECT_THAT(late.error().what(), HasSubstr("not known whether it took effect"));
  EXPECT_TRUE(on.is_broken()) << "its answer may still come";
  EXPECT_EQ(on.command({}, "PING").error().why(), error::reason::connection);
}

TEST_F(redis, ends_a_call_when_its_context_is_forced) {
  auto forced = connect();
  lastcall::context_source caller;
  auto waits = std::async(std::launch::async, [&] { return forced.command(caller.get(), "BLPOP", "none", 0); });
  wait_for_blocked(1);
  caller.force(lastcall::cause::client_gone);
  const auto answer = waits.get();
  ASSERT_FALSE(answer);
  EXPECT_EQ(answer.error().why(), error::reason::forced);
  EXPECT_THAT(answer.error().what(), HasSubstr("client_gone"));
  EXPECT_EQ(forced.command(caller.get(), "PING").error().why(), error::reason::connection);
  auto unsent = connect();
  EXPECT_THAT(unsent.command(caller.get(), "PING").error().what(), HasSubstr("not sent"));
  EXPECT_FALSE(unsent.is_broken());
}

TEST_F(redis, connects_with_a_password_and_a_database) {
  const redis_server closed({"--requirepass", "a:b@c"});
  const auto open = [&](kv::connection_options how) {
    how.url = closed.url() + how.url;
    return kv::connection::open(within({}, 60s), how);
  };
  auto on = open({.url = "?db=3", .password = "a:b@c"});
  ASSERT_TRUE(on) << on.error().what();
  EXPECT_TRUE(on->is_idle());
  static_cast<void>(*on->command({}, "SET", "here", 3));
  EXPECT_TRUE(open({.url = "", .user = "default", .password = "a:b@c"})->command({}, "GET", "here")->is_null());
  EXPECT_EQ(open({.url = "?db=3", .password = "a:b@c"})->command({}, "GET", "here")->get<int>(), 3);
  const auto wrong = open({.url = "", .password = "geheim"});
  ASSERT_FALSE(wrong);
  EXPECT_EQ(wrong.error().code(), "WRONGPASS");
  EXPECT_THAT(wrong.error().what(),
              testing::AllOf(HasSubstr("not connected: WRONGPASS"), testing::Not(HasSubstr("geheim"))));
  const auto no_such = open({.url = "?db=99", .password = "a:b@c"});
  ASSERT_FALSE(no_such);
  EXPECT_THAT(no_such.error().what(), HasSubstr("DB index is out of range"));
}

TEST_F(redis, says_why_it_is_not_connected) {
  const auto none = kv::connection::open({}, {.url = "unix:/nowhere/socket"});
  ASSERT_FALSE(none);
  EXPECT_EQ(none.error().why(), error::reason::connection);
  EXPECT_STREQ(none.error().what(), "redis: no connection to /nowhere/socket: No such file or directory");
  EXPECT_TRUE(none.error().is_transient());
  lastcall::testing::fault_relay relay(lastcall::testing::parse_server_address("unix:" + server_->socket()));
  relay.refuse_new();
  const auto refused = kv::connection::open({}, {.url = "redis://127.0.0.1:" + std::to_string(relay.port())});
  ASSERT_FALSE(refused);
  EXPECT_THAT(refused.error().what(), HasSubstr("Connection refused"));
  // One that takes connections and says nothing.
  lastcall::testing::fault_relay mute(lastcall::testing::parse_server_address("unix:" + server_->socket()),
                                      {.faults = lastcall::testing::relay_faults::both({.stalled = true})});
  const auto url = "redis://:x@127.0.0.1:" + std::to_string(mute.port());
  const auto silent = kv::connection::open({}, {.url = url, .connect_within = 50ms});
  ASSERT_FALSE(silent);
  EXPECT_STREQ(silent.error().what(), "redis: no connection within 50ms");
  const auto late = kv::connection::open(within({}, 50ms), {.url = url});
  ASSERT_FALSE(late);
  EXPECT_EQ(late.error().why(), error::reason::deadline) << late.error().what();
}

TEST_F(redis, outlives_a_server_that_has_gone) {
  redis_server mortal;
  auto on = std::move(*kv::connection::open({}, {.url = mortal.url()}));
  auto next = std::move(*kv::connection::open({}, {.url = mortal.url()}));
  mortal.stop(SIGKILL);
  const auto lost = on.command({}, "PING");  // writes to a socket that nobody has: no SIGPIPE
  ASSERT_FALSE(lost);
  EXPECT_EQ(lost.error().why(), error::reason::connection);
  EXPECT_TRUE(on.is_broken());
  EXPECT_TRUE(next.is_broken());
  mortal.start();
}

TEST_F(redis, pool_lends_only_connections_that_are_as_they_were) {
  started_pool kept(pool_of(1));
  static_cast<void>(*connect().command({}, "SET", "a", 1));
  const auto leaves = [&](const std::function<void(kv::connection&)>& use) {
    {
      const auto on = *kept.it.acquire(within({}, 60s));
      use(*on);
    }
    const auto next = *kept.it.acquire(within({}, 60s));
    EXPECT_EQ(next->command({}, "GET", "a")->get<std::string>(), "1");
  };
  leaves([](kv::connection& on) { static_cast<void>(*on.command({}, "INCRBY", "a", 0)); });
  leaves([](kv::connection& on) { static_cast<void>(*on.command({}, "MULTI")); });
  leaves([](kv::connection& on) { static_cast<void>(*on.command({}, "SELECT", 2)); });
  leaves([](kv::connection& on) { static_cast<void>(on.command(within({}, 500ms), "BLPOP", "none", 0)); });
  leaves([](kv::connection& on) { static_cast<void>(*kv::subscription::begin({}, on, {"news"})); });
  lastcall::component_report said;
  kept.it.account(said);
  EXPECT_THAT(said.fields, testing::Contains(testing::Pair("unconfirmed", lastcall::report_value(std::int64_t{1}))));
}

TEST_F(redis, pool_that_is_forced_ends_the_calls) {
  started_pool kept(pool_of(2));
  auto waits = std::async(std::launch::async, [&] {
    const auto on = *kept.it.acquire({});
    return on->command({}, "BLPOP", "none", 0);
  });
  wait_for_blocked(1);
  kept.it.force();
  const auto answer = waits.get();
  ASSERT_FALSE(answer);
  EXPECT_EQ(answer.error().why(), error::reason::forced);
  EXPECT_THAT(answer.error().what(), HasSubstr("by force"));
}

TEST_F(redis, subscription_gives_out_what_is_published) {
  auto on = connect();
  auto news = *kv::subscription::begin({}, on, {"news", "weather"}, {"order.*"});
  auto from = connect();
  EXPECT_EQ(from.command({}, "PUBLISH", "news", "one")->get<int>(), 1);
  static_cast<void>(*from.command({}, "PUBLISH", "order.17", std::string("t\0o", 3)));
  const auto first = *news.next(within({}, 60s));
  ASSERT_TRUE(first);
  EXPECT_EQ(first->channel, "news");
  EXPECT_EQ(first->text, "one");
  EXPECT_EQ(first->pattern, "");
  const auto second = *news.next(within({}, 60s));
  ASSERT_TRUE(second);
  EXPECT_EQ(second->channel, "order.17");
  EXPECT_EQ(second->text, std::string("t\0o", 3));
  EXPECT_EQ(second->pattern, "order.*");
  EXPECT_EQ(*news.next(within({}, 10ms)), std::nullopt);
  static_cast<void>(*from.command({}, "PUBLISH", "weather", "three"));
  EXPECT_EQ((*news.next(within({}, 60s)))->text, "three") << "a wait that ended in time disturbs nothing";
}

TEST_F(redis, subscription_to_several_channels_is_refused_at_once) {
  auto on = connect();
  auto admin = connect();
  static_cast<void>(*admin.command({}, "ACL", "SETUSER", "default", "resetchannels"));
  const auto news = kv::subscription::begin(within({}, 60s), on, {"news", "weather"}, {"order.*"});
  static_cast<void>(*admin.command({}, "ACL", "SETUSER", "default", "allchannels"));
  ASSERT_FALSE(news);
  EXPECT_EQ(news.error().why(), error::reason::server) << news.error().what();
  EXPECT_THAT(news.error().what(), HasSubstr("NOPERM"));
}

TEST_F(redis, subscription_is_woken_by_the_drain_and_by_force) {
  const auto ended_by = [&](const std::function<void(lastcall::context_source&)>& ends) {
    auto on = connect();
    lastcall::context_source of;
    auto news = *kv::subscription::begin({}, on, {"news"});
    auto waits = std::async(std::launch::async, [&] { return news.next(of.get()); });
    auto from = connect();
    static_cast<void>(*from.command({}, "PUBLISH", "news", "one"));
    EXPECT_EQ((*waits.get())->text, "one");
    auto again = std::async(std::launch::async, [&] { return news.next(of.get()); });
    EXPECT_EQ(again.wait_for(20ms), std::future_status::timeout);
    ends(of);
    EXPECT_EQ(*again.get(), std::nullopt);
  };
  ended_by([](auto& of) { of.begin_drain(lastcall::steady().now() + 60s); });
  ended_by([](auto& of) { of.force(); });
}

TEST_F(redis, subscription_gives_out_all_that_had_come_when_it_drains) {
  auto on = connect();
  auto news = *kv::subscription::begin({}, on, {"news"});
  auto from = connect();
  for (int i = 0; i < 100; ++i) static_cast<void>(*from.command({}, "PUBLISH", "news", i));
  // The server answers us before it writes to others; before it answers again, it has.
  static_cast<void>(*from.command({}, "PING"));
  lastcall::context_source of;
  of.begin_drain(lastcall::steady().now() + 60s);
  int seen = 0;
  while (const auto next = *news.next(of.get())) EXPECT_EQ(next->text, std::to_string(seen++));
  EXPECT_EQ(seen, 100);
}

TEST_F(redis, subscription_says_that_its_server_has_gone) {
  redis_server mortal;
  auto on = std::move(*kv::connection::open({}, {.url = mortal.url()}));
  auto news = *kv::subscription::begin({}, on, {"news"});
  mortal.stop(SIGKILL);
  const auto lost = news.next(within({}, 60s));
  ASSERT_FALSE(lost);
  EXPECT_EQ(lost.error().why(), error::reason::connection);
}

}  // namespace service_tests
