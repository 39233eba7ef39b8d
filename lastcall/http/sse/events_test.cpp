#include "lastcall/http/sse/events.hpp"

#include <gmock/gmock.h>

#include <atomic>
#include <cstdint>
#include <stdexcept>

#include "lastcall/core/metrics.hpp"
#include "lastcall/http/requests/middleware.hpp"
#include "lastcall/http/server/serving_test.hpp"

namespace lastcall::http::events_test {

using namespace std::chrono_literals;
using ::testing::EndsWith;
using ::testing::HasSubstr;
using ::testing::MatchesRegex;
using ::testing::StartsWith;
using testing_net::client;
using testing_net::generous;

constexpr duration soon = 5ms;

/// What handlers have seen; they run on the server's threads.
struct seen {
  std::atomic<int> begun{0}, over{0}, cause{-1}, end{-1};
  std::atomic<std::uint64_t> sent{0};
};

struct streams : serving_test {
  explicit streams(server_options o = {.jitter = 0s}) : serving_test(with_routes(std::move(o))) {}

  server_options with_routes(server_options o) {
    router& r = o.routes;
    r.use(before([](const request& req) -> std::optional<response> {
      if (req.has_header("X-Stranger")) return text("who are you?\n", 401);
      return std::nullopt;
    }));
    r.events("/ticks", [this](const request& req, sse::stream s) -> task<> {
      EXPECT_EQ(&req, &s.request());
      ++saw.begun;
      int n = std::stoi("0" + std::string(s.last_event_id()));
      while (co_await s.wait_for(soon)) {
        const std::string id = std::to_string(++n);
        co_await s.send({.data = "tick " + id, .id = id, .event = "tick"});
      }
      const bool taken = co_await s.send({.data = "last words"});
      EXPECT_EQ(taken, s.end() == sse::stream_end::draining) << "a drain keeps nothing from being sent";
      saw.end = static_cast<int>(s.end());
      saw.cause = static_cast<int>(s.life().cause());
      ++saw.over;
    });
    r.events("/ticks-blocking", sse::blocking([this](sse::stream s) {
               ++saw.begun;
               while (s.wait_for_blocking(soon)) s.send_blocking({.data = "tick"});
               saw.end = static_cast<int>(s.end());
               saw.cause = static_cast<int>(s.life().cause());
               ++saw.over;
             }));
    const sse::stream_options quick{.idle_ping_after = 20ms, .retry = 0s};
    r.events(
        "/quiet",
        [this](sse::stream s) -> task<> {
          ++saw.begun;
          EXPECT_EQ(s.end(), sse::stream_end::none);
          while (co_await s.wait_for(generous)) {}
          saw.end = static_cast<int>(s.end());
          const bool taken = co_await s.send({.data = "last words"});
          EXPECT_EQ(taken, s.end() == sse::stream_end::draining);
          saw.cause = static_cast<int>(s.life().cause());
          ++saw.over;
        },
        quick);
    r.events("/quiet-blocking", sse::blocking([](sse::stream s) { s.wait_for_blocking(generous); }), quick);
    r.events("/three", [](sse::stream s) -> task<> {
      for (const std::string_view each : {"one", "two", "three"}) EXPECT_TRUE(co_await s.send({.data = each}));
      EXPECT_TRUE(co_await s.comment("that was all"));
    });
    r.events("/much", [this](sse::stream s) -> task<> {
      ++saw.begun;
      const std::string data(10'000, 'x');
      while (co_await s.send({.data = data})) saw.sent += data.size();
      ++saw.over;
    });
    r.events("/deaf", [this](sse::stream s) -> task<> {
      ++saw.begun;
      while (!s.life().forced()) co_await s.wait_for(soon), co_await s.comment("still here");
    });
    r.events("/throws", [](sse::stream s) -> task<> {
      co_await s.send({.data = "half"});
      throw std::runtime_error("asked to throw");
    });
    r.events("/two-lines", [](sse::stream s) -> task<> { co_await s.send({.data = "x", .id = "a\nb"}); });
    r.get("/", [](const request&) { return text("hello\n"); });
    return o;
  }

  client listens(std::string_view target, std::string_view more = "", int receive_buffer = 0) {
    client c = enters(receive_buffer);
    c.say(request_for(target, more));
    return c;
  }
  std::uint64_t open(std::string_view kind) const {
    metrics m;
    it.measure(m);
    for (const auto& each : m.shown())
      if (each.name == "kinds" && each.part == kind) return each.value;
    return 0;
  }

  seen saw;
};

TEST(events, take_coroutines_and_blocking_handlers_and_nothing_else) {
  auto awaits = [](sse::stream) -> task<> { co_return; };
  auto with_request = [](const request&, sse::stream) -> task<> { co_return; };
  auto blocks = [](sse::stream) {};
  auto counts = [n = 0](sse::stream) mutable -> task<> {
    if (++n > 0) co_return;
  };
  auto of_another_kind = [](int) {};
  auto by_reference = [](sse::stream&) -> task<> { co_return; };
  auto by_const_reference = [](const sse::stream&) -> task<> { co_return; };
  auto by_rvalue = [](const request&, sse::stream&&) -> task<> { co_return; };  // would not live as long
  auto blocks_by_reference = [](sse::stream&) {};
  static_assert(std::is_convertible_v<decltype(awaits), sse::handler>);
  static_assert(std::is_convertible_v<decltype(with_request), sse::handler>);
  static_assert(std::is_convertible_v<decltype(sse::blocking(blocks)), sse::handler>);
  static_assert(!std::is_constructible_v<sse::handler, decltype(blocks)>);
  static_assert(!std::is_constructible_v<sse::handler, decltype(counts)>);
  static_assert(!std::is_constructible_v<sse::handler, decltype(sse::blocking(of_another_kind))>);
  static_assert(!std::is_constructible_v<sse::handler, decltype(by_reference)>);
  static_assert(!std::is_constructible_v<sse::handler, decltype(by_const_reference)>);
  static_assert(!std::is_constructible_v<sse::handler, decltype(by_rvalue)>);
  static_assert(!std::is_constructible_v<sse::handler, decltype(sse::blocking(blocks_by_reference))>);
}

TEST(events, are_a_response_that_nobody_stores_or_buffers) {
  streams s;
  const reply r = s.get("/three");
  EXPECT_EQ(r.status, 200);
  EXPECT_THAT(r.head, HasSubstr("\r\nContent-Type: text/event-stream\r\n"));
  EXPECT_THAT(r.head, HasSubstr("\r\nCache-Control: no-store\r\n"));
  EXPECT_THAT(r.head, HasSubstr("\r\nX-Accel-Buffering: no\r\n"));
  EXPECT_THAT(r.body, MatchesRegex("retry: [23][0-9][0-9][0-9]\n\ndata: one\n\ndata: two\n\ndata: three\n\n"
                                   ": that was all\n\nretry: [23][0-9][0-9][0-9]\n\n"));
}

TEST(events, have_a_head_of_their_own_for_who_asks_for_that_only) {
  streams s;
  client c = s.enters();
  c.say(request_for("/ticks", "", "HEAD"));
  EXPECT_THAT(next_reply(c, true).head, HasSubstr("\r\nContent-Type: text/event-stream\r\n"));
  c.say(request_for("/"));
  EXPECT_EQ(next_reply(c).body, "hello\n");
  EXPECT_EQ(s.saw.begun, 0);
}

TEST(events, leave_the_connection_to_the_next_request_when_their_handler_returns) {
  streams s;
  client c = s.listens("/three");
  EXPECT_EQ(next_reply(c).status, 200);
  c.say(request_for("/"));
  EXPECT_EQ(next_reply(c).body, "hello\n");
  EXPECT_TRUE(s.eventually([&] { return s.open("http1") == 1 && s.open("events") == 0; }));
}

TEST(events, end_by_themselves_when_the_server_drains) {
  for (const std::string target : {"/ticks", "/ticks-blocking", "/quiet"}) {
    streams s;
    client c = s.listens(target);
    c.hear_until(target == "/quiet" ? ":\n\n" : "data: tick");
    EXPECT_EQ(s.open("events"), 1);
    EXPECT_EQ(s.open("http1"), 0);
    s.drain();
    const std::string rest = c.hear_all();
    EXPECT_EQ(c.heard_error(), 0) << "a reset";
    EXPECT_THAT(rest, EndsWith("0\r\n\r\n")) << target;
    if (target == "/ticks") {
      EXPECT_THAT(rest, HasSubstr("data: last words\n"));
    }
    if (target != "/quiet") {
      EXPECT_THAT(rest, HasSubstr("\nretry: "));
    }
    c.close();
    ASSERT_TRUE(s.wait_drained());
    EXPECT_EQ(s.saw.cause, static_cast<int>(cause::draining));
    EXPECT_EQ(s.saw.end, static_cast<int>(sse::stream_end::draining));
    EXPECT_EQ(s.it.requests().answered, 1U);
    EXPECT_EQ(s.it.connections().closed_clean, 1U);
    metrics m;
    s.it.measure(m);
    EXPECT_THAT(m.text(), HasSubstr("lastcall_connections_told_total{kind=\"events\"} 1\n"));
  }
}

TEST(events, hear_of_a_drain_in_their_own_moment_and_not_with_the_server) {
  streams s({.jitter = 400ms});
  std::vector<client> all;
  for (int i = 0; i < 40; ++i) all.push_back(s.listens("/ticks"));
  for (client& c : all) c.hear_until("data: tick");
  const time_point begin = steady().now();
  s.drain();
  std::vector<duration> ended;
  std::size_t went_on = 0;
  for (client& c : all) {
    const std::string rest = c.hear_all();
    for (std::size_t at = 0; (at = rest.find("data: tick", at)) != rest.npos; ++at) ++went_on;
    ended.push_back(steady().now() - begin);
    EXPECT_THAT(rest, EndsWith("0\r\n\r\n"));
    c.close();
  }
  EXPECT_GT(went_on, 40U) << "most are served on for a while";
  EXPECT_GT(ended.back(), 100ms) << "in order they are read, so the latest so far";
  ASSERT_TRUE(s.wait_drained());
}

TEST(events, of_a_request_that_comes_during_a_drain_end_at_once_and_say_close) {
  streams s;
  client c = s.listens("/ticks"), late = s.enters();
  c.hear_until("data: tick");
  late.say("GET /ticks HTTP/1.1\r\n");
  EXPECT_TRUE(s.eventually([&] { return s.it.requests().begun == 2; }));
  s.drain();
  c.hear_all();
  late.say("Host: a\r\n\r\n");
  const reply r = next_reply(late);
  EXPECT_EQ(r.status, 200);
  EXPECT_TRUE(r.closes());
  EXPECT_THAT(r.body, HasSubstr("retry: "));
  EXPECT_EQ(late.hear_all(), "");
  EXPECT_EQ(late.heard_error(), 0);
  c.close();
  late.close();
  ASSERT_TRUE(s.wait_drained());
}

TEST(events, go_on_behind_the_last_id_that_the_client_has_had) {
  streams s;
  client c = s.listens("/ticks", "Last-Event-ID: 41\r\n");
  c.hear_until("id: ");
  EXPECT_EQ(c.hear_until("\n"), "42\n");
}

TEST(events, send_comments_while_nothing_else_is_sent) {
  streams s;
  for (const std::string target : {"/quiet", "/quiet-blocking"}) {
    client c = s.listens(target);
    c.hear_until("\r\n\r\n");
    for (int i = 0; i < 3; ++i) EXPECT_EQ(c.hear_until("\r\n:\n\n\r\n"), "3\r\n:\n\n\r\n") << target;
    c.close();
  }
}

TEST(events, notice_that_their_client_has_gone) {
  for (const bool reset : {false, true}) {
    streams s;
    client c = s.listens("/quiet");
    c.hear_until(":\n\n");
    reset ? c.reset() : c.close();
    EXPECT_TRUE(s.eventually([&] { return s.saw.over == 1; }));
    EXPECT_EQ(s.saw.cause, static_cast<int>(cause::client_gone));
    EXPECT_EQ(s.saw.end, static_cast<int>(sse::stream_end::gone));
    EXPECT_TRUE(s.eventually([&] { return s.it.requests().abandoned_by_client == 1; }));
    EXPECT_EQ(s.open("events"), 0);
  }
}

TEST(events, wait_for_a_slow_reader_and_leave_it_when_it_takes_nothing) {
  server_options o{.jitter = 0s};
  o.limits.write_time = 200ms;
  streams s(std::move(o));
  client c = s.listens("/much", "", 4096);
  EXPECT_TRUE(s.eventually([&] { return s.saw.over == 1; }));
  EXPECT_LT(s.saw.sent, 16U * 1024 * 1024) << "what the kernel takes, and 64 KiB";
  EXPECT_TRUE(s.eventually([&] { return s.it.connections().timed_out == 1; }));
}

TEST(events, of_a_reader_that_takes_nothing_hold_no_drain_up_to_its_end) {
  streams s;
  client c = s.listens("/much", "", 4096);
  std::uint64_t before = 1;
  EXPECT_TRUE(s.eventually([&] {  // until it stands still
    std::this_thread::sleep_for(20ms);
    return std::exchange(before, s.saw.sent.load()) == s.saw.sent && s.saw.sent > 0;
  }));
  s.life.begin_drain(steady().now() + 1s);
  s.it.drain(s.life.get(), [d = s.drained] { d->count_down(); });
  EXPECT_TRUE(s.wait_drained());
  EXPECT_EQ(s.it.connections().timed_out, 1U);
  EXPECT_EQ(s.it.connections().forced, 0U);
}

TEST(events, of_a_handler_that_does_not_look_are_forced_at_the_drain_end) {
  streams s;
  client c = s.listens("/deaf");
  c.hear_until("still here");
  s.drain();
  c.hear_until("still here");
  s.life.force();
  s.it.force();
  c.hear_all();
  EXPECT_TRUE(s.wait_drained());
  EXPECT_EQ(s.it.requests().forced, 1U);
}

TEST(events, of_a_handler_that_throws_are_seen_to_be_cut) {
  streams s;
  for (const std::string target : {"/throws", "/two-lines"}) {
    client c = s.listens(target);
    const std::string all = c.hear_all();
    EXPECT_THAT(all, ::testing::Not(EndsWith("0\r\n\r\n"))) << target;
  }
  EXPECT_TRUE(s.eventually([&] { return s.it.requests().broken == 2; }));
}

TEST(events, may_be_refused_by_what_stands_around_them) {
  streams s;
  client c = s.listens("/ticks", "X-Stranger: yes\r\n");
  EXPECT_EQ(next_reply(c).status, 401);
  EXPECT_EQ(s.open("events"), 0);
  EXPECT_EQ(s.saw.begun, 0);
}

TEST(events, go_to_a_client_of_an_older_version_until_the_close) {
  streams s;
  client c = s.enters();
  c.say("GET /three HTTP/1.0\r\n\r\n");
  EXPECT_THAT(c.hear_all(), HasSubstr("\r\n\r\nretry: "));
  EXPECT_EQ(c.heard_error(), 0);
}

TEST(events, refuse_options_that_make_no_sense) {
  const auto nothing = [](sse::stream) -> task<> { co_return; };
  router r;
  EXPECT_THROW(r.events("/a", nothing, {.idle_ping_after = -1s}), std::invalid_argument);
  EXPECT_THROW(r.events("/a", nothing, {.retry = 48h}), std::invalid_argument);
  EXPECT_THROW(r.events("/a", nothing, {.retry_spread = -1ms}), std::invalid_argument);
}

}  // namespace lastcall::http::events_test
