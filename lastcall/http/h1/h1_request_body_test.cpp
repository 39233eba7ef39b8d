#include <gtest/gtest.h>

#include <stop_token>
#include <string>
#include <string_view>
#include <thread>
#include <utility>

#include "lastcall/http/h1/h1_serving_test.hpp"
#include "lastcall/net/connection/line_protocol_test.hpp"

namespace lastcall::http::h1_request_body_test {

using namespace std::chrono_literals;
using testing_h1::ask;
using testing_h1::serving;
using testing_net::client;

TEST(h1_request_body, reads_a_body_cut_at_every_byte) {
  serving s;
  auto c = s.enters();
  const std::string sized = "POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhello";
  const std::string chunked =
      "POST /echo HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhe\r\n3;x=y\r\nllo\r\n0\r\nT: "
      "v\r\n\r\n";
  for (const std::string& message : {sized, chunked}) {
    for (std::size_t at = 1; at < message.size(); ++at) {
      c.say(std::string_view(message).substr(0, at));
      c.say(std::string_view(message).substr(at));
      ASSERT_EQ(next_reply(c).body, "hello") << "cut at " << at;
    }
    for (const char byte : message) c.say(std::string_view(&byte, 1));
    ASSERT_EQ(next_reply(c).body, "hello") << "byte by byte";
  }
}

TEST(h1_request_body, reads_a_body_larger_than_its_buffer_and_then_the_next_request) {
  serving s;
  auto c = s.enters();
  const std::string body(1'000'000, 'b');
  const std::string all =
      "POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 1000000\r\n\r\n" + body + request_for("/n/2");
  std::thread sender([&] { EXPECT_EQ(c.say(all), all.size()); });
  EXPECT_EQ(next_reply(c).body, body);
  EXPECT_EQ(next_reply(c).body, "2");
  sender.join();
}

TEST(h1_request_body, says_continue_to_a_client_that_waits_for_it) {
  serving s;
  auto c = s.enters();
  const std::string head = "POST /echo HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 5\r\n\r\n";
  EXPECT_EQ(ask(c, head).head, "HTTP/1.1 100 Continue\r\n\r\n");
  EXPECT_EQ(ask(c, "hello").body, "hello");
  EXPECT_EQ(ask(c, head + "again").body, "again") << "no need to say it when the body is here";
  EXPECT_EQ(s.it.requests().begun, 2U);
}

TEST(h1_request_body, refuses_a_body_beyond_the_limit_before_it_is_sent) {
  serving s({.limits = {.body_bytes = 10}});
  auto c = s.enters();
  const reply r = ask(c, "POST /echo HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 11\r\n\r\n");
  EXPECT_EQ(r.status, 413);
  EXPECT_TRUE(r.closes());
  EXPECT_EQ(c.hear_all(), "");
}

TEST(h1_request_body, answers_413_to_a_client_that_goes_on_sending) {
  serving s({.limits = {.body_bytes = 10}});
  auto c = s.enters();
  c.say("POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 1000000\r\n\r\n" + std::string(1'000'000, 'b'));
  EXPECT_EQ(next_reply(c).status, 413);
  EXPECT_EQ(c.hear_all(), "");
  EXPECT_EQ(c.heard_error(), 0) << "reset: the answer could have been lost";
}

TEST(h1_request_body, says_at_the_drain_end_that_it_is_the_server_who_cuts_a_body_that_comes_on) {
  router r;
  r.post("/", [](const request&) { return text("whole"); });
  serving_test s({.routes = std::move(r), .limits = {.body_bytes = 100'000'000}});
  client flows = s.enters(), creeps = s.enters(), stands = s.enters();
  for (client* c : {&flows, &creeps, &stands}) c->say("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 90000000\r\n\r\n");
  std::this_thread::sleep_for(1500ms);  // so that what stands still is known to
  s.drain(1s);
  std::jthread both([&](const std::stop_token& over) {
    const std::string piece(20'000, 'x');
    while (!over.stop_requested()) {
      flows.say(piece);
      creeps.say("x");
      std::this_thread::sleep_for(5ms);
    }
  });
  EXPECT_EQ(next_reply(flows).status, 503);
  EXPECT_EQ(next_reply(creeps).status, 503);
  EXPECT_EQ(next_reply(stands).status, 408);
  both.request_stop();
  both.join();
}

}  // namespace lastcall::http::h1_request_body_test
