// Raw TCP sessions over TLS: handlers see none of it.
#include <gmock/gmock.h>

#include <algorithm>
#include <atomic>
#include <memory>
#include <string>
#include <thread>

#include "lastcall/core/threads/countdown.hpp"
#include "lastcall/net/connection/line_protocol_test.hpp"
#include "lastcall/net/loop/runtime.hpp"
#include "lastcall/net/tcp/tcp_server.hpp"
#include "lastcall/net/tls/tls_client_test.hpp"
#include "lastcall/net/wait.hpp"

namespace lastcall::net::tcp_tls_test {

using namespace std::chrono_literals;
using testing_net::authority;
using testing_net::client;
using testing_net::generous;
using testing_net::tls_client;

task<> echo(tcp_stream s) {
  while (auto line = co_await s.read_until()) co_await s.write(std::string(*line) + "\n");
  if (s.end() == stream_end::draining) co_await s.write("bye\n");
}

void echo_blocking(tcp_stream s) {
  while (auto line = s.read_until_blocking()) s.write_blocking(std::string(*line) + "\n");
  if (s.end() == stream_end::draining) s.write_blocking("bye\n");
}

struct tcp_tls : ::testing::Test {
  tcp_server_options options(session_handler h) {
    return {.address = "127.0.0.1",
            .handler = std::move(h),
            .jitter = 0s,
            .tls = {.certificates = {{keys.chain, keys.key, {}}}}};
  }
  void serve(session_handler h) {
    on.start({});
    it.emplace(options(std::move(h)), on, logger(log_level::none, nullptr));
    it->start({});
  }
  tls_client enters() { return tls_client(it->addresses().front(), {.ca_file = ca.ca_file()}); }
  ~tcp_tls() override {
    if (it) it->stop();
    on.stop();
  }

  authority ca;
  authority::files keys = ca.issue({}, "server");
  runtime on{runtime::options{.threads = 2}};
  std::optional<tcp_server> it;
};

TEST_F(tcp_tls, echoes_to_handlers_of_both_kinds) {
  for (const bool blocks : {false, true}) {
    if (blocks) {
      it->stop();
      it.emplace(options(blocking(echo_blocking)), on, logger(log_level::none, nullptr));
      it->start({});
    } else {
      serve(echo);
    }
    auto c = enters();
    ASSERT_TRUE(c.shake_hands());
    for (const std::string& line : {std::string("one\n"), std::string(50'000, 'x') + "\n"}) {
      c.say(line);
      EXPECT_EQ(c.hear_until("\n"), line);
    }
    c.say("a\nb\n");
    c.say_close();
    EXPECT_EQ(c.hear_all(), "a\nb\n");
    EXPECT_TRUE(c.told_of_the_end());
    EXPECT_TRUE(c.fin_follows());
  }
}

TEST_F(tcp_tls, says_goodbye_in_the_session_and_then_in_tls) {
  serve(echo);
  auto c = enters(), stalled = enters();
  ASSERT_TRUE(c.shake_hands());
  c.say("one\n");
  EXPECT_EQ(c.hear_until("\n"), "one\n");
  const auto done = std::make_shared<countdown>(1);
  context_source life;
  life.begin_drain(steady().now() + 20s);
  it->drain(life.get(), [done] { done->count_down(); });
  EXPECT_EQ(c.hear_all(), "bye\n");
  EXPECT_TRUE(c.told_of_the_end());
  EXPECT_TRUE(c.fin_follows());
  c.close();
  EXPECT_TRUE(stalled.fin_follows());
  stalled.close();
  EXPECT_TRUE(done->wait_until(steady().now() + generous));
  EXPECT_EQ(it->connections().closed_clean, 2u);
}

TEST_F(tcp_tls, delivers_what_came_before_an_end_without_close_notify) {
  const auto heard = std::make_shared<std::string>();
  const auto why = std::make_shared<std::atomic<stream_end>>(stream_end::none);
  const auto ended = std::make_shared<countdown>(1), over = std::make_shared<countdown>(1);
  serve([=](tcp_stream s) -> task<> {
    while (auto line = co_await s.read_until()) {
      *heard += *line;
      while (!ended->wait_until(steady().now())) co_await wait_until_forced_for({}, 1ms);  // has seen the end by now
      co_await wait_until_forced_for({}, 20ms);
    }
    *why = s.end();
    over->count_down();
  });
  auto c = enters();
  ASSERT_TRUE(c.shake_hands());
  c.say("a\nb\nc\n");
  c.end_sending();
  ended->count_down();
  ASSERT_TRUE(over->wait_until(steady().now() + generous));
  EXPECT_EQ(*heard, "abc");
  EXPECT_EQ(*why, stream_end::remote);
  EXPECT_EQ(c.hear_all(), "");
  c.close();
  while (it->connections().closed_by_remote == 0) std::this_thread::yield();
  component_report said;
  it->account(said);
  const auto cut_off = std::find_if(said.fields.begin(), said.fields.end(),
                                    [](const auto& field) { return field.first == "tls_cut_off"; });
  ASSERT_NE(cut_off, said.fields.end());
}

TEST_F(tcp_tls, begins_no_session_without_a_handshake) {
  std::atomic<int> begun{0};
  serve([&](tcp_stream) -> task<> {
    ++begun;
    co_return;
  });
  client c(it->addresses().front());
  c.say("GET / HTTP/1.1\r\n\r\n");
  EXPECT_EQ(c.hear_all(), "");
  EXPECT_EQ(begun, 0);
}

}  // namespace lastcall::net::tcp_tls_test
