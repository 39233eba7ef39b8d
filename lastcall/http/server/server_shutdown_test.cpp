#include <gmock/gmock.h>

#include <cstdint>
#include <latch>
#include <string>
#include <thread>
#include <utility>

#include "lastcall/core/app/app.hpp"
#include "lastcall/core/by_median_test.hpp"
#include "lastcall/http/server/scene_test.hpp"
#include "lastcall/net/connection/line_protocol_test.hpp"

namespace lastcall::http::server_shutdown_test {

using namespace std::chrono_literals;
using net::close_result;
using net::shutdown_result;
using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::StartsWith;
using testing_net::client;
using testing_net::generous;
using testing_server::ask;
using testing_server::get;
using testing_server::hello;
using testing_server::later;
using testing_server::local;
using testing_server::scene;

TEST(server_shutdown, goes_without_delay_when_it_never_started_or_was_shut_down) {
  const time_point begin = steady().now();
  { server never(local({})); }
  {
    server it(local({}));
    it.start();
    it.shutdown(deadline(10s));
  }
  EXPECT_LT(steady().now() - begin, 900ms);
}

TEST(server_shutdown, shuts_down_gracefully_as_soon_as_the_last_request_is_answered) {
  scene s;
  server it(local(s.routes()));
  it.start();
  const auto where = it.addresses()[0];
  client c(where);
  c.say(later);
  ASSERT_TRUE(s.wait_for(1));
  EXPECT_FALSE(s.lives[0].draining());
  shutdown_result result;
  time_point returned;
  std::thread stopping([&] {
    result = it.shutdown(deadline(20s));
    returned = steady().now();
  });
  EXPECT_FALSE(s.lives[0].wait_for(generous)) << "the handler's context says that the drain began";
  EXPECT_FALSE(s.lives[0].forced());
  EXPECT_LT(s.lives[0].drain_end(), steady().now() + 20s);
  s.answers[0].send(text("done\n"));
  EXPECT_THAT(c.hear_all(), AllOf(StartsWith("HTTP/1.1 200"), HasSubstr("done\n")));
  const time_point answered = steady().now();
  c.close();
  stopping.join();
  EXPECT_LT(returned - answered, 1500ms);  // a few ms on a machine that does nothing else
  EXPECT_EQ(result.outcome, outcome::graceful);
  EXPECT_EQ(result.requests_forced + result.connections_forced, 0U);
  EXPECT_EQ(client(where).error(), ECONNREFUSED);
  EXPECT_EQ(it.requests(), (request_ledger{.begun = 1, .answered = 1}));
  EXPECT_EQ(it.connections(), (connection_ledger{.accepted = 1, .closed_clean = 1}));
}

TEST_BY_MEDIAN(server_shutdown, forces_what_is_left_before_the_deadline) {
  scene s;
  server it(local(s.routes()));
  it.start();
  client a(it.addresses()[0]), b(it.addresses()[0]);
  a.say(later);
  b.say(later);
  ASSERT_TRUE(s.wait_for(2));
  const time_point begin = steady().now();
  const shutdown_result result = it.shutdown(deadline(1500ms));
  EXPECT_LT(steady().now() - begin, 1500ms + 500ms);
  EXPECT_EQ(result.outcome, outcome::forced);
  EXPECT_EQ(result.requests_forced, 2U);
  EXPECT_EQ(result.connections_forced, 2U);
  EXPECT_TRUE(s.lives[0].forced());
  EXPECT_TRUE(s.answers[0].gone());
  EXPECT_TRUE(it.requests().adds_up());
  EXPECT_TRUE(it.connections().adds_up());
}

TEST(server_shutdown, has_time_to_cut_also_before_a_short_deadline) {
  scene s;
  server it(local(s.routes()));
  it.start();
  client c(it.addresses()[0]);
  c.say(later);
  ASSERT_TRUE(s.wait_for(1));
  const shutdown_result result = it.shutdown(deadline(150ms));  // a tenth of it would be less than last words take
  EXPECT_NE(result.outcome, outcome::graceful);
  if (result.took < 150ms) {  // else the machine was too slow to tell
    EXPECT_EQ(result.outcome, outcome::forced);
  }
}

TEST_BY_MEDIAN(server_shutdown, lets_a_handler_that_sees_force_say_so_to_its_client) {
  scene s;
  server it(local(s.routes()));
  it.start();
  client c(it.addresses()[0]);
  c.say(later);
  ASSERT_TRUE(s.wait_for(1));
  const stop_callback on_force(s.lives[0].forced_token(), [&] { s.answers[0].send(text("gave up\n", 503)); });
  std::string heard;
  std::thread listening([&] {
    heard = c.hear_all();
    c.close();
  });
  const shutdown_result result = it.shutdown(deadline(1500ms));
  listening.join();
  EXPECT_THAT(heard, AllOf(StartsWith("HTTP/1.1 503"), HasSubstr("gave up\n")));
  EXPECT_EQ(result.requests_forced, 1U) << "an answer, but not the one that was asked for";
  EXPECT_EQ(it.requests(), (request_ledger{.begun = 1, .forced = 1}));
}

TEST_BY_MEDIAN(server_shutdown, says_forced_of_a_request_whose_connection_was_not) {
  scene s;
  server it(local(s.routes()));
  it.start();
  client c(it.addresses()[0], 4096);
  c.say(later);
  ASSERT_TRUE(s.wait_for(1));
  const std::string words(400'000, 'x');  // the kernel takes them, its client never does
  const stop_callback on_force(s.lives[0].forced_token(), [&] { s.answers[0].send(text(words, 503)); });
  const shutdown_result result = it.shutdown(deadline(950ms));
  EXPECT_EQ(result.requests_forced, 1U);
  EXPECT_EQ(result.connections_forced, 0U);
  EXPECT_EQ(result.outcome, outcome::forced);
}

TEST_BY_MEDIAN(server_shutdown, cuts_a_response_on_its_way_at_the_end_and_counts_it_as_forced) {
  scene s;
  auto o = local(s.routes());
  o.routes.get("/big", [](const request&) { return text(std::string(8'000'000, 'x')); });
  server it(std::move(o));
  it.start();
  client c(it.addresses()[0], 4096);
  c.say(get("/big"));
  ASSERT_EQ(c.hear_bytes(15), "HTTP/1.1 200 OK");
  const shutdown_result result = it.shutdown(deadline(1500ms));
  EXPECT_EQ(result.outcome, outcome::forced);
  EXPECT_EQ(it.requests(), (request_ledger{.begun = 1, .forced = 1}));
  EXPECT_EQ(it.connections(), (connection_ledger{.accepted = 1, .forced = 1}));
}

TEST(server_shutdown, comes_back_by_the_deadline_although_a_handler_blocks_its_thread) {
  std::latch entered(1), released(1);
  auto o = local({});
  o.routes.get("/", [&](const request&) {
    entered.count_down();
    released.wait();
    return text("late\n");
  });
  server it(std::move(o));
  it.start();
  client c(it.addresses()[0]);
  c.say(hello);
  entered.wait();
  const time_point begin = steady().now();
  const shutdown_result result = it.shutdown(deadline(100ms));
  EXPECT_LT(steady().now() - begin, 2s);
  EXPECT_EQ(result.outcome, outcome::hung);
  released.count_down();
}

TEST(server_shutdown, cuts_at_once_when_the_deadline_has_passed) {
  scene s;
  server it(local(s.routes()));
  it.start();
  client c(it.addresses()[0]);
  c.say(later);
  ASSERT_TRUE(s.wait_for(1));
  const time_point begin = steady().now();
  EXPECT_NE(it.shutdown(deadline(0s)).outcome, outcome::graceful);
  EXPECT_LT(steady().now() - begin, 2s);
  EXPECT_EQ(c.hear_all(), "");
}

TEST(server_shutdown, says_the_same_when_it_is_asked_again) {
  server it(local({}));
  it.start();
  const shutdown_result first = it.shutdown(deadline(10s)), again = it.shutdown(deadline(0s));
  EXPECT_EQ(first.outcome, outcome::graceful);
  EXPECT_EQ(again.outcome, outcome::graceful);
  EXPECT_EQ(again.took, first.took);
}

TEST(server_shutdown, says_what_its_close_cut) {
  scene s;
  server it(local(s.routes()));
  it.start();
  client busy(it.addresses()[0]), a(it.addresses()[0]), b(it.addresses()[0]);
  busy.say(later);
  ask(a, hello);
  ask(b, hello);
  ASSERT_TRUE(s.wait_for(1));
  const close_result cut = it.close();
  EXPECT_EQ(cut.requests, 1U);
  EXPECT_EQ(cut.idle_connections, 2U);
  EXPECT_EQ(busy.hear_all(), "");
  EXPECT_TRUE(it.requests().adds_up());
  EXPECT_TRUE(it.connections().adds_up());
}

TEST(server_shutdown, can_be_started_again_on_its_port_by_the_next_process) {
  server first(local({}));
  first.start();
  const std::uint16_t port = first.addresses()[0].port();
  client c(first.addresses()[0]);
  ask(c, get("/livez"));
  EXPECT_EQ(first.shutdown(deadline(10s)).outcome, outcome::graceful);
  auto o = local({});
  o.port = port;
  server second(std::move(o));
  EXPECT_NO_THROW(second.start());
}

TEST(server_shutdown, is_driven_by_the_app_that_it_belongs_to) {
  scene s;
  app a({.grace = 10s, .signals = {}, .log = log_level::none, .environment = false});
  auto it = a.add<server>("http", local(s.routes()));
  a.start();
  client c(it->addresses()[0]);
  EXPECT_THAT(ask(c, get("/readyz")), StartsWith("HTTP/1.1 200"));
  c.say(later);
  ASSERT_TRUE(s.wait_for(1));
  std::thread stopping([&] {
    const report& r = a.shutdown(deadline(10s));
    EXPECT_EQ(r.outcome, outcome::graceful);
    EXPECT_EQ(r.exit_code, 0);
    EXPECT_EQ(r.requests(), (request_ledger{.begun = 2, .answered = 2}));
    EXPECT_EQ(r.connections(), (connection_ledger{.accepted = 1, .closed_clean = 1}));
  });
  EXPECT_FALSE(s.lives[0].wait_for(generous)) << "the app's drain reaches the handler";
  s.answers[0].send(text("done\n"));
  EXPECT_THAT(c.hear_all(), HasSubstr("done\n"));
  c.close();
  stopping.join();
}

}  // namespace lastcall::http::server_shutdown_test
