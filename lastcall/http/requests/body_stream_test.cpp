#include <gmock/gmock.h>

#include <string>
#include <utility>

#include "lastcall/http/requests/streams_test.hpp"

namespace lastcall::http::body_stream_test {

using namespace std::chrono_literals;
using ::testing::HasSubstr;
using testing_streams::chunk;
using testing_streams::post;
using testing_streams::streams;

TEST(body_stream, takes_a_body_larger_than_any_buffer_by_length_and_by_chunks) {
  streams s({.limits = {.body_bytes = 64 * 1024 * 1024}});
  for (const std::string target : {"/sum", "/sum-blocking"}) {
    auto c = s.enters();
    const std::string piece(300'000, 'b');
    c.say(post(target, "Content-Length: 3000000\r\n"));
    for (int i = 0; i < 10; ++i) c.say(piece);
    EXPECT_EQ(next_reply(c).body, "3000000") << target;
    c.say(post(target, "Transfer-Encoding: chunked\r\n"));
    for (int i = 0; i < 10; ++i) c.say(chunk(piece));
    c.say("0\r\nSum: \t 42 \r\nOther:\r\n\r\n" + request_for("/"));
    const reply r = next_reply(c);
    EXPECT_EQ(r.body, "3000000") << target;
    if (target == "/sum") {
      EXPECT_THAT(r.head, HasSubstr("\r\nX-Sum: 42\r\n"));
    }
    EXPECT_EQ(next_reply(c).body, "hello\n") << "what follows the body is the next request";
  }
  EXPECT_GE(s.saw.pieces, 20);
}

TEST(body_stream, a_body_that_is_not_read_stays_with_its_client) {
  streams s({.limits = {.body_bytes = 1024 * 1024 * 1024}});
  auto c = s.enters();
  c.say(post("/ignore", "Content-Length: 100000000\r\n"));
  const reply r = next_reply(c);
  EXPECT_EQ(r.body, "ignored\n");
  EXPECT_TRUE(r.closes()) << "the rest would be taken for a request";
  auto all_here = s.enters();
  all_here.say(post("/ignore", "Content-Length: 5\r\n") + "12345" + request_for("/"));
  EXPECT_EQ(next_reply(all_here).body, "ignored\n");
  EXPECT_EQ(next_reply(all_here).body, "hello\n") << "all of it was here, so the connection goes on";
}

TEST(body_stream, a_body_beyond_its_limit_is_413_for_its_route_or_for_all) {
  streams s({.limits = {.body_bytes = 100}});
  auto by_length = s.enters();
  by_length.say(post("/sum", "Content-Length: 101\r\n"));
  EXPECT_EQ(next_reply(by_length).status, 413);
  auto by_chunks = s.enters();
  by_chunks.say(post("/sum", "Transfer-Encoding: chunked\r\n") + chunk(std::string(90, 'a')));
  ASSERT_TRUE(s.eventually([&] { return s.saw.pieces > 0; }));
  by_chunks.say(chunk(std::string(90, 'a')));
  const reply late = next_reply(by_chunks);
  EXPECT_EQ(late.status, 413);
  EXPECT_TRUE(late.closes());
  EXPECT_EQ(s.saw.last_status, 413);
  auto route = s.enters();
  route.say(post("/sum-small", "Content-Length: 11\r\n"));
  EXPECT_EQ(next_reply(route).status, 413);
}

TEST(body_stream, malformed_and_slow_bodies_are_told_to_handler_and_client) {
  streams s({.limits = {.body_time = 50ms}});
  auto malformed = s.enters();
  malformed.say(post("/sum", "Transfer-Encoding: chunked\r\n") + "x\r\n");
  EXPECT_EQ(next_reply(malformed).status, 400);
  EXPECT_EQ(s.saw.last_status, 400);
  for (const std::string target : {"/sum", "/sum-blocking"}) {
    auto slow = s.enters();
    slow.say(post(target, "Content-Length: 10\r\n") + "123");
    const reply r = next_reply(slow);
    EXPECT_EQ(r.status, 408) << target;
    EXPECT_TRUE(r.closes());
  }
  EXPECT_EQ(s.saw.last_status, 408);
}

TEST(body_stream, a_client_that_leaves_in_the_middle_of_its_body_is_told_to_the_handler) {
  streams s;
  auto gone = s.enters(), cut = s.enters();
  gone.say(post("/sum", "Content-Length: 10\r\n") + "123");
  cut.say(post("/sum", "Content-Length: 10\r\n") + "123");
  ASSERT_TRUE(s.eventually([&] { return s.saw.pieces == 2; }));
  gone.close();
  cut.reset();
  EXPECT_TRUE(s.eventually([&] { return s.saw.failures == 2; }));
  EXPECT_EQ(s.saw.last_status, 0);
  EXPECT_TRUE(s.eventually([&] { return s.it.requests().adds_up(); }));
  EXPECT_EQ(s.it.requests().abandoned_by_client, 2U);
}

TEST(body_stream, one_that_outlives_its_answer_gives_an_error_and_no_bytes_of_another_request) {
  streams s;
  auto c = s.enters();
  c.say(post("/late", "Content-Length: 3\r\n") + "abc");
  EXPECT_EQ(next_reply(c).body, "answered\n");
  c.say(post("/buffered", "Content-Length: 3\r\n") + "abc");
  EXPECT_EQ(next_reply(c).body, "3");
  EXPECT_TRUE(s.eventually([&] { return s.saw.failures == 1; }));
  EXPECT_EQ(s.saw.last_status, 0);
}

TEST(body_stream, continue_is_sent_when_the_body_is_wanted_and_not_before) {
  streams s;
  const std::string expects = "Content-Length: 5\r\nExpect: 100-continue\r\n";
  for (const std::string target : {"/sum", "/sum-blocking", "/buffered"}) {
    auto c = s.enters();
    c.say(post(target, expects));
    EXPECT_EQ(c.hear_until("\r\n\r\n"), "HTTP/1.1 100 Continue\r\n\r\n") << target;
    c.say("12345");
    EXPECT_EQ(next_reply(c).body, "5") << target;
  }
  auto begun = s.enters();
  begun.say(post("/sum", expects) + "12345");
  EXPECT_EQ(next_reply(begun).body, "5") << "a body that is here needs no invitation";
  for (const auto& [target, status] :
       {std::pair{"/ignore", 200}, std::pair{"/nowhere", 404}, std::pair{"/async", 405}}) {
    auto c = s.enters();
    c.say(post(target, expects));
    const reply r = next_reply(c);
    EXPECT_EQ(r.status, status) << target;
    EXPECT_TRUE(r.closes()) << target;
    EXPECT_EQ(c.hear_all(), "");
  }
}

TEST(body_stream, a_body_is_taken_in_large_pieces_also_far_behind_in_a_pipeline) {
  streams s({.limits = {.body_bytes = 1'000'000}});
  auto c = s.enters();
  std::string pipeline;
  for (int i = 0; i < 3; ++i) pipeline += request_for("/", "X: " + std::string(10'800, 'x') + "\r\n");
  c.say(pipeline + post("/sum", "Content-Length: 500000\r\n"));
  for (int i = 0; i < 3; ++i) EXPECT_EQ(next_reply(c).status, 200);
  c.say(std::string(500'000, 'b'));
  EXPECT_EQ(next_reply(c).body, "500000");
  EXPECT_LT(s.saw.pieces, 5'000);
}

TEST(body_stream, trailers_never_change_what_the_message_is) {
  router r;
  r.post("/", [](const request&, body_stream in) -> task<response> {
    while (co_await in.read()) {}
    co_return text(std::string(in.trailer("Content-Length")).append(in.trailer("host")).append(in.trailer("sum")));
  });
  serving_test s({.routes = std::move(r)});
  auto c = s.enters();
  c.say(post("/", "Transfer-Encoding: chunked\r\n") + "0\r\nContent-Length: 7\r\nHost: evil\r\nSum: 42\r\n\r\n");
  EXPECT_EQ(next_reply(c).body, "42");
}

}  // namespace lastcall::http::body_stream_test
