#include "lastcall/http/serving/streaming.hpp"

#include <gmock/gmock.h>

#include <atomic>
#include <memory>
#include <stdexcept>
#include <string>
#include <thread>

#include "lastcall/http/files/file.hpp"
#include "lastcall/http/routing/handler.hpp"
#include "lastcall/http/server/serving_test.hpp"
#include "lastcall/net/wait.hpp"

namespace lastcall::http::streaming_test {

using namespace std::chrono_literals;
using ::testing::EndsWith;
using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::StartsWith;
using testing_net::client;
using testing_net::generous;

std::string post(std::string_view target, std::string_view more = "") { return request_for(target, more, "POST"); }
std::string chunk(std::string_view bytes) {
  char size[20];
  std::snprintf(size, sizeof size, "%zx\r\n", bytes.size());
  return std::string(size).append(bytes).append("\r\n");
}

/// What handlers have seen; they run on the server's threads.
struct seen {
  std::atomic<int> causes[5] = {};
  std::atomic<int> begun{0}, pieces{0}, failures{0}, last_status{-1};
  std::atomic<std::uint64_t> written{0};
  int count(cause c) const { return causes[static_cast<int>(c)]; }
};

struct streams : serving_test {
  explicit streams(server_options o = {}) : serving_test(with_routes(std::move(o))) {}

  server_options with_routes(server_options o) {
    router& r = o.routes;
    r.get("/async", [](const request&) -> task<response> { co_return text("hello\n"); });
    r.get("/wait", [this](const request&, context c) -> task<response> {
      ++saw.begun;
      const bool in_time = co_await net::wait_until_forced_for(c, generous);
      ++saw.causes[static_cast<int>(c.cause())];
      co_return text(in_time ? "waited" : to_text(c.cause()));
    });
    r.get("/pause", [](const request&, context c) -> task<response> {
      co_await net::wait_until_forced_for(c, 20ms);
      co_return text("paused");
    });
    r.get("/wait-fin", handler([this](const request&, context c) -> task<response> {
                         ++saw.begun;
                         co_await net::wait_until_forced_for(c, generous);
                         ++saw.causes[static_cast<int>(c.cause())];
                         co_return text(to_text(c.cause()));
                       }).gone_at_fin());
    r.get("/block-until-gone", blocking([this](const request&, context c) {
            ++saw.begun;
            c.wait_until_forced_for(generous);
            ++saw.causes[static_cast<int>(c.cause())];
            return text(to_text(c.cause()));
          }));
    r.post("/sum", [this](const request&, body_stream& in) -> task<response> {
      std::uint64_t bytes = 0;
      try {
        while (const auto piece = co_await in.read()) {
          bytes += piece->size();
          ++saw.pieces;
        }
      } catch (const stream_error& error) {
        ++saw.failures;
        saw.last_status = error.status();
        throw;
      }
      co_return text(std::to_string(bytes)).header("X-Sum", in.trailer("sum"));
    });
    r.post("/sum-small", handler([](const request&, body_stream& in) -> task<response> {
                           while (co_await in.read()) {}
                           co_return text("all\n");
                         }).max_body(10));
    r.post("/sum-blocking", blocking([](const request&, body_stream& in) {
             std::uint64_t bytes = 0;
             while (const auto piece = in.read_blocking()) bytes += piece->size();
             return text(std::to_string(bytes));
           }));
    r.post("/ignore", [](const request&, body_stream&) -> task<response> { co_return text("ignored\n"); });
    r.post("/buffered", [](const request& req) { return text(std::to_string(req.body().size())); });
    r.get("/made/{pieces}", [this](const request& req) {
      const int pieces = std::stoi(std::string(req.param("pieces")));
      return streamed(
          [this, pieces](body_writer& to) -> task<> {
            const std::string piece(10'000, 'x');
            for (int i = 0; i < pieces; ++i) {
              co_await to.write(piece);
              saw.written += piece.size();
            }
            to.trailer("X-End", "yes");
          },
          req.has_header("X-Length") ? std::optional<std::uint64_t>(10'000ULL * static_cast<unsigned>(pieces))
                                     : std::nullopt);
    });
    r.get("/made-blocking/{pieces}", [this](const request& req) {
      const int pieces = std::stoi(std::string(req.param("pieces")));
      return streamed_blocking([this, pieces](body_writer& to) {
        const std::string piece(10'000, 'x');
        for (int i = 0; i < pieces; ++i) {
          to.write_blocking(piece);
          saw.written += piece.size();
        }
      });
    });
    r.get("/breaks", [](const request& req) {
      return streamed(
          [](body_writer& to) -> task<> {
            co_await to.write("half");
            throw std::runtime_error("asked to break");
          },
          req.has_header("X-Length") ? std::optional<std::uint64_t>(8) : std::nullopt);
    });
    r.get("/too-short",
          [](const request&) { return streamed([](body_writer& to) -> task<> { co_await to.write("half"); }, 8); });
    r.get("/too-long", [](const request&) {
      return streamed([](body_writer& to) -> task<> { co_await to.write("more than this"); }, 8);
    });
    r.post("/echo", [](const request&, body_stream& in) -> task<response> {
      co_return streamed([&in](body_writer& to) -> task<> {
        while (const auto piece = co_await in.read()) co_await to.write(*piece);
      });
    });
    r.get("/", [](const request&) { return text("hello\n"); });
    r.get("/mid", [](const request&) { return text(std::string(1'000'000, 'm')); });
    r.get("/odd-error", [](const request&) -> task<response> {
      throw stream_error(9999, "no status");
      co_return text("");
    });
    return o;
  }

  seen saw;
};

TEST(streaming, a_body_that_answers_before_the_request_is_read_says_that_it_is_the_last) {
  server_options o;
  o.routes.post("/file",
                [](const request& req, body_stream&) -> task<response> { co_return file(req, "/proc/self/exe", "x"); });
  o.routes.post("/made", [](const request&, body_stream&) -> task<response> {
    co_return streamed([](body_writer& to) -> task<> { co_await to.write("x"); });
  });
  o.routes.post("/failed", [](const request&, body_stream& in) -> task<response> {
    try {
      while (co_await in.read()) {}
    } catch (const stream_error&) {}
    co_return streamed([](body_writer& to) -> task<> { co_await to.write("x"); });
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

TEST(streaming, takes_a_body_larger_than_any_buffer_by_length_and_by_chunks) {
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

TEST(streaming, a_body_that_is_not_read_stays_with_its_client) {
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

TEST(streaming, a_body_beyond_its_limit_is_413_for_its_route_or_for_all) {
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

TEST(streaming, malformed_and_slow_bodies_are_told_to_handler_and_client) {
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

TEST(streaming, a_client_that_leaves_in_the_middle_of_its_body_is_told_to_the_handler) {
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

TEST(streaming, continue_is_sent_when_the_body_is_wanted_and_not_before) {
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
  for (const std::string target : {"/breaks", "/too-short", "/too-long"}) {
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

TEST(streaming, a_client_that_leaves_ends_the_maker) {
  streams s;
  for (const std::string target : {"/made/100000", "/made-blocking/100000"}) {
    auto c = s.enters(4096);
    c.say(request_for(target));
    ASSERT_EQ(c.hear_bytes(1).size(), 1U);
    c.reset();
  }
  EXPECT_TRUE(s.eventually([&] { return s.it.requests().abandoned_by_client == 2; }));
  EXPECT_TRUE(s.it.requests().adds_up());
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
  EXPECT_EQ(s.it.requests().forced, 4U);
  EXPECT_EQ(s.saw.count(cause::forced), 1);
  EXPECT_EQ(s.saw.failures, 1);
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

TEST(streaming, a_body_is_taken_in_large_pieces_also_far_behind_in_a_pipeline) {
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

TEST(streaming, trailers_never_change_what_the_message_is) {
  router r;
  r.post("/", [](const request&, body_stream& in) -> task<response> {
    while (co_await in.read()) {}
    co_return text(std::string(in.trailer("Content-Length")).append(in.trailer("host")).append(in.trailer("sum")));
  });
  serving_test s({.routes = std::move(r)});
  auto c = s.enters();
  c.say(post("/", "Transfer-Encoding: chunked\r\n") + "0\r\nContent-Length: 7\r\nHost: evil\r\nSum: 42\r\n\r\n");
  EXPECT_EQ(next_reply(c).body, "42");
}

TEST(streaming, trailers_are_checked_as_headers_are) {
  router r;
  r.get("/bad", [](const request&) {
    return streamed([](body_writer& to) -> task<> {
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
