#include "lastcall/http/requests/streaming.hpp"

#include <gmock/gmock.h>

#include <cstdint>
#include <string>
#include <thread>
#include <utility>

#include "lastcall/http/files/file.hpp"
#include "lastcall/http/requests/streams_test.hpp"
#include "lastcall/net/connection/line_protocol_test.hpp"

namespace lastcall::http::streaming_test {

using namespace std::chrono_literals;
using ::testing::EndsWith;
using ::testing::HasSubstr;
using ::testing::Not;
using testing_net::client;
using testing_streams::chunk;
using testing_streams::post;
using testing_streams::streams;

TEST(streaming, a_body_that_answers_before_the_request_is_read_says_that_it_is_the_last) {
  server_options o;
  o.routes.post("/file",
                [](const request& req, body_stream) -> task<response> { co_return file(req, "/proc/self/exe", "x"); });
  o.routes.post("/made", [](const request&, body_stream) -> task<response> {
    co_return streamed([](body_writer to) -> task<> { co_await to.write("x"); });
  });
  o.routes.post("/failed", [](const request&, body_stream in) -> task<response> {
    try {
      while (co_await in.read()) {}
    } catch (const body_error&) {}
    co_return streamed([](body_writer to) -> task<> { co_await to.write("x"); });
  });
  streams s(std::move(o));
  for (const auto& [target, more] : {std::pair{"/file", "Content-Length: 5\r\n"},
                                     {"/file", "Content-Length: 5\r\nExpect: 100-continue\r\n"},
                                     {"/made", "Content-Length: 5\r\nExpect: 100-continue\r\n"},
                                     {"/failed", "Transfer-Encoding: chunked\r\n\r\nnone"}}) {
    auto c = s.enters();
    c.say(post(target, more));
    EXPECT_TRUE(next_reply(c).closes()) << target << more;
    EXPECT_EQ(c.hear_all(), "");
  }
  auto whole = s.enters();
  whole.say(post("/file", "Content-Length: 5\r\n") + "12345");
  EXPECT_FALSE(next_reply(whole).closes());
  auto late = s.enters();
  late.say(post("/echo", "Content-Length: 5\r\nExpect: 100-continue\r\n"));
  EXPECT_THAT(late.hear_until("\r\n\r\n"), HasSubstr("\r\nConnection: close\r\n"));
  late.say("12345");
  EXPECT_EQ(late.hear_all(), "5\r\n12345\r\n0\r\n\r\n") << "no 100 within the body";
}

TEST(streaming, coroutines_answer_in_the_order_of_a_pipeline_and_when_they_suspend) {
  streams s;
  auto c = s.enters();
  std::string pipeline;
  for (int i = 0; i < 40; ++i) pipeline += request_for(i % 3 == 0 ? "/" : i % 3 == 1 ? "/async" : "/made/1");
  c.say(pipeline);
  for (int i = 0; i < 40; ++i) {
    const reply r = next_reply(c);
    ASSERT_EQ(r.status, 200) << i;
    EXPECT_EQ(r.body.size(), i % 3 == 2 ? 10'000U : 6U) << i;
  }
  EXPECT_TRUE(s.eventually([&] { return s.it.requests().answered == 40; }));
}

TEST(streaming, a_reset_forces_the_context_and_a_fin_does_only_where_that_is_asked_for) {
  streams s;
  auto reset = s.enters(), reset_blocking = s.enters(), half = s.enters(), half_wanted = s.enters();
  reset.say(request_for("/wait"));
  reset_blocking.say(request_for("/block-until-gone"));
  half_wanted.say(request_for("/wait-fin"));
  ASSERT_TRUE(s.eventually([&] { return s.saw.begun == 3; }));
  reset.reset();
  reset_blocking.reset();
  half_wanted.finish_sending();
  EXPECT_EQ(next_reply(half_wanted).body, "client_gone");
  EXPECT_TRUE(s.eventually([&] { return s.saw.count(cause::client_gone) == 3; }));

  half.say(request_for("/wait"));
  half.finish_sending();
  ASSERT_TRUE(s.eventually([&] { return s.saw.begun == 4; }));
  s.life.force();
  EXPECT_EQ(next_reply(half).body, "forced") << "it waited on, and its context is the server's child";
  EXPECT_TRUE(s.eventually([&] { return s.it.requests().adds_up(); }));
  EXPECT_EQ(s.it.requests().abandoned_by_client, 2U);
}

TEST(streaming, makes_a_body_in_chunks_with_trailers_or_by_length_or_until_the_end) {
  streams s;
  auto c = s.enters();
  c.say(request_for("/made/3", "TE: trailers\r\n"));
  const reply chunked = next_reply(c);
  EXPECT_THAT(chunked.head, HasSubstr("\r\nTransfer-Encoding: chunked\r\n"));
  EXPECT_EQ(chunked.body, std::string(30'000, 'x'));
  EXPECT_EQ(chunked.trailers, "X-End: yes\r\n");
  c.say(request_for("/made/3"));
  EXPECT_EQ(next_reply(c).trailers, "") << "not asked for";
  c.say(request_for("/made/3", "X-Length: 1\r\n"));
  const reply sized = next_reply(c);
  EXPECT_THAT(sized.head, HasSubstr("\r\nContent-Length: 30000\r\n"));
  EXPECT_EQ(sized.body, std::string(30'000, 'x'));
  c.say(request_for("/made/0"));
  EXPECT_EQ(next_reply(c).body, "");
  c.say(request_for("/made/3", "", "HEAD"));
  const reply head = next_reply(c, true);
  EXPECT_THAT(head.head, HasSubstr("\r\nTransfer-Encoding: chunked\r\n"));
  c.say(request_for("/made-blocking/3"));
  EXPECT_EQ(next_reply(c).body, std::string(30'000, 'x'));

  auto old = s.enters();
  old.say("GET /made/3 HTTP/1.0\r\n\r\n");
  const std::string all = old.hear_all();
  EXPECT_THAT(all, Not(HasSubstr("chunked")));
  EXPECT_THAT(all, HasSubstr("\r\nConnection: close\r\n"));
  EXPECT_THAT(all, EndsWith("\r\n\r\n" + std::string(30'000, 'x')));
  EXPECT_TRUE(s.eventually([&] { return s.it.requests().answered == 7; }));
}

TEST(streaming, a_maker_is_as_fast_as_its_client) {
  streams s;
  for (const std::string target : {"/made/1000", "/made-blocking/1000"}) {
    const std::uint64_t before = s.saw.written;
    auto c = s.enters(4096);
    c.say(request_for(target));
    ASSERT_TRUE(s.eventually([&] { return s.saw.written > before; }));
    // What the kernel and the connection hold, and no more; what it comes to depends on the kernel's buffers.
    std::uint64_t last = 0;
    while (last != s.saw.written) {
      last = s.saw.written;
      std::this_thread::sleep_for(20ms);
    }
    EXPECT_LT(last - before, 9'000'000U) << target;
    EXPECT_EQ(next_reply(c).body.size(), 10'000'000U) << target;
  }
}

TEST(streaming, a_body_that_breaks_is_seen_to_be_broken) {
  streams s;
  int broken = 0;
  for (const std::string target : {"/breaks", "/too-short", "/too-long", "/too-long-blocking"}) {
    for (const std::string more : {"", "X-Length: 1\r\n"}) {
      auto c = s.enters();
      c.say(request_for(target, more));
      const std::string all = c.hear_all();
      EXPECT_EQ(c.heard_error(), 0) << target;
      EXPECT_THAT(all, Not(HasSubstr("Content-Length: 4\r\n")));
      EXPECT_THAT(all, Not(EndsWith("0\r\n\r\n"))) << target;
      ++broken;
    }
  }
  auto old = s.enters();
  old.say("GET /breaks HTTP/1.0\r\n\r\n");
  old.hear_all();
  EXPECT_EQ(old.heard_error(), ECONNRESET) << "an orderly end would make it look whole";
  EXPECT_TRUE(s.eventually([&] { return s.it.requests().adds_up(); }));
  EXPECT_EQ(s.it.requests().broken, static_cast<unsigned>(broken + 1));
  EXPECT_EQ(s.it.requests().forced, 0U);
}

TEST(streaming, a_maker_that_goes_on_when_its_client_has_left_does_no_harm) {
  streams s;
  for (const std::string target : {"/made/5000", "/made-blocking/5000"}) {
    auto c = s.enters(4096);
    c.say(request_for(target));
    c.hear_until("xxx");  // of the body, so its maker runs: none is begun for a client that has gone
    c.reset();
  }
  EXPECT_TRUE(s.eventually([&] { return s.it.requests().abandoned_by_client == 2; }));
  EXPECT_TRUE(s.it.requests().adds_up());
  EXPECT_EQ(s.get("/").body, "hello\n");
  EXPECT_TRUE(s.eventually([&] { return s.saw.makers_over == 2; }));
  EXPECT_LT(s.saw.written, 100'000'000U) << "what was not sent gave false";
}

TEST(streaming, a_maker_that_never_ends_is_ended_when_its_client_has_left) {
  streams s;
  for (const std::string target : {"/endless", "/endless-blocking"}) {
    auto c = s.enters(4096);
    c.say(request_for(target));
    c.hear_until("xxx");
    c.reset();
  }
  EXPECT_TRUE(s.eventually([&] { return s.saw.failures == 2; }));
  EXPECT_EQ(s.get("/").body, "hello\n");
}

TEST(streaming, a_maker_that_owns_the_stream_of_its_request_is_destroyed_with_it) {
  std::weak_ptr<int> owned;
  {
    streams s;
    auto c = s.enters();
    c.say(post("/echo", "Transfer-Encoding: chunked\r\n") + chunk("whole") + "0\r\n\r\n");
    EXPECT_THAT(next_reply(c).body, "whole");
    EXPECT_TRUE(s.eventually([&] { return s.saw.in_maker.use_count() == 1; }));
    c.say(post("/echo", "Transfer-Encoding: chunked\r\n") + chunk("half"));
    c.hear_until("half");
    owned = s.saw.in_maker;
    EXPECT_EQ(owned.use_count(), 2) << "it waits for the rest";
  }
  EXPECT_TRUE(owned.expired()) << "the server has gone in the middle of it";
}

TEST(streaming, a_body_can_go_out_while_it_comes_in) {
  streams s({.limits = {.body_bytes = 64 * 1024 * 1024}});
  auto c = s.enters();
  c.say(post("/echo", "Transfer-Encoding: chunked\r\n"));
  EXPECT_THAT(c.hear_until("\r\n\r\n"), HasSubstr("chunked"));
  for (const std::string word : {"one", "two", "three"}) {
    c.say(chunk(word));
    EXPECT_EQ(c.hear_bytes(chunk(word).size()), chunk(word));
  }
  c.say("0\r\n\r\n" + request_for("/"));
  EXPECT_EQ(c.hear_bytes(5), "0\r\n\r\n");
  EXPECT_EQ(next_reply(c).body, "hello\n");
}

TEST(streaming, streams_under_way_finish_in_a_drain_and_then_their_connections_go) {
  streams s({.limits = {.body_bytes = 64 * 1024 * 1024}});
  auto up = s.enters(), down = s.enters(4096), down_blocking = s.enters(4096), echo = s.enters();
  up.say(post("/sum", "Content-Length: 10\r\n") + "12345");
  down.say(request_for("/made/500"));
  down_blocking.say(request_for("/made-blocking/500"));
  echo.say(post("/echo", "Transfer-Encoding: chunked\r\n") + chunk("before"));
  EXPECT_THAT(echo.hear_until("before\r\n"), EndsWith("before\r\n"));
  ASSERT_TRUE(s.eventually([&] { return s.saw.pieces > 0 && s.saw.written > 0; }));
  s.drain();
  up.say("67890");
  const reply summed = next_reply(up);
  EXPECT_EQ(summed.body, "10");
  EXPECT_TRUE(summed.closes()) << "its head was made during the drain";
  EXPECT_EQ(next_reply(down).body.size(), 5'000'000U);
  EXPECT_EQ(next_reply(down_blocking).body.size(), 5'000'000U);
  echo.say(chunk("after") + "0\r\n\r\n");
  EXPECT_EQ(echo.hear_until("0\r\n\r\n"), chunk("after") + "0\r\n\r\n");
  for (client* each : {&up, &down, &down_blocking, &echo}) {
    EXPECT_EQ(each->hear_all(), "");
    each->close();
  }
  EXPECT_TRUE(s.wait_drained());
  EXPECT_EQ(s.it.requests().answered, 4U);
  EXPECT_TRUE(s.it.requests().adds_up());
}

TEST(streaming, what_is_forced_is_counted_and_its_handlers_are_told) {
  streams s({.limits = {.body_bytes = 64 * 1024 * 1024}});
  auto up = s.enters(), down = s.enters(4096), blocked = s.enters(4096), waits = s.enters();
  up.say(post("/sum", "Content-Length: 10\r\n") + "12345");
  down.say(request_for("/made/1000"));
  blocked.say(request_for("/made-blocking/1000"));
  waits.say(request_for("/wait"));
  ASSERT_TRUE(s.eventually([&] { return s.saw.pieces > 0 && s.saw.begun == 1; }));
  ASSERT_EQ(down.hear_bytes(1).size() + blocked.hear_bytes(1).size(), 2U);
  s.drain();
  s.life.force();
  s.it.force();
  EXPECT_TRUE(s.wait_drained()) << "and the blocked thread has come back";
  EXPECT_TRUE(s.it.requests().adds_up());
  // The one that waits for its context may answer before the server is told.
  EXPECT_GE(s.it.requests().forced, 3U);
  EXPECT_EQ(s.it.requests().forced + s.it.requests().answered, 4U);
  EXPECT_EQ(s.saw.count(cause::forced), 1);
  EXPECT_TRUE(s.eventually([&] { return s.saw.failures == 1; }))
      << "its handler may be told after the server has drained";
}

TEST(streaming, a_full_pool_says_503_before_any_head) {
  streams s({.blocking = {.threads = 1, .queue = 0}});
  auto holds = s.enters();
  holds.say(request_for("/block-until-gone"));
  ASSERT_TRUE(s.eventually([&] { return s.saw.begun == 1; }));
  for (const std::string target : {"/made-blocking/1", "/block-until-gone"}) {
    auto c = s.enters();
    c.say(request_for(target));
    const reply r = next_reply(c);
    EXPECT_EQ(r.status, 503) << target;
    EXPECT_THAT(r.head, HasSubstr("\r\nRetry-After: 1\r\n"));
    c.say(request_for("/"));
    EXPECT_EQ(next_reply(c).body, "hello\n");
  }
  holds.reset();
  EXPECT_TRUE(s.eventually([&] { return s.it.requests().adds_up(); }));
  EXPECT_EQ(s.it.requests().rejected, 2U);
}

TEST(streaming, a_client_that_leaves_behind_a_pipeline_costs_nobody_else_anything) {
  streams s;
  for (const std::string target : {"/async", "/pause", "/wait-fin", "/made/1", "/made-blocking/1"}) {
    for (int i = 0; i < 20; ++i) {
      auto c = s.enters();
      c.say(request_for(target) + request_for(target) + request_for(target) + request_for(target));
      i % 2 == 0 ? c.close() : c.reset();
    }
    EXPECT_EQ(s.get("/").body, "hello\n") << target;
  }
  EXPECT_TRUE(s.eventually([&] { return s.it.requests().adds_up(); }));
}

TEST(streaming, what_is_late_behind_a_response_that_its_client_took_slowly_is_told_so_too) {
  streams s({.limits = {.head_time = 100ms, .body_time = 100ms}});
  for (const std::string& late :
       {std::string("GET / HT"), post("/buffered", "Content-Length: 9\r\n") + "123",
        post("/sum", "Content-Length: 9\r\n") + "123", post("/sum-blocking", "Content-Length: 9\r\n") + "123"}) {
    auto c = s.enters(4096);
    c.say(request_for("/mid") + late);
    std::this_thread::sleep_for(150ms);  // the client's pace: its time is over before it has its first answer
    EXPECT_EQ(next_reply(c).body.size(), 1'000'000U);
    EXPECT_EQ(next_reply(c).status, 408) << late;
  }
}

TEST(streaming, a_body_that_breaks_takes_no_earlier_answer_with_it) {
  streams s;
  auto c = s.enters(4096);
  c.say(request_for("/mid") + request_for("/breaks"));
  EXPECT_EQ(next_reply(c).body.size(), 1'000'000U);
  EXPECT_THAT(c.hear_all(), HasSubstr("half"));
}

TEST(streaming, a_fin_that_comes_with_the_request_is_seen_where_that_is_asked_for) {
  streams s;
  for (int i = 0; i < 20; ++i) {
    auto c = s.enters();
    c.say(request_for("/wait-fin"));
    c.finish_sending();
    EXPECT_EQ(next_reply(c).body, "client_gone");
  }
}

TEST(streaming, an_error_without_a_sound_status_is_a_500) {
  streams s;
  EXPECT_EQ(s.get("/odd-error").status, 500);
}

TEST(streaming, trailers_are_checked_as_headers_are) {
  router r;
  r.get("/bad", [](const request&) {
    return streamed([](body_writer to) -> task<> {
      co_await to.write("x");
      to.trailer("Bad\r\nName", "1");
    });
  });
  serving_test s({.routes = std::move(r)});
  auto c = s.enters();
  c.say(request_for("/bad", "TE: trailers\r\n"));
  const std::string all = c.hear_all();
  EXPECT_THAT(all, Not(HasSubstr("Bad")));
  EXPECT_THAT(all, Not(EndsWith("0\r\n\r\n")));
}

}  // namespace lastcall::http::streaming_test
