#include "lastcall/http/ws/websocket.hpp"

#include <gmock/gmock.h>

#include <atomic>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/this_coro.hpp>
#include <memory>
#include <sstream>
#include <thread>
#include <vector>

#include "lastcall/core/metrics.hpp"
#include "lastcall/core/threads/countdown.hpp"
#include "lastcall/http/ws/websocket_visitor_test.hpp"
#include "lastcall/net/wait.hpp"

namespace lastcall::ws::websocket_test {

using namespace std::chrono_literals;
using http::serving_test;
using ::testing::HasSubstr;

task<> echo(stream ws) {
  while (auto msg = co_await ws.read()) co_await ws.write(*msg);
}

http::server_options serving(handler h, stream_options o = {}, duration jitter = 20ms) {
  http::router r;
  r.websocket("/ws", std::move(h), std::move(o));
  r.get("/", [](const http::request&) { return http::text("hello\n"); });
  return {.routes = std::move(r), .jitter = jitter};
}

std::string field(const component_report& of, std::string_view key) {
  for (const auto& [name, value] : of.fields)
    if (name == key)
      return std::visit(
          [](const auto& v) {
            std::ostringstream s;
            s << v;
            return s.str();
          },
          value);
  return "";
}

TEST(websocket, takes_coroutines_and_blocking_handlers_and_nothing_else) {
  auto awaits = [](stream) -> task<> { co_return; };
  auto with_request = [](const http::request&, stream) -> task<> { co_return; };
  auto blocks = [](stream) {};
  auto counts = [n = 0](stream) mutable -> task<> {
    if (++n > 0) co_return;
  };
  auto by_reference = [](stream&) -> task<> { co_return; };
  auto of_another_kind = [](int) {};
  static_assert(std::is_convertible_v<decltype(awaits), handler>);
  static_assert(std::is_convertible_v<decltype(with_request), handler>);
  static_assert(std::is_convertible_v<decltype(blocking(blocks)), handler>);
  static_assert(!std::is_constructible_v<handler, decltype(blocks)>);
  static_assert(!std::is_constructible_v<handler, decltype(counts)>);
  static_assert(!std::is_constructible_v<handler, decltype(by_reference)>);
  static_assert(!std::is_constructible_v<handler, decltype(blocking(of_another_kind))>);
}

TEST(websocket, has_its_handler_converse) {
  serving_test s(serving([](stream ws) { return echo(std::move(ws)); }));
  visitor v(s);
  EXPECT_EQ(v.answer.status, 101);
  EXPECT_THAT(v.answer.head, HasSubstr("\r\nSec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n"));
  EXPECT_THAT(v.answer.head, HasSubstr("\r\nUpgrade: websocket\r\n"));
  v.say("hello");
  EXPECT_EQ(v.hear(), "T hello");
  v.c.say(visitor::frame(0x82, std::string(100'000, '\xff')));
  EXPECT_EQ(v.hear(), "B " + std::string(100'000, '\xff'));
  v.c.say(visitor::frame(0x89, "p"));
  EXPECT_EQ(v.hear(), "pong p");
  v.c.say(visitor::close(4000));
  EXPECT_EQ(v.hear(), "close 4000");
  EXPECT_EQ(v.hear(), "end") << "the server ends TCP first";
  v.c.close();
  EXPECT_TRUE(s.eventually([&] { return s.it.connections().closed_clean == 1; }));
  EXPECT_EQ(s.it.requests().answered, 1U);
}

TEST(websocket, takes_what_came_behind_the_handshake_and_answers_what_came_before) {
  serving_test s(serving(echo));
  auto c = s.enters();
  c.say(http::request_for("/") + visitor::handshake("/ws") + visitor::frame(0x81, "early"));
  EXPECT_EQ(http::next_reply(c).body, "hello\n");
  EXPECT_EQ(http::next_reply(c).status, 101);
  EXPECT_EQ(c.hear_bytes(7),
            "\x81\x05"
            "early");
  EXPECT_EQ(s.it.requests().answered, 2U);
}

TEST(websocket, refuses_what_is_no_handshake) {
  serving_test s(serving(echo, {.origins = {"https://a"}}));
  const auto plain = s.get("/ws");
  EXPECT_EQ(plain.status, 426);
  EXPECT_THAT(plain.head, HasSubstr("\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"));
  EXPECT_THAT(plain.head, HasSubstr("\r\nSec-WebSocket-Version: 13\r\n"));
  EXPECT_EQ(visitor(s, "/ws", "Origin: https://b\r\n").answer.status, 403);
  EXPECT_EQ(visitor(s, "/none").answer.status, 404);
  auto c = s.enters();
  c.say(http::request_for("/ws", "Content-Length: 2\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n") + "xy");
  EXPECT_EQ(http::next_reply(c).status, 400);
  c.say(http::request_for("/ws", "Content-Length: 0\r\n", "POST"));
  EXPECT_EQ(http::next_reply(c).status, 405);
  c.say("GET /ws HTTP/1.0\r\nHost: a\r\n" + visitor::handshake("/").substr(visitor::handshake("/").find("Upgrade")));
  EXPECT_EQ(http::next_reply(c).status, 400);
}

TEST(websocket, gives_a_handler_the_request_for_as_long_as_it_runs) {
  http::router r;
  r.websocket("/room/{name}",
              [](const http::request& req, stream ws) -> task<> {
                while (auto msg = co_await ws.read())
                  co_await ws.write(std::string(req.param("name")) + " " + std::string(req.header("X")) + " " +
                                    std::string(req.target()) + " " + ws.subprotocol() +
                                    (req.remote().empty() ? "?" : ""));
              },
              {.subprotocols = {"chat"}});
  serving_test s({.routes = std::move(r)});
  visitor v(s, "/room/caf%C3%A9?x=1", "X: y\r\nSec-WebSocket-Protocol: a, chat\r\n");
  EXPECT_THAT(v.answer.head, HasSubstr("\r\nSec-WebSocket-Protocol: chat\r\n"));
  s.get("/other");  // whose bytes take the place of the handshake's
  v.say("?");
  EXPECT_EQ(v.hear(), "T caf\xc3\xa9 y /room/caf%C3%A9?x=1 chat");
}

TEST(websocket, has_a_handler_that_blocks_converse) {
  const auto said = std::make_shared<std::atomic<int>>(0);
  serving_test s(serving(blocking([said](stream ws) {
    while (auto msg = ws.read_blocking()) ws.write_blocking(*msg);
    *said = ws.remote_code();
  })));
  visitor v(s);
  v.say("a");
  EXPECT_EQ(v.hear(), "T a");
  v.c.say(visitor::close(3001));
  EXPECT_EQ(v.hear(), "close 3001");
  EXPECT_TRUE(s.eventually([&] { return *said == 3001; }));
  visitor w(s);
  w.say("b");
  EXPECT_EQ(w.hear(), "T b");
  s.drain();
  EXPECT_EQ(w.hear(), "close 1001");
  w.c.say(visitor::close(1001));
  EXPECT_EQ(w.hear(), "end");
  v.c.close();
  w.c.close();
  EXPECT_TRUE(s.wait_drained());
}

TEST(websocket, tells_each_with_1001_and_finishes_the_handshake) {
  serving_test s(serving(echo));
  std::vector<std::unique_ptr<visitor>> all;
  for (int n = 0; n < 50; ++n) {
    all.push_back(std::make_unique<visitor>(s));
    all.back()->say("x");
    EXPECT_EQ(all.back()->hear(), "T x");
  }
  s.drain();
  for (auto& v : all) {
    EXPECT_EQ(v->hear(), "close 1001");
    v->c.say(visitor::close(1001));
    EXPECT_EQ(v->hear(), "end");
    v->c.close();
  }
  EXPECT_TRUE(s.wait_drained());
  EXPECT_EQ(s.it.connections().closed_clean, 50U);
  component_report report;
  s.it.account(report);
  EXPECT_EQ(field(report, "told_websocket"), "50");
  EXPECT_EQ(field(report, "messages_after_close"), "0");
}

TEST(websocket, delivers_every_whole_message_that_had_come_and_counts_those_that_come_later) {
  const auto heard = std::make_shared<std::atomic<int>>(0);
  const auto go_on = std::make_shared<std::atomic<bool>>(false);
  const auto why = std::make_shared<std::atomic<stream_end>>(stream_end::none);
  serving_test s(serving(
      [=](stream ws) -> task<> {
        while (!*go_on) co_await net::wait_until_forced_for({}, 1ms);
        while (auto msg = co_await ws.read()) ++*heard;
        *why = ws.end();
      },
      {}, 1ms));
  visitor v(s);
  std::string said;
  for (int n = 0; n < 800; ++n) said += visitor::frame(0x81, "message " + std::to_string(n) + std::string(100, '.'));
  v.c.say(said + visitor::frame(0x01, "half"));
  s.drain();
  EXPECT_FALSE(s.drained->wait_until(steady().now() + 100ms)) << "the handler is at work";
  v.c.say(visitor::frame(0x80, "whole too late") + visitor::frame(0x81, "late"));
  *go_on = true;
  EXPECT_EQ(v.hear(), "close 1001");
  EXPECT_EQ(*heard, 800);
  EXPECT_EQ(*why, stream_end::draining);
  v.c.say(visitor::frame(0x82, "after the Close") + visitor::close(1001));
  EXPECT_EQ(v.hear(), "end");
  v.c.close();
  EXPECT_TRUE(s.wait_drained());
  component_report report;
  s.it.account(report);
  EXPECT_EQ(field(report, "messages_after_close"), "3");
}

TEST(websocket, waits_no_longer_than_its_bound_for_a_remote_that_never_answers) {
  serving_test s(serving(echo, {.goodbye_time = 200ms}));
  visitor v(s);
  v.say("x");
  EXPECT_EQ(v.hear(), "T x");
  const time_point began = steady().now();
  s.drain();
  EXPECT_EQ(v.hear(), "close 1001");
  EXPECT_TRUE(s.wait_drained());
  EXPECT_GE(steady().now() - began, 200ms);
  EXPECT_EQ(s.it.connections().timed_out, 1U);
}

TEST(websocket, lets_a_handler_answer_whose_own_work_outlasts_the_goodbye) {
  const auto at_work = std::make_shared<std::atomic<bool>>(false);
  serving_test s(serving(
      [at_work](stream ws) -> task<> {
        while (auto msg = co_await ws.read()) {
          *at_work = true;
          co_await net::wait_until_forced_for({}, 500ms);
          co_await ws.write(*msg);
        }
      },
      {.goodbye_time = 100ms}, 0ms));
  visitor v(s);
  v.say("a");
  v.say("b");
  EXPECT_TRUE(s.eventually([&] { return at_work->load(); }));
  s.drain();
  EXPECT_EQ(v.hear(), "T a");
  EXPECT_EQ(v.hear(), "T b");
  EXPECT_EQ(v.hear(), "close 1001");
  EXPECT_TRUE(s.wait_drained());
  EXPECT_EQ(s.it.connections().timed_out, 1U) << "waiting for the remote's Close is bounded as ever";
}

TEST(websocket, refuses_a_newcomer_while_draining) {
  serving_test s(serving(echo, {.goodbye_time = 300ms}, 0ms));
  auto late = s.enters();
  late.say("GET /ws HTTP/1.1\r\n");
  visitor v(s);
  v.say("x");
  EXPECT_EQ(v.hear(), "T x");
  s.drain();
  EXPECT_EQ(v.hear(), "close 1001");
  const std::string rest = visitor::handshake("/ws");
  late.say(rest.substr(rest.find("Host")));
  const auto r = http::next_reply(late);
  EXPECT_EQ(r.status, 503);
  EXPECT_TRUE(r.closes());
  EXPECT_THAT(r.head, HasSubstr("\r\nRetry-After: 1\r\n"));
}

TEST(websocket, ends_with_what_the_handler_says_or_that_it_threw) {
  const auto answered = std::make_shared<std::atomic<int>>(-1);
  serving_test s(serving([answered](stream ws) -> task<> {
    const auto msg = co_await ws.read();
    if (msg && msg->data == "throw") throw std::runtime_error("on purpose");
    if (msg && msg->data == "close") *answered = co_await ws.close(4321, "enough") ? 1 : 0;
    if (msg && msg->data == "latin") co_await ws.write("\xe9");
  }));
  visitor throws(s), closes(s), returns(s), latin(s);
  throws.say("throw");
  EXPECT_EQ(throws.hear(), "close 1011");
  closes.say("close");
  EXPECT_EQ(closes.hear(), "close 4321");
  EXPECT_EQ(*answered, -1) << "it waits for the remote";
  closes.c.say(visitor::close(4321));
  EXPECT_EQ(closes.hear(), "end");
  EXPECT_TRUE(s.eventually([&] { return *answered == 1; }));
  returns.say("");
  EXPECT_EQ(returns.hear(), "close 1000");
  latin.say("latin");
  EXPECT_EQ(latin.hear(), "close 1011") << "a text that is not UTF-8 is the caller's fault";
}

TEST(websocket, breaks_with_a_remote_that_breaks_the_protocol) {
  serving_test s(serving(echo, {.max_message_bytes = 1000}));
  visitor large(s), unmasked(s), latin(s);
  large.say(std::string(1001, 'x'));
  EXPECT_EQ(large.hear(), "close 1009");
  EXPECT_EQ(large.hear(), "end");
  unmasked.c.say(std::string("\x81\x01x"));
  EXPECT_EQ(unmasked.hear(), "close 1002");
  EXPECT_EQ(unmasked.hear(), "end");
  latin.say("ok");
  EXPECT_EQ(latin.hear(), "T ok");
  latin.say("\xe9");
  EXPECT_EQ(latin.hear(), "close 1007");
  metrics m;
  s.it.measure(m);
}

TEST(websocket, tells_a_handler_that_its_client_has_gone) {
  const auto seen = std::make_shared<std::atomic<int>>(-1);
  serving_test s(serving([seen](stream ws) -> task<> {
    while (co_await ws.read()) {}
    while (!ws.life().forced()) co_await net::wait_until_forced_for(ws.life(), 1h);
    *seen = static_cast<int>(ws.life().cause()) * 10000 + ws.remote_code();
  }));
  visitor resets(s);
  resets.say("x");
  resets.c.reset();
  EXPECT_TRUE(s.eventually([&] { return *seen >= 0; }));
  EXPECT_EQ(*seen, static_cast<int>(cause::client_gone) * 10000 + close_code::gone);
  EXPECT_EQ(s.it.connections().reset_by_remote, 1U);
}

TEST(websocket, hears_a_remote_that_ends_without_a_close) {
  const auto why = std::make_shared<std::atomic<stream_end>>(stream_end::none);
  serving_test s(serving([why](stream ws) -> task<> {
    while (auto msg = co_await ws.read()) co_await ws.write(*msg);
    *why = ws.end();
  }));
  visitor v(s);
  v.say("last");
  v.c.finish_sending();
  EXPECT_EQ(v.hear(), "T last");
  EXPECT_EQ(v.hear(), "close 1000");
  EXPECT_EQ(v.hear(), "end");
  EXPECT_EQ(*why, stream_end::remote);
  EXPECT_TRUE(s.eventually([&] { return s.it.connections().closed_by_remote == 1; }));
}

TEST(websocket, finds_dead_remotes_by_pings) {
  serving_test s(serving(echo, {.idle_ping_after = 50ms, .pong_time = 500ms}));
  visitor dead(s), alive(s);
  EXPECT_EQ(alive.hear(), "ping");
  alive.c.say(visitor::frame(0x8a, ""));
  EXPECT_EQ(dead.hear(), "ping");
  for (const auto by = steady().now() + testing_net::generous; s.it.connections().timed_out == 0;) {
    ASSERT_LT(steady().now(), by);
    ASSERT_EQ(alive.hear(), "ping");
    alive.c.say(visitor::frame(0x8a, ""));
  }
  EXPECT_TRUE(s.eventually([&] { return s.it.connections().timed_out == 1; }));
  EXPECT_EQ(dead.hear(), "end");
}

TEST(websocket, answers_pings_while_its_handler_works) {
  const auto go_on = std::make_shared<std::atomic<bool>>(false);
  serving_test s(serving([go_on](stream ws) -> task<> {
    while (!*go_on) co_await net::wait_until_forced_for({}, 1ms);
    co_await echo(std::move(ws));
  }));
  visitor v(s);
  v.say("a");
  v.c.say(visitor::frame(0x89, "1"));
  EXPECT_EQ(v.hear(), "pong 1");
  *go_on = true;
  EXPECT_EQ(v.hear(), "T a");
}

TEST(websocket, slows_down_a_remote_that_is_not_read_and_bounds_one_that_does_not_read) {
  const auto written = std::make_shared<std::atomic<std::size_t>>(0);
  serving_test s(serving(
      [written](stream ws) -> task<> {
        const std::string piece(16 * 1024, 'x');
        while (co_await ws.write_binary(piece)) *written += piece.size();
      },
      {.write_time = 300ms}));
  visitor v(s, "/ws", "", 4096);
  const std::string much = visitor::frame(0x82, std::string(100'000, 'y'));
  std::thread says([&] {
    for (int n = 0; n < 1000; ++n)
      if (v.c.say(much) < much.size()) break;
  });
  EXPECT_TRUE(s.eventually([&] { return s.it.connections().timed_out + s.it.connections().reset_by_remote == 1; }));
  says.join();
  EXPECT_GT(*written, 0U);
  EXPECT_LT(*written, 16U * 1024 * 1024);
}

TEST(websocket, reads_in_one_coroutine_and_writes_in_another) {
  serving_test s(serving([](stream ws) -> task<> {
    const auto executor = co_await boost::asio::this_coro::executor;
    const auto over = std::make_shared<std::atomic<bool>>(false);
    boost::asio::co_spawn(
        executor,
        [](stream& w, std::shared_ptr<std::atomic<bool>> done) -> task<> {
          const std::string piece(64 * 1024, 'x');
          for (int n = 0; n < 100; ++n) co_await w.write_binary(piece);
          *done = true;
        }(ws, over),
        boost::asio::detached);
    while (auto msg = co_await ws.read()) {}
    while (!*over) co_await net::wait_until_forced_for({}, 1ms);
  }));
  visitor v(s);
  v.say("reads meanwhile");
  std::size_t bytes = 0;
  for (int n = 0; n < 100; ++n) bytes += v.hear().size() - 2;
  EXPECT_EQ(bytes, 100U * 64 * 1024);
  v.c.say(visitor::close(1000));
  EXPECT_EQ(v.hear(), "close 1000");
}

TEST(websocket, cuts_a_handler_that_never_returns_and_says_why_at_last) {
  serving_test s(serving([](stream ws) -> task<> {
    while (!ws.life().forced()) co_await net::wait_until_forced_for(ws.life(), 1h);
  }));
  visitor v(s);
  v.c.say(visitor::frame(0x89, "1"));
  EXPECT_EQ(v.hear(), "pong 1");
  s.drain();
  EXPECT_FALSE(s.drained->wait_until(steady().now() + 100ms));
  s.it.force();
  EXPECT_EQ(v.hear(), "close 1001");
  EXPECT_TRUE(s.wait_drained());
  EXPECT_EQ(s.it.connections().forced, 1U);
}

}  // namespace lastcall::ws::websocket_test
