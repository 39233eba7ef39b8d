#include "lastcall/http/h1/h1_connection.hpp"

#include <gmock/gmock.h>

#include <cstdint>
#include <string>
#include <utility>

#include "lastcall/core/by_median_test.hpp"
#include "lastcall/http/h1/h1_serving_test.hpp"
#include "lastcall/http/routing/responder.hpp"
#include "lastcall/net/connection/line_protocol_test.hpp"

namespace lastcall::http::h1_connection_test {

using namespace std::chrono_literals;
using ::testing::AllOf;
using ::testing::HasSubstr;
using testing_h1::ask;
using testing_h1::quiet_for;
using testing_h1::serving;
using testing_net::client;

TEST(h1_connection, answers_and_keeps_the_connection) {
  serving s;
  auto c = s.enters();
  for (int i = 0; i < 3; ++i) {
    const reply r = ask(c, request_for("/"));
    EXPECT_EQ(r.status, 200);
    EXPECT_EQ(r.body, "hello\n");
    EXPECT_THAT(r.head, AllOf(HasSubstr("\r\nDate: "), HasSubstr("\r\nContent-Length: 6\r\n")));
    EXPECT_FALSE(r.closes());
  }
  EXPECT_TRUE(s.eventually([&] { return s.it.requests().answered == 3; }));
  EXPECT_EQ(s.it.connections().accepted, 1U);
}

TEST(h1_connection, keeps_a_served_connection_for_longer_than_a_newcomer_may_take) {
  serving s({.limits = {.head_time = 50ms}});
  auto c = s.enters();
  EXPECT_EQ(ask(c, request_for("/")).status, 200);
  EXPECT_TRUE(quiet_for(c, 200ms)) << "closed as if it had said nothing";
  EXPECT_EQ(ask(c, request_for("/")).status, 200);
}

TEST(h1_connection, closes_an_idle_connection_after_its_time_without_an_answer) {
  serving s({.limits = {.idle_close_after = 30ms}});
  auto c = s.enters();
  EXPECT_EQ(ask(c, request_for("/")).status, 200);
  EXPECT_EQ(c.hear_all(), "");
  EXPECT_EQ(c.heard_error(), 0);
  c.close();
  EXPECT_TRUE(s.eventually([&] { return s.it.connections().closed_clean == 1; }));
}

TEST_BY_MEDIAN(h1_connection, counts_idleness_from_each_answer_on) {
  server_options o;
  o.limits.idle_close_after = 600ms;
  serving s(std::move(o));
  auto c = s.enters();
  EXPECT_EQ(ask(c, request_for("/")).status, 200);
  EXPECT_TRUE(quiet_for(c, 450ms));
  EXPECT_EQ(ask(c, request_for("/")).status, 200);
  EXPECT_TRUE(quiet_for(c, 450ms)) << "the time of the first answer was over";
  EXPECT_EQ(c.hear_until("never"), "");
}

TEST(h1_connection, closes_when_asked_to) {
  serving s;
  auto c = s.enters();
  const reply r = ask(c, request_for("/", "Connection: close\r\n"));
  EXPECT_EQ(r.body, "hello\n");
  EXPECT_TRUE(r.closes());
  EXPECT_EQ(c.hear_all(), "");
}

TEST(h1_connection, reads_nothing_behind_a_request_that_asks_to_close) {
  serving s;
  auto c = s.enters();
  c.say(request_for("/", "Connection: close\r\n") + request_for("/n/2"));
  EXPECT_TRUE(next_reply(c).closes());
  EXPECT_EQ(c.hear_all(), "");
  EXPECT_EQ(c.heard_error(), 0);
  EXPECT_EQ(s.it.requests().begun, 1U);
}

TEST(h1_connection, serves_http_1_0_clients_as_they_expect) {
  serving s;
  auto once = s.enters();
  const reply last = ask(once, "GET / HTTP/1.0\r\n\r\n");
  EXPECT_EQ(last.body, "hello\n");
  EXPECT_TRUE(last.closes());
  EXPECT_EQ(once.hear_all(), "");

  auto kept = s.enters();
  for (int i = 0; i < 2; ++i)
    EXPECT_THAT(ask(kept, "GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n").head,
                HasSubstr("\r\nConnection: keep-alive\r\n"));
}

TEST(h1_connection, answers_head_with_the_length_only) {
  serving s;
  auto c = s.enters();
  c.say("HEAD / HTTP/1.1\r\nHost: a\r\n\r\n" + request_for("/n/2"));
  EXPECT_THAT(next_reply(c, true).head, HasSubstr("\r\nContent-Length: 6\r\n"));
  EXPECT_EQ(next_reply(c).body, "2");
}

TEST(h1_connection, skips_blank_lines_before_a_request) {
  serving s;
  auto c = s.enters();
  EXPECT_EQ(ask(c, "\r\n\r\n" + request_for("/n/1")).body, "1");
  c.say("\r\n");
  EXPECT_EQ(ask(c, request_for("/n/2")).body, "2");
  EXPECT_EQ(s.it.requests().begun, 2U);
}

TEST(h1_connection, refuses_what_it_cannot_read_and_closes) {
  serving s({.limits = {.head_bytes = 512}});
  const std::pair<int, std::string> refusals[] = {
      {400, "nonsense\r\n\r\n"},
      {400, "GET / HTTP/1.1\r\n\r\n"},  // no Host
      {400, "GET / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n"},
      {400, "POST /echo HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n"},
      {414, "GET /" + std::string(600, 'a') + " HTTP/1.1\r\nHost: a\r\n\r\n"},
      {431, request_for("/", "X: " + std::string(600, 'a') + "\r\n")},
      {501, "POST /echo HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: gzip, chunked\r\n\r\n"},
      {505, "GET / HTTP/2.0\r\nHost: a\r\n\r\n"},
  };
  std::uint64_t refused = 0;
  for (const auto& [status, bytes] : refusals) {
    auto c = s.enters();
    const reply r = ask(c, bytes);
    EXPECT_EQ(r.status, status) << bytes;
    EXPECT_TRUE(r.closes());
    EXPECT_EQ(c.hear_all(), "");
    EXPECT_EQ(c.heard_error(), 0);
    EXPECT_EQ(s.it.requests().rejected, ++refused);
  }
  EXPECT_TRUE(s.it.requests().adds_up());
}

TEST(h1_connection, keeps_the_connection_after_404_and_405) {
  serving s;
  auto c = s.enters();
  EXPECT_EQ(ask(c, request_for("/nowhere")).status, 404);
  const reply r = ask(c, "DELETE / HTTP/1.1\r\nHost: a\r\n\r\n");
  EXPECT_EQ(r.status, 405);
  EXPECT_THAT(r.head, HasSubstr("\r\nAllow: "));
  EXPECT_EQ(ask(c, request_for("/")).status, 200);
  EXPECT_TRUE(
      s.eventually([&] { return s.it.requests() == request_ledger{.begun = 3, .answered = 1, .rejected = 2}; }));
}

TEST(h1_connection, answers_408_to_a_head_and_a_body_that_take_too_long) {
  serving s({.limits = {.head_time = 40ms, .body_time = 40ms}});
  auto head = s.enters(), body = s.enters();
  head.say("GET / HT");
  body.say("POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhe");
  for (client* c : {&head, &body}) {
    EXPECT_EQ(next_reply(*c).status, 408);
    EXPECT_EQ(c->hear_all(), "");
    c->close();
  }
  EXPECT_TRUE(s.eventually([&] { return s.it.connections().timed_out == 2; }));
  EXPECT_EQ(s.it.requests(), (request_ledger{.begun = 2, .rejected = 2}));
}

TEST(h1_connection, counts_a_request_that_its_client_left_unfinished) {
  serving s;
  auto c = s.enters();
  c.say("GET / HT");
  c.finish_sending();
  EXPECT_EQ(c.hear_all(), "");
  EXPECT_TRUE(s.eventually([&] { return s.it.requests().abandoned_by_client == 1; }));
  EXPECT_TRUE(s.it.requests().adds_up());
}

TEST(h1_connection, answers_500_for_what_a_handler_throws_and_goes_on) {
  serving s;
  auto c = s.enters();
  for (const char* target : {"/throws", "/throws-7", "/throws-later", "/dropped"}) {
    EXPECT_EQ(ask(c, request_for(target)).status, 500) << target;
  }
  EXPECT_EQ(ask(c, request_for("/")).status, 200);
  EXPECT_TRUE(s.eventually([&] { return s.it.requests().answered == 5; }));
}

TEST(h1_connection, answers_503_for_a_handler_that_lets_unavailable_out) {
  serving s;
  auto c = s.enters();
  const auto reply = ask(c, request_for("/unavailable"));
  EXPECT_EQ(reply.status, 503);
  EXPECT_NE(reply.head.find("\r\nRetry-After: 2\r\n"), std::string::npos) << reply.head;
  EXPECT_EQ(reply.body.find("no lease"), std::string::npos) << "what it says is for the log";
  EXPECT_EQ(ask(c, request_for("/")).status, 200);
}

TEST(h1_connection, answers_a_half_closed_client_at_once_or_later) {
  serving s;
  auto at_once = s.enters(), later = s.enters();
  at_once.say(request_for("/n/1") + request_for("/n/2"));
  at_once.finish_sending();
  EXPECT_EQ(next_reply(at_once).body, "1");
  EXPECT_EQ(next_reply(at_once).body, "2");
  EXPECT_EQ(at_once.hear_all(), "");
  later.say(request_for("/later") + request_for("/n/2"));
  later.finish_sending();
  responder& r = s.later.at(0);
  EXPECT_FALSE(r.gone()) << "half-closed is not gone";
  r.send(text("1"));
  EXPECT_EQ(next_reply(later).body, "1");
  EXPECT_EQ(next_reply(later).body, "2");
  EXPECT_EQ(later.hear_all(), "");
  EXPECT_TRUE(s.eventually([&] { return s.it.connections().closed_by_remote == 2; }));
  EXPECT_EQ(s.it.requests(), (request_ledger{.begun = 4, .answered = 4}));
}

}  // namespace lastcall::http::h1_connection_test
