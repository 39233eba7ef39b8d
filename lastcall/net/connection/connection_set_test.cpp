#include "lastcall/net/connection/connection_set.hpp"

#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <vector>

#include "lastcall/core/by_median_test.hpp"
#include "lastcall/net/connection/single_set_test.hpp"

namespace lastcall::net::connection_set_test {

using namespace std::chrono_literals;
using testing_net::client;
using testing_net::line_monitor;
using testing_net::single_set;

TEST(connection_set, forces_only_connections_with_work_in_progress) {
  single_set s;
  auto fresh = s.connect(), idle = s.connect(), busy = s.connect();
  idle->say("hi\n");
  EXPECT_EQ(idle->hear_until("\n"), "hi\n");
  busy->say("wait\n");
  ASSERT_TRUE(s.monitor.wait_for_lines(2));
  std::size_t forced = 0;
  s.on_loop([&] { forced = s.set.force(); });
  EXPECT_EQ(forced, 1U);
  EXPECT_EQ(s.ended(3), (connection_ledger{.accepted = 3, .closed_clean = 2, .forced = 1}));
}

TEST(connection_set, keeps_a_ledger_that_adds_up_over_all_ends) {
  single_set s;
  auto clean = s.connect(), gone = s.connect(), reset = s.connect(), cut = s.connect();
  clean->say("bye\n");
  EXPECT_EQ(clean->hear_all(), "bye\n");
  clean->close();
  gone->close();
  reset->reset();
  cut->say("cut\n");
  EXPECT_EQ(cut->hear_all(), "");
  const connection_ledger all = s.ended(4);
  EXPECT_EQ(all, (connection_ledger{
                     .accepted = 4, .closed_clean = 1, .closed_by_remote = 1, .reset_by_remote = 1, .forced = 1}));
  EXPECT_TRUE(all.adds_up());
}

TEST(connection_set, lets_a_draining_connection_finish_its_work) {
  single_set s;
  auto c = s.connect();
  c->say("wait\n");
  ASSERT_TRUE(s.monitor.wait_for_lines(1));
  s.drain();
  EXPECT_EQ(s.state_of_first(), connection_state::busy);
  s.on_loop([&] { s.monitor.change([](line_monitor& m) { EXPECT_EQ(m.drains, 1U); }); });
  s.on_loop([&] { s.monitor.open[0]->answer("done\n"); });
  EXPECT_EQ(c->hear_all(), "done\n");
  c->close();
  EXPECT_EQ(s.ended(1), (connection_ledger{.accepted = 1, .closed_clean = 1}));
}

TEST(connection_set, closes_a_draining_connection_after_its_silence_and_not_before) {
  single_set s({.idle_drain_after = 100ms, .linger = 10s, .linger_acknowledged = 20ms});
  auto idle = s.connect(), fresh = s.connect();
  const time_point quiet_since = steady().now();
  idle->say("hi\n");
  EXPECT_EQ(idle->hear_until("\n"), "hi\n");
  s.drain();
  EXPECT_EQ(idle->hear_all(), "");
  EXPECT_GE(steady().now() - quiet_since, 100ms);
  EXPECT_EQ(fresh->hear_all(), "");
  EXPECT_EQ(s.ended(2), (connection_ledger{.accepted = 2, .closed_clean = 2}));
}

TEST(connection_set, while_draining_waits_for_a_client_that_is_known_to_pause) {
  single_set s({.idle_drain_after = 1ms, .linger = 10s, .linger_acknowledged = 20ms});
  auto c = s.connect();
  c->say("one\n");
  EXPECT_EQ(c->hear_until("\n"), "one\n");
  const time_point answered = steady().now();
  while (steady().now() - answered < 60ms) s.on_loop([] {});  // the pause is what is tested
  const time_point quiet_since = steady().now();
  c->say("two\n");
  EXPECT_EQ(c->hear_until("\n"), "two\n");
  s.drain();
  EXPECT_EQ(c->hear_all(), "");
  EXPECT_GE(steady().now() - quiet_since, 50ms);
}

TEST(connection_set, while_draining_with_a_silence_of_zero_closes_at_once) {
  single_set s({.idle_drain_after = 0s, .linger = 10s, .linger_acknowledged = 20ms});
  auto c = s.connect();
  c->say("hi\n");
  EXPECT_EQ(c->hear_until("\n"), "hi\n");
  s.drain();
  EXPECT_NE(s.state_of_first(), connection_state::idle);
}

TEST(connection_set, tells_a_newcomer_of_a_drain_that_began_before) {
  single_set s;
  s.drain();
  auto c = s.connect();
  EXPECT_EQ(c->hear_all(), "");  // closed as silent
  EXPECT_EQ(s.ended(1).closed_clean, 1U);
  EXPECT_EQ(s.monitor.drains, 1U);
}

TEST(connection_set, leaves_a_busy_connection_to_force_at_the_drain_end) {
  single_set s;
  auto c = s.connect();
  c->say("wait\n");
  ASSERT_TRUE(s.monitor.wait_for_lines(1));
  s.drain(10ms);
  const time_point drain_end = steady().now() + 10ms;
  while (steady().now() < drain_end + 20ms) s.on_loop([] {});  // beyond it, in time and on the loop
  EXPECT_EQ(s.state_of_first(), connection_state::busy);
  s.on_loop([&] { s.set.force(); });
  EXPECT_EQ(s.ended(1), (connection_ledger{.accepted = 1, .forced = 1}));
}

TEST(connection_set, counts_a_farewell_that_is_cut_as_timed_out_and_not_forced) {
  single_set s({.idle_drain_after = 30ms, .linger = 10s, .linger_acknowledged = 10s});
  auto deaf = s.connect(4096);
  deaf->say("fill\n");
  ASSERT_TRUE(s.monitor.wait_for_lines(1));
  std::size_t forced = 9;
  s.on_loop([&] { forced = s.set.force(); });
  EXPECT_EQ(forced, 0U);
  EXPECT_EQ(s.ended(1), (connection_ledger{.accepted = 1, .timed_out = 1}));
}

TEST(connection_set, is_finished_at_once_when_empty_and_else_with_its_last) {
  single_set s;
  int finished = 0;
  s.on_loop([&] { s.set.finish([&] { ++finished; }); });
  EXPECT_EQ(finished, 1);
  auto a = s.connect(), b = s.connect();
  bool open_when_finished = false;
  s.on_loop([&] {
    s.set.finish([&] {
      ++finished;
      open_when_finished = s.set.counts().open() != 0;
    });
  });
  a->close();
  s.ended(1);
  s.on_loop([&] { EXPECT_EQ(finished, 1); });
  b->close();
  s.ended(2);
  s.on_loop([&] {  // on the loop: the ledger is written before the set says that it is finished
    EXPECT_EQ(finished, 2);
    EXPECT_FALSE(open_when_finished);
  });
}

TEST(connection_set, gives_handlers_time_for_last_words_after_force) {
  single_set s({.idle_drain_after = 30ms, .linger = 10s, .linger_acknowledged = 10s}, 5s);
  auto c = s.connect();
  c->say("wait\n");
  ASSERT_TRUE(s.monitor.wait_for_lines(1));
  s.on_loop([&] { s.set.force_soon(); });
  s.on_loop([&] { s.monitor.open.at(0)->answer("503\n"); });
  EXPECT_EQ(c->hear_all(), "503\n");
  EXPECT_EQ(c->heard_error(), 0);
  c->close();
  EXPECT_EQ(s.ended(1), (connection_ledger{.accepted = 1, .closed_clean = 1}));
}

TEST(connection_set, cuts_a_handler_without_last_words) {
  single_set s({.idle_drain_after = 30ms, .linger = 10s, .linger_acknowledged = 10s}, 1ms);
  auto c = s.connect();
  c->say("wait\n");
  ASSERT_TRUE(s.monitor.wait_for_lines(1));
  s.on_loop([&] { s.set.force_soon(); });
  EXPECT_EQ(c->hear_all(), "");
  EXPECT_EQ(s.ended(1), (connection_ledger{.accepted = 1, .forced = 1}));
}

/// Whether the moments are spread over the window. What is expected besides must hold each time.
bool long_lived_are_told_all_over_the_window() {
  single_set s({.idle_drain_after = 30ms, .linger = 10s, .linger_acknowledged = 20ms, .jitter = 400ms});
  std::vector<std::unique_ptr<client>> clients;
  for (int i = 0; i < 20; ++i) clients.push_back(s.connect());
  for (auto& c : clients) c->say("stay\n");
  EXPECT_TRUE(s.monitor.wait_for_lines(20));
  const time_point began = steady().now();
  s.drain();
  for (auto& c : clients) {
    EXPECT_EQ(c->hear_all(), "told\n");
    c->close();
  }
  EXPECT_EQ(s.ended(20), (connection_ledger{.accepted = 20, .closed_clean = 20}));
  EXPECT_GE(steady().now() - began, 100ms) << "not all at once";
  EXPECT_EQ(s.numbers().told, 20U);
  EXPECT_EQ(s.numbers(connection_kind::tcp).told, 20U);
  std::size_t tenths = 0;
  for (const std::uint64_t told : s.numbers().told_in_tenth) tenths += told > 0 ? 1 : 0;
  return tenths >= 4;
}

TEST(connection_set, tells_each_long_lived_remote_at_its_own_moment_of_the_window) {
  EXPECT_TRUE(median_says(long_lived_are_told_all_over_the_window));
}

TEST(connection_set, tells_a_long_lived_remote_that_comes_late_too) {
  single_set s({.idle_drain_after = 10s, .linger = 10s, .linger_acknowledged = 20ms, .jitter = 1ms});
  s.drain();
  auto c = s.connect();
  c->say("stay\n");
  EXPECT_EQ(c->hear_all(), "told\n");
}

TEST(connection_set, replaces_a_connection_and_keeps_one_in_the_ledger) {
  single_set s;
  auto c = s.connect();
  c->say("replace\nfirst\n");
  EXPECT_EQ(c->hear_until("first\n"), "replace\nfirst\n") << "what came behind is not lost";
  c->say("second\n");
  EXPECT_EQ(c->hear_until("\n"), "second\n");
  s.on_loop([&] {
    EXPECT_EQ(s.set.counts().open(), 1U);
    EXPECT_EQ(s.numbers(connection_kind::tcp).open, 0U);
    EXPECT_EQ(s.numbers(connection_kind::websocket).open, 1U);
  });
  c->say("bye\n");
  EXPECT_EQ(c->hear_all(), "bye\n");
  c->close();
  EXPECT_EQ(s.ended(1), (connection_ledger{.accepted = 1, .closed_clean = 1}));
  s.on_loop([&] { EXPECT_EQ(s.numbers(connection_kind::websocket).open, 0U); });
}

TEST(connection_set, tells_the_replacement_of_the_drain_too) {
  single_set s({.idle_drain_after = 20s, .linger = 10s, .linger_acknowledged = 20ms});
  auto c = s.connect();
  s.drain();
  c->say("replace\nstay\n");
  EXPECT_EQ(c->hear_all(), "replace\ntold\n");
  EXPECT_TRUE(s.monitor.wait_until([](line_monitor& m) { return m.drains == 2; }));
}

}  // namespace lastcall::net::connection_set_test
