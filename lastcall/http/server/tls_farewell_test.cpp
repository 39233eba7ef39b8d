// The server over TLS: how connections end, by close_notify and in a drain.
#include <gmock/gmock.h>
#include <poll.h>

#include <string>
#include <utility>

#include "lastcall/http/server/tls_serving_test.hpp"

namespace lastcall::http::tls_farewell_test {

using namespace std::chrono_literals;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using testing_net::tls_client;

struct tls_farewell : testing_tls::tls_serving {};

TEST_F(tls_farewell, says_close_notify_before_fin) {
  serving_test s(options());
  for (const int version : {TLS1_2_VERSION, TLS1_3_VERSION}) {
    auto c = enters(s, {.most = version});
    ASSERT_TRUE(c.shake_hands());
    c.say(request_for("/", "Connection: close\r\n"));
    EXPECT_EQ(next_reply(c).body, "secure\n");
    EXPECT_THAT(c.hear_all(), IsEmpty());
    EXPECT_TRUE(c.told_of_the_end());
    EXPECT_TRUE(c.fin_follows());
  }
}

TEST_F(tls_farewell, answers_close_notify_with_its_own) {
  serving_test s(options());
  auto c = enters(s);
  ASSERT_TRUE(c.shake_hands());
  c.say(request_for("/"));
  next_reply(c);
  c.say_close();
  c.hear_all();
  EXPECT_TRUE(c.told_of_the_end());
  EXPECT_TRUE(c.fin_follows());
  EXPECT_TRUE(s.eventually([&] { return s.it.connections().closed_by_remote == 1; }));
}

TEST_F(tls_farewell, still_answers_who_has_said_close_notify) {
  serving_test s(options());
  auto c = enters(s);
  ASSERT_TRUE(c.shake_hands());
  c.say(request_for("/slow"));
  c.say_close();
  EXPECT_EQ(next_reply(c).body, "slow\n");
  c.hear_all();
  EXPECT_TRUE(c.told_of_the_end());
}

TEST_F(tls_farewell, counts_ends_without_close_notify) {
  serving_test s(options());
  auto c = enters(s);
  ASSERT_TRUE(c.shake_hands());
  c.say(request_for("/"));
  next_reply(c);
  c.end_sending();
  c.hear_all();
  EXPECT_TRUE(s.eventually([&] { return s.it.connections().closed_by_remote == 1; }));
  EXPECT_THAT(fields(s), HasSubstr("tls_cut_off=1"));
}

TEST_F(tls_farewell, drains_idle_and_busy_connections_with_close_notify) {
  serving_test s(options());
  auto idle = enters(s), busy = enters(s), unused = enters(s);
  for (tls_client* c : {&idle, &busy, &unused}) ASSERT_TRUE(c->shake_hands());
  idle.say(request_for("/"));
  next_reply(idle);
  busy.say(request_for("/slow"));
  ASSERT_TRUE(s.eventually([&] { return s.it.requests().begun == 2; }));
  s.drain();
  EXPECT_EQ(next_reply(busy).body, "slow\n");
  for (tls_client* c : {&idle, &busy, &unused}) {
    c->hear_all();
    EXPECT_TRUE(c->told_of_the_end());
    EXPECT_TRUE(c->fin_follows());
    c->say_close();
    c->close();
  }
  EXPECT_TRUE(s.wait_drained());
  EXPECT_EQ(s.it.connections().closed_clean, 3u);
  EXPECT_THAT(fields(s), HasSubstr("crossed_our_fin=0"));
}

TEST_F(tls_farewell, answers_in_a_drain_what_came_while_a_handler_was_at_work) {
  serving_test s(options());
  auto c = enters(s);
  ASSERT_TRUE(c.shake_hands());
  c.say(request_for("/slow"));
  EXPECT_TRUE(s.eventually([&] { return s.it.requests().begun == 1; }));
  c.say(request_for("/"));
  s.drain();
  EXPECT_EQ(next_reply(c).body, "slow\n");
  const reply last = next_reply(c);
  EXPECT_EQ(last.body, "secure\n");
  EXPECT_TRUE(last.closes());
}

TEST_F(tls_farewell, finishes_or_refuses_handshakes_that_are_in_progress_at_the_drain) {
  auto o = options();
  o.idle_drain_after = 2s;
  serving_test s(std::move(o));
  auto before = enters(s), halfway = enters(s), between = enters(s), stalled = enters(s), silent = enters(s);
  const std::string hello = halfway.hello();
  halfway.say_raw(hello.substr(0, 40));
  between.say_raw(between.hello());
  stalled.say_raw(stalled.hello().substr(0, 40));
  ASSERT_TRUE(s.eventually([&] { return s.it.connections().accepted == 5; }));
  pollfd answer{.fd = between.fd(), .events = POLLIN, .revents = 0};
  ASSERT_EQ(::poll(&answer, 1, 10'000), 1);
  s.drain();
  halfway.say_raw(hello.substr(40));
  for (tls_client* c : {&before, &halfway, &between}) {
    ASSERT_TRUE(c->shake_hands());
    c->say(request_for("/"));
    const reply r = next_reply(*c);
    EXPECT_EQ(r.body, "secure\n");
    EXPECT_TRUE(r.closes());
    c->hear_all();
    EXPECT_TRUE(c->told_of_the_end());
    c->close();
  }
  EXPECT_FALSE(stalled.shake_hands());
  EXPECT_TRUE(stalled.fin_follows());
  EXPECT_TRUE(silent.fin_follows());
  stalled.close();
  silent.close();
  EXPECT_TRUE(s.wait_drained());
  EXPECT_EQ(s.it.connections().forced, 0u);
  EXPECT_THAT(fields(s), HasSubstr("tls_failed_drained=2"));
}

}  // namespace lastcall::http::tls_farewell_test
