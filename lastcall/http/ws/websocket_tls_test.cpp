// WebSockets over TLS: what the remote hears and what is delivered is the same, and nothing passes beside TLS.
#include <gmock/gmock.h>
#include <sys/ioctl.h>

#include <atomic>
#include <memory>
#include <string>
#include <utility>

#include "lastcall/core/threads/countdown.hpp"
#include "lastcall/http/ws/websocket.hpp"
#include "lastcall/http/ws/websocket_visitor_test.hpp"
#include "lastcall/net/tls/tls_client_test.hpp"
#include "lastcall/net/wait.hpp"

namespace lastcall::ws::websocket_tls_test {

using namespace std::chrono_literals;
using http::serving_test;
using testing_net::authority;
using testing_net::generous;
using testing_net::tls_client;

struct websocket_tls : ::testing::Test {
  http::server_options serving(handler h, stream_options o = {}) {
    http::router r;
    r.websocket("/ws", std::move(h), std::move(o));
    return {
        .routes = std::move(r), .jitter = 0ms, .tls_port = 0, .tls = {.certificates = {{keys.chain, keys.key, {}}}}};
  }
  /// One whose handshakes are over.
  tls_client enters(const serving_test& to) {
    tls_client c(to.it.tls_address(), {.ca_file = ca.ca_file()});
    EXPECT_TRUE(c.shake_hands());
    c.say(visitor::handshake("/ws"));
    EXPECT_EQ(http::next_reply(c).status, 101);
    return c;
  }

  authority ca;
  authority::files keys = ca.issue({}, "server");
};

TEST_F(websocket_tls, says_its_last_words_within_tls) {
  serving_test s(serving([](stream ws) -> task<> {
    while (!ws.life().forced()) co_await net::wait_until_forced_for(ws.life(), 1h);
  }));
  auto c = enters(s);
  c.say(visitor::frame(0x89, "1"));
  EXPECT_EQ(c.hear_bytes(3),
            "\x8a\x01"
            "1");
  s.drain();
  s.it.force();
  EXPECT_EQ(c.hear_all(), "\x88\x02\x03\xe9");
  EXPECT_EQ(c.reason(), 0) << "no bytes that are none of TLS";
  EXPECT_FALSE(c.told_of_the_end()) << "it was cut, and looks like it";
  EXPECT_TRUE(s.wait_drained());
}

TEST_F(websocket_tls, tells_its_handler_that_it_came_over_tls) {
  const auto secure = std::make_shared<std::atomic<bool>>(false);
  serving_test s(serving([=](const http::request& r, stream) -> task<> {
    *secure = r.secure();
    co_return;
  }));
  auto c = enters(s);
  EXPECT_EQ(c.hear_bytes(4), "\x88\x02\x03\xe8");
  EXPECT_TRUE(*secure);
  c.close();
}

TEST_F(websocket_tls, delivers_what_tls_holds_when_it_is_told) {
  const auto heard = std::make_shared<std::atomic<int>>(0);
  const auto go_on = std::make_shared<std::atomic<bool>>(false);
  serving_test s(serving(
      [=](stream ws) -> task<> {
        while (!*go_on) co_await net::wait_until_forced_for({}, 1ms);
        while (co_await ws.read()) ++*heard;
      },
      {.input_bytes = 4096}));
  auto c = enters(s);
  // More than the session takes before it is told, in records that are no whole parts of what it reads at once.
  const std::string one = visitor::frame(0x81, std::string(92, '.'));
  std::string said;
  for (int n = 0; n < 100; ++n) said += one;
  for (int n = 0; n < 10; ++n) ASSERT_TRUE(c.say(said));
  int on_the_way = 1;
  EXPECT_TRUE(s.eventually([&] { return ::ioctl(c.fd(), TIOCOUTQ, &on_the_way) == 0 && on_the_way == 0; }));
  s.drain();
  EXPECT_FALSE(s.drained->wait_until(steady().now() + 100ms)) << "the handler is at work";
  *go_on = true;
  EXPECT_EQ(c.hear_bytes(4), "\x88\x02\x03\xe9");
  EXPECT_EQ(*heard, 1000);
  c.say(visitor::close(1001));
  c.hear_all();
  c.close();
  EXPECT_TRUE(s.wait_drained());
}

TEST_F(websocket_tls, has_a_thread_know_the_remotes_close_whose_answer_fails) {
  const auto code = std::make_shared<std::atomic<int>>(0);
  const auto why = std::make_shared<std::atomic<stream_end>>(stream_end::none);
  serving_test s(serving(blocking([=](stream ws) {
    countdown ended(1), read(1);
    // Holds the loop's thread where it has let the handler go.
    const stop_callback at_end(ws.life().forced_token(), [&] {
      ended.count_down();
      read.wait_until(steady().now() + generous);
    });
    ws.write_blocking("in");
    ended.wait_until(steady().now() + generous);
    while (ws.read_blocking()) {}
    *code = ws.remote_code();
    *why = ws.end();
    read.count_down();
  })));
  auto c = enters(s);
  EXPECT_EQ(c.hear_bytes(4), "\x81\x02in");
  const std::string close = visitor::close(3001);
  ASSERT_EQ(SSL_write(c.ssl(), close.data(), static_cast<int>(close.size())), static_cast<int>(close.size()));
  c.say_raw(c.owed() + std::string(100, 'x'));  // at once: TLS is broken when the Close is answered
  EXPECT_TRUE(s.eventually([&] { return *why != stream_end::none; }));
  EXPECT_EQ(*why, stream_end::remote);
  EXPECT_EQ(*code, 3001);
}

}  // namespace lastcall::ws::websocket_tls_test
