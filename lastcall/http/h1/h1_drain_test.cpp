#include <gmock/gmock.h>

#include <string>

#include "lastcall/http/h1/h1_serving_test.hpp"
#include "lastcall/net/connection/line_protocol_test.hpp"

namespace lastcall::http::h1_drain_test {

using namespace std::chrono_literals;
using ::testing::HasSubstr;
using ::testing::Not;
using testing_h1::ask;
using testing_h1::quiet_for;
using testing_h1::serving;
using testing_net::client;

TEST(h1_drain, draining_says_close_with_the_last_complete_request_of_a_pipeline_only) {
  serving s;
  auto c = s.enters();
  c.say(request_for("/later") + request_for("/n/2") + request_for("/n/3"));
  s.later.at(0);
  s.drain();
  s.later.at(0).send(text("1"));
  EXPECT_FALSE(next_reply(c).closes());
  EXPECT_FALSE(next_reply(c).closes());
  const reply last = next_reply(c);
  EXPECT_EQ(last.body, "3");
  EXPECT_TRUE(last.closes());
  EXPECT_EQ(c.hear_all(), "");
  c.close();
  ASSERT_TRUE(s.wait_drained());
  EXPECT_EQ(s.it.connections(), (connection_ledger{.accepted = 1, .closed_clean = 1}));
}

TEST(h1_drain, draining_answers_what_came_while_a_handler_was_at_work) {
  serving s;
  auto c = s.enters();
  c.say(request_for("/later"));
  s.later.at(0);
  c.say(request_for("/n/2"));  // into the kernel: nobody reads before the answer
  s.drain();
  s.later.at(0).send(text("1"));
  EXPECT_FALSE(next_reply(c).closes());
  const reply last = next_reply(c);
  EXPECT_EQ(last.body, "2");
  EXPECT_TRUE(last.closes());
  EXPECT_EQ(c.hear_all(), "");
}

TEST(h1_drain, draining_waits_for_the_rest_of_a_request_that_has_begun) {
  serving s;
  auto c = s.enters();
  const std::string second = request_for("/n/2");
  c.say(request_for("/later") + second.substr(0, 10));
  s.later.at(0);
  s.drain();
  s.later.at(0).send(text("1"));
  EXPECT_FALSE(next_reply(c).closes());
  const reply last = ask(c, second.substr(10));
  EXPECT_EQ(last.body, "2");
  EXPECT_TRUE(last.closes());
  c.close();
  ASSERT_TRUE(s.wait_drained());
}

TEST(h1_drain, draining_answers_the_next_request_of_an_idle_client_with_close) {
  serving s({.idle_drain_after = 5s});
  auto busy = s.enters(), idle = s.enters();
  busy.say(request_for("/later"));
  s.later.at(0);
  EXPECT_EQ(ask(idle, request_for("/")).status, 200);
  s.drain();
  EXPECT_EQ(client(s.it.addresses()[0]).error(), ECONNREFUSED);
  const reply r = ask(idle, request_for("/"));
  EXPECT_EQ(r.body, "hello\n");
  EXPECT_TRUE(r.closes());
  EXPECT_EQ(idle.hear_all(), "");
  idle.close();
  s.later.at(0).send(text("done"));
  const reply done = next_reply(busy);
  EXPECT_EQ(done.body, "done");
  EXPECT_TRUE(done.closes());
  busy.close();
  ASSERT_TRUE(s.wait_drained());
  EXPECT_TRUE(s.it.connections().adds_up());
  EXPECT_TRUE(s.it.requests().adds_up());
}

TEST(h1_drain, draining_treats_a_client_whose_head_was_out_already_as_idle) {
  serving s;
  auto c = s.enters(4096);
  c.say(request_for("/big"));
  ASSERT_EQ(c.hear_bytes(15), "HTTP/1.1 200 OK");
  s.drain();
  EXPECT_THAT(c.hear_until("\r\n\r\n"), Not(HasSubstr("Connection: close")));
  EXPECT_EQ(c.hear_bytes(8'000'000).size(), 8'000'000U);
  EXPECT_EQ(c.hear_all(), "");
  EXPECT_EQ(c.heard_error(), 0);
  c.close();
  ASSERT_TRUE(s.wait_drained());
  EXPECT_EQ(s.it.requests(), (request_ledger{.begun = 1, .answered = 1}));
}

TEST(h1_drain, draining_finishes_an_upload) {
  serving s;
  auto c = s.enters();
  c.say("POST /echo HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 10\r\n\r\n");
  EXPECT_THAT(next_reply(c).head, HasSubstr("100 Continue"));
  c.say("hello");
  s.drain();
  EXPECT_TRUE(quiet_for(c, 60ms)) << "longer than the silence of an idle one";
  const reply r = ask(c, "world");
  EXPECT_EQ(r.body, "helloworld");
  EXPECT_TRUE(r.closes());
  c.close();
  ASSERT_TRUE(s.wait_drained());
}

}  // namespace lastcall::http::h1_drain_test
