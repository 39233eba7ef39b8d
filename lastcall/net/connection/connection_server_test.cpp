#include "lastcall/net/connection/connection_server.hpp"

#include <gmock/gmock.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <set>
#include <string>
#include <thread>
#include <vector>

#include "lastcall/net/connection/line_protocol_test.hpp"

namespace lastcall::net::connection_server_test {

using namespace std::chrono_literals;
using ::testing::Contains;
using ::testing::HasSubstr;
using ::testing::Pair;
using ::testing::SizeIs;
using testing_net::client;
using testing_net::generous;
using testing_net::line_connection;
using testing_net::line_monitor;
using testing_net::run_on;

const logger quiet(log_level::none, nullptr);

connection_server_options options() {
  return {.listeners = {{.where = endpoint_of("127.0.0.1", 0)}},
          .farewell = {.idle_drain_after = 20ms, .linger = 10s, .linger_acknowledged = 20ms},
          .log = quiet};
}

/// A server of lines with a runtime of its own, driven as the lifecycle would.
struct tavern {
  explicit tavern(connection_server_options o = options(), unsigned threads = 2)
      : runtime_({.threads = threads, .log = quiet}), server(std::move(o), runtime_, [this](arrival it) {
          return std::make_unique<line_connection>(monitor, server.set(it.loop), std::move(it.socket), it.remote,
                                                   it.refusing, it.loop);
        }) {
    runtime_.start({});
    server.start({});
  }
  ~tavern() {
    server.stop();
    runtime_.stop();
  }

  std::unique_ptr<client> enters() {
    auto c = std::make_unique<client>(server.addresses().at(0));
    EXPECT_EQ(c->error(), 0);
    return c;
  }
  void drain(duration budget = 30s) {
    life.begin_drain(steady().now() + budget);
    server.drain(life.get(), [this] {
      open_when_drained += server.open_connections();
      ++times_drained;
      drained->count_down();
    });
  }
  bool wait_drained() { return drained->wait_until(steady().now() + generous); }
  /// Everything that the loops had to do has been done.
  void rest() {
    for (std::size_t i = 0; i < 2 * server.loops(); ++i)
      EXPECT_TRUE(run_on(*detail::loops_of(runtime_)[i % server.loops()], [] {}));
  }
  component_report account() const {
    component_report r;
    server.account(r);
    return r;
  }

  line_monitor monitor;
  runtime runtime_;
  connection_server server;
  context_source life;
  std::shared_ptr<countdown> drained = std::make_shared<countdown>(1);
  std::atomic<int> times_drained{0};
  std::atomic<std::uint64_t> open_when_drained{0};
};

TEST(connection_server, hands_connections_to_its_loops_in_turn) {
  tavern t(options(), 3);
  std::vector<std::unique_ptr<client>> all;
  for (int i = 0; i < 6; ++i) all.push_back(t.enters());
  ASSERT_TRUE(t.monitor.wait_for_made(6));
  t.monitor.change([](line_monitor& m) {
    for (std::size_t loop = 0; loop < 3; ++loop) EXPECT_EQ(std::count(m.made_on.begin(), m.made_on.end(), loop), 2);
  });
  for (auto& c : all) {
    c->say("hi\n");
    EXPECT_EQ(c->hear_until("\n"), "hi\n");
  }
  EXPECT_EQ(t.server.open_connections(), 6U);
}

TEST(connection_server, gives_each_loop_a_listener_when_asked) {
  auto o = options();
  o.listener_per_loop = true;
  tavern t(std::move(o), 3);
  EXPECT_THAT(t.server.addresses(), SizeIs(1)) << "all on one port";
  std::vector<std::unique_ptr<client>> all;
  for (int i = 0; i < 30; ++i) all.push_back(t.enters());
  ASSERT_TRUE(t.monitor.wait_for_made(30));
  t.monitor.change([](line_monitor& m) { EXPECT_GT(std::set(m.made_on.begin(), m.made_on.end()).size(), 1U); });
  t.drain();
  ASSERT_TRUE(t.wait_drained());
  EXPECT_TRUE(t.server.ledger().adds_up());
  EXPECT_EQ(t.server.ledger().accepted, 30U);
}

TEST(connection_server, gives_a_newcomer_its_time_although_its_loop_slept) {
  tavern t(options(), 2);
  const auto first = t.enters();  // the loops have seen the time
  const time_point since = steady().now();
  while (steady().now() - since < 200ms) std::this_thread::yield();  // nothing happens on them meanwhile
  std::vector<std::unique_ptr<client>> more;
  for (int i = 0; i < 4; ++i) more.push_back(t.enters());
  ASSERT_TRUE(t.monitor.wait_for_made(5));
  t.monitor.change(
      [](line_monitor& m) { EXPECT_LT(*std::max_element(m.staleness.begin() + 1, m.staleness.end()), 150ms); });
}

TEST(connection_server, listens_on_several_addresses_and_paths) {
  const std::string path = ::testing::TempDir() + "tavern-" + std::to_string(::getpid());
  auto o = options();
  o.listeners.push_back({.where = endpoint_of("unix:" + path, 0)});
  tavern t(std::move(o));
  const auto where = t.server.addresses();
  ASSERT_THAT(where, SizeIs(2));
  for (const endpoint& each : where) {
    client c(each);
    ASSERT_EQ(c.error(), 0) << to_text(each);
    c.say("one\nbye\n");
    EXPECT_EQ(c.hear_all(), "one\nbye\n");
  }
  ASSERT_TRUE(t.monitor.wait_for_ended(2));
  t.drain();
  ASSERT_TRUE(t.wait_drained());
  EXPECT_FALSE(std::filesystem::exists(path));
  EXPECT_EQ(t.server.ledger().closed_clean, 2U);
}

TEST(connection_server, says_which_address_it_could_not_have) {
  tavern t;
  runtime other({.threads = 1, .log = quiet});
  other.start({});
  connection_server second({.listeners = {{.where = t.server.addresses()[0]}}, .log = quiet}, other,
                           [](arrival) { return std::unique_ptr<connection>(); });
  try {
    second.start({});
    ADD_FAILURE() << "two servers on one port";
  } catch (const std::system_error& error) {
    EXPECT_THAT(error.what(), HasSubstr(to_text(t.server.addresses()[0])));
  }
  second.stop();
  other.stop();
}

TEST(connection_server, refuses_beyond_its_limit_and_takes_again_when_there_is_room) {
  auto o = options();
  o.max_connections = 2;
  tavern t(std::move(o), 1);
  auto a = t.enters(), b = t.enters();
  for (auto* c : {a.get(), b.get()}) {
    c->say("hi\n");
    EXPECT_EQ(c->hear_until("\n"), "hi\n");
  }
  auto third = t.enters();
  third->say("hi\n");
  EXPECT_EQ(third->hear_all(), "full\n");
  third->close();
  a->close();
  ASSERT_TRUE(t.monitor.wait_for_ended(2));
  t.rest();
  auto fourth = t.enters();
  fourth->say("hi\n");
  EXPECT_EQ(fourth->hear_until("\n"), "hi\n");
  t.monitor.change([](line_monitor& m) { EXPECT_EQ(m.refused, 1U); });
}

TEST(connection_server, accepts_nobody_far_beyond_its_limit_until_others_leave) {
  auto o = options();
  o.max_connections = 1;  // and 16 more to tell them so
  tavern t(std::move(o), 1);
  std::vector<std::unique_ptr<client>> all;
  for (int i = 0; i < 20; ++i) all.push_back(t.enters());
  ASSERT_TRUE(t.monitor.wait_for_made(17));
  t.rest();
  EXPECT_EQ(t.server.open_connections(), 17U);
  for (int i = 0; i < 10; ++i) all[static_cast<std::size_t>(i)]->close();
  EXPECT_TRUE(t.monitor.wait_for_made(20));
}

TEST(connection_server, has_drained_once_and_with_the_last_connection) {
  tavern t;
  auto busy = t.enters(), idle = t.enters();
  busy->say("wait\n");
  idle->say("hi\n");
  ASSERT_TRUE(t.monitor.wait_for_lines(2));
  const endpoint where = t.server.addresses()[0];
  t.drain();
  EXPECT_EQ(client(where).error(), ECONNREFUSED);
  EXPECT_EQ(idle->hear_until("never"), "hi\n");  // its silence has passed
  idle->close();
  ASSERT_TRUE(t.monitor.wait_for_ended(1));
  t.rest();
  EXPECT_EQ(t.times_drained, 0);
  std::size_t loop = 0;
  t.monitor.change([&](line_monitor& m) { loop = m.made_on[0]; });
  ASSERT_TRUE(run_on(t.server.set(loop).loop(), [&] { t.monitor.open.at(0)->answer("done\n"); }));
  EXPECT_EQ(busy->hear_all(), "done\n");
  const time_point closed = steady().now();
  busy->close();
  ASSERT_TRUE(t.wait_drained());
  EXPECT_LT(steady().now() - closed, 1s);
  t.rest();
  EXPECT_EQ(t.times_drained, 1);
  EXPECT_EQ(t.open_when_drained, 0U);
  EXPECT_EQ(t.server.ledger(), (connection_ledger{.accepted = 2, .closed_clean = 2}));
}

TEST(connection_server, drains_when_nobody_is_there) {
  tavern t(options(), 3);
  t.drain();
  EXPECT_TRUE(t.wait_drained());
  t.rest();
  EXPECT_EQ(t.times_drained, 1);
}

TEST(connection_server, drains_without_a_listener) {
  auto o = options();
  o.listeners.clear();
  tavern t(std::move(o));
  t.drain();
  EXPECT_TRUE(t.wait_drained());
}

TEST(connection_server, serves_those_who_connected_before_the_drain_on_every_loop) {
  tavern t(options(), 3);
  std::vector<std::unique_ptr<client>> queue;
  for (int i = 0; i < 60; ++i) {
    queue.push_back(t.enters());
    queue.back()->say("bye\n");
  }
  t.drain();  // most of them wait in the accept queue, or on their way to another loop
  for (auto& c : queue) {
    EXPECT_EQ(c->hear_all(), "bye\n");
    EXPECT_EQ(c->heard_error(), 0);
    c->close();
  }
  ASSERT_TRUE(t.wait_drained());
  EXPECT_EQ(t.server.ledger(), (connection_ledger{.accepted = 60, .closed_clean = 60}));
}

TEST(connection_server, gives_last_words_when_forced) {
  auto o = options();
  o.last_words = 5s;
  tavern t(std::move(o), 1);
  auto c = t.enters();
  c->say("wait\n");
  ASSERT_TRUE(t.monitor.wait_for_lines(1));
  t.drain();
  t.server.force();
  ASSERT_TRUE(run_on(t.server.set(0).loop(), [&] { t.monitor.open.at(0)->answer("503\n"); }));
  EXPECT_EQ(c->hear_all(), "503\n");
  c->close();
  ASSERT_TRUE(t.wait_drained());
  EXPECT_EQ(t.server.ledger(), (connection_ledger{.accepted = 1, .closed_clean = 1}));
}

TEST(connection_server, cuts_what_has_no_last_words_and_has_then_drained) {
  tavern t;
  std::vector<std::unique_ptr<client>> all;
  for (int i = 0; i < 4; ++i) {
    all.push_back(t.enters());
    all.back()->say("wait\n");
  }
  ASSERT_TRUE(t.monitor.wait_for_lines(4));
  t.drain();
  t.server.force();
  for (auto& c : all) EXPECT_EQ(c->hear_all(), "");
  ASSERT_TRUE(t.wait_drained());
  t.rest();
  EXPECT_EQ(t.times_drained, 1);
  EXPECT_EQ(t.server.ledger(), (connection_ledger{.accepted = 4, .forced = 4}));
}

TEST(connection_server, says_how_many_its_close_cut) {
  tavern t;
  std::vector<std::unique_ptr<client>> all;
  for (int i = 0; i < 5; ++i) {
    all.push_back(t.enters());
    all.back()->say(i < 2 ? "wait\n" : "hi\n");
  }
  ASSERT_TRUE(t.monitor.wait_for_lines(5));
  t.rest();
  const cut what = t.server.close();
  EXPECT_EQ(what.connections, 2U);
  EXPECT_EQ(what.idle, 3U);
  EXPECT_EQ(t.server.open_connections(), 0U);
  EXPECT_EQ(client(t.server.addresses()[0]).error(), ECONNREFUSED);
  const cut again = t.server.close();
  EXPECT_EQ(again.connections + again.idle, 0U);
}

TEST(connection_server, cuts_also_those_who_are_on_their_way_to_another_loop) {
  for (int round = 0; round < 20; ++round) {
    tavern t(options(), 3);
    std::vector<std::unique_ptr<client>> all;
    for (int i = 0; i < 30; ++i) all.push_back(std::make_unique<client>(t.server.addresses()[0]));
    t.server.close();
    EXPECT_EQ(t.server.open_connections(), 0U);
    t.rest();
    EXPECT_EQ(t.server.open_connections(), 0U);
    EXPECT_TRUE(t.server.ledger().adds_up());
  }
}

TEST(connection_server, can_be_stopped_without_a_drain) {
  tavern t;
  auto busy = t.enters();
  busy->say("wait\n");
  ASSERT_TRUE(t.monitor.wait_for_lines(1));
  t.server.stop();
  EXPECT_EQ(busy->hear_all(), "");
  EXPECT_EQ(t.server.ledger(), (connection_ledger{.accepted = 1, .forced = 1}));
  EXPECT_EQ(t.times_drained, 0);
}

TEST(connection_server, reports_how_its_listener_and_connections_ended) {
  tavern t;
  auto c = t.enters();
  c->say("wait\n");
  ASSERT_TRUE(t.monitor.wait_for_lines(1));
  c->reset();
  ASSERT_TRUE(t.monitor.wait_for_ended(1));
  t.drain();
  ASSERT_TRUE(t.wait_drained());
  t.server.stop();
  const component_report r = t.account();
  EXPECT_EQ(r.connections, (connection_ledger{.accepted = 1, .reset_by_remote = 1}));
  EXPECT_THAT(r.fields, Contains(Pair("listener", report_value(to_text(t.server.addresses()[0])))));
  EXPECT_THAT(r.fields, Contains(Pair("listener_close", report_value("unplug"))));
  EXPECT_THAT(r.fields, Contains(Pair("settled", report_value("settled"))));
  EXPECT_THAT(r.fields, Contains(Pair("crossed_our_fin", report_value(std::int64_t{0}))));
  EXPECT_THAT(r.fields, Contains(Pair("ended_by_reset", report_value(std::int64_t{1}))));
}

TEST(connection_server, lives_in_the_users_io_context) {
  boost::asio::io_context io;
  auto work = boost::asio::make_work_guard(io);
  std::thread user([&] { io.run(); });
  {
    line_monitor monitor;
    runtime r({.io = &io, .log = quiet});
    connection_server* at = nullptr;
    connection_server server(options(), r, [&](arrival it) {
      return std::make_unique<line_connection>(monitor, at->set(it.loop), std::move(it.socket), it.remote, it.refusing,
                                               it.loop);
    });
    at = &server;
    r.start({});
    server.start({});
    client c(server.addresses()[0]);
    c.say("hi\n");
    EXPECT_EQ(c.hear_until("\n"), "hi\n");
    context_source life;
    life.begin_drain(steady().now() + 30s);
    const auto drained = std::make_shared<countdown>(1);
    server.drain(life.get(), [drained] { drained->count_down(); });
    EXPECT_EQ(c.hear_all(), "");
    c.close();
    EXPECT_TRUE(drained->wait_until(steady().now() + generous));
    server.stop();
    r.stop();
  }
  work.reset();
  user.join();
}

}  // namespace lastcall::net::connection_server_test
