#include "lastcall/net/tcp/tcp_server.hpp"

#include <gmock/gmock.h>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/thread_pool.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <memory>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

#include "lastcall/core/threads/countdown.hpp"
#include "lastcall/net/connection/line_protocol_test.hpp"
#include "lastcall/net/loop/runtime.hpp"
#include "lastcall/net/wait.hpp"

namespace lastcall::net::tcp_server_test {

using namespace std::chrono_literals;
using ::testing::HasSubstr;
using testing_net::client;
using testing_net::generous;

const logger quiet(log_level::none, nullptr);

task<> echo_lines(tcp_stream& s) {
  while (auto line = co_await s.read_until()) co_await s.write(std::string(*line) + "\n");
  if (s.end() == stream_end::draining) co_await s.write("bye\n");
}
task<> echo(tcp_stream s) { co_await echo_lines(s); }

/// A server on a runtime of its own, driven as the lifecycle would.
struct inn {
  explicit inn(session_handler h = session_handler(echo), session_limits limits = {}, std::size_t most = 0)
      : server({.address = "127.0.0.1",
                .handler = std::move(h),
                .limits = limits,
                .max_connections = most,
                .jitter = 20ms,
                .linger = 5s},
               runtime, quiet) {
    runtime.start({});
    server.start({});
  }
  ~inn() {
    server.stop();
    runtime.stop();
  }
  std::unique_ptr<client> enters() { return std::make_unique<client>(server.addresses().at(0)); }
  void drain() {
    life.begin_drain(steady().now() + 30s);
    server.drain(life.get(), [this] { drained->count_down(); });
  }
  bool wait_drained() { return drained->wait_until(steady().now() + generous); }

  net::runtime runtime{{.threads = 2, .log = quiet}};
  tcp_server server;
  context_source life;
  std::shared_ptr<countdown> drained = std::make_shared<countdown>(1);
};

TEST(tcp_server, has_its_handler_converse) {
  inn i;
  auto c = i.enters();
  c->say("a\nb\nhal");
  EXPECT_EQ(c->hear_until("b\n"), "a\nb\n");
  c->say("f\n");
  EXPECT_EQ(c->hear_until("\n"), "half\n");
  c->finish_sending();
  EXPECT_EQ(c->hear_all(), "");
  EXPECT_EQ(c->heard_error(), 0);
}

TEST(tcp_server, has_a_handler_that_blocks_converse) {
  inn i(blocking([](tcp_stream s) {
    while (auto line = s.read_until_blocking()) s.write_blocking(std::string(*line) + "!\n");
    if (s.end() == stream_end::draining) s.write_blocking("bye\n");
  }));
  auto c = i.enters();
  c->say("a\n");
  EXPECT_EQ(c->hear_until("\n"), "a!\n");
  i.drain();
  EXPECT_EQ(c->hear_all(), "bye\n");
  c->close();
  EXPECT_TRUE(i.wait_drained());
}

TEST(tcp_server, tells_each_session_and_lets_it_say_goodbye) {
  inn i;
  std::vector<std::unique_ptr<client>> all;
  for (int n = 0; n < 50; ++n) {
    all.push_back(i.enters());
    all.back()->say("x\n");
    EXPECT_EQ(all.back()->hear_until("\n"), "x\n");
  }
  i.drain();
  for (auto& c : all) {
    EXPECT_EQ(c->hear_all(), "bye\n");
    EXPECT_EQ(c->heard_error(), 0);
    c->close();
  }
  EXPECT_TRUE(i.wait_drained());
  EXPECT_EQ(i.server.connections(), (connection_ledger{.accepted = 50, .closed_clean = 50}));
}

TEST(tcp_server, delivers_what_had_come_before_it_ends_the_reading) {
  const auto go_on = std::make_shared<std::atomic<bool>>(false);
  inn i([go_on](tcp_stream s) -> task<> {
    while (!*go_on) co_await wait_until_forced_for({}, 1ms);
    co_await echo_lines(s);
  });
  auto c = i.enters();
  std::string said;
  for (int n = 0; n < 1000; ++n) said += "line " + std::to_string(n) + "\n";
  c->say(said);
  i.drain();
  EXPECT_FALSE(i.drained->wait_until(steady().now() + 100ms)) << "the handler is at work";
  *go_on = true;
  EXPECT_EQ(c->hear_all(), said + "bye\n");
  c->close();
  EXPECT_TRUE(i.wait_drained());
}

task<> echo_and_read_on(tcp_stream s, duration for_quiet) {
  co_await echo_lines(s);
  s.read_on(for_quiet);
  while (auto line = co_await s.read_until()) co_await s.write("late " + std::string(*line) + "\n");
  const std::string why = s.end() == stream_end::draining ? "quiet\n" : "ended\n";
  co_await s.write(why);
}

TEST(tcp_server, reads_on_behind_a_goodbye_until_the_remote_ends_or_is_quiet) {
  for (const bool ends : {true, false}) {
    inn i([ends](tcp_stream s) { return echo_and_read_on(std::move(s), ends ? duration(2s) : duration(200ms)); });
    auto c = i.enters();
    c->say("a\n");
    EXPECT_EQ(c->hear_until("\n"), "a\n");
    i.drain();
    EXPECT_EQ(c->hear_until("\n"), "bye\n");
    c->say("b\n");
    if (ends) c->finish_sending();
    EXPECT_EQ(c->hear_all(), ends ? "late b\nended\n" : "late b\nquiet\n");
    c->close();
    EXPECT_TRUE(i.wait_drained());
    EXPECT_EQ(i.server.connections().timed_out, 0U);
  }
}

TEST(tcp_server, waits_for_a_line_that_has_begun_for_as_long_as_a_goodbye) {
  inn i(session_handler(echo), {.goodbye_time = 200ms});
  auto patient = i.enters(), silent = i.enters();
  patient->say("begun");
  silent->say("begun");
  patient->say(" before\nnow");
  EXPECT_EQ(patient->hear_until("\n"), "begun before\n");
  const time_point began = steady().now();
  i.drain();
  patient->say(" whole\n");
  EXPECT_EQ(patient->hear_all(), "now whole\nbye\n");
  EXPECT_EQ(silent->hear_all(), "");
  EXPECT_GE(steady().now() - began, 200ms);
  patient->close();
  silent->close();
  EXPECT_TRUE(i.wait_drained());
  EXPECT_EQ(i.server.connections().timed_out, 1U) << "a remote that never answers costs only its bound";
}

TEST(tcp_server, lets_a_handler_answer_whose_own_work_outlasts_the_goodbye) {
  const auto at_work = std::make_shared<std::atomic<bool>>(false);
  inn i(
      [at_work](tcp_stream s) -> task<> {
        while (const auto line = co_await s.read_until()) {
          const std::string answer = "answer to " + std::string(*line) + "\n";
          *at_work = true;
          co_await wait_until_forced_for({}, 500ms);
          co_await s.write(answer);
        }
      },
      {.goodbye_time = 100ms});
  auto c = i.enters();
  c->say("a\nb\nbegun");
  while (!*at_work) std::this_thread::yield();
  i.drain();
  EXPECT_EQ(c->hear_all(), "answer to a\nanswer to b\n") << "and the line that has begun is waited for";
  c->close();
  EXPECT_TRUE(i.wait_drained());
  EXPECT_EQ(i.server.connections().timed_out, 1U) << "waiting for the remote is bounded as ever";
}

TEST(tcp_server, lets_a_handler_that_blocks_answer_whose_own_work_outlasts_the_goodbye) {
  const auto at_work = std::make_shared<std::atomic<bool>>(false);
  inn i(blocking([at_work](tcp_stream s) {
          while (const auto line = s.read_until_blocking()) {
            const std::string answer = std::string(*line) + "!\n";
            *at_work = true;
            std::this_thread::sleep_for(500ms);
            s.write_blocking(answer);
          }
        }),
        {.goodbye_time = 100ms});
  auto c = i.enters();
  c->say("a\nbegun");
  while (!*at_work) std::this_thread::yield();
  i.drain();
  EXPECT_EQ(c->hear_all(), "a!\n");
  c->close();
  EXPECT_TRUE(i.wait_drained());
  EXPECT_EQ(i.server.connections().timed_out, 1U);
}

TEST(tcp_server, has_the_context_say_why) {
  const auto seen = std::make_shared<std::atomic<int>>(0);
  inn i([seen](tcp_stream s) -> task<> {
    while (co_await s.read()) {}
    *seen = s.life().forced() ? 2 : s.life().draining() ? 1 : 0;
    while (!s.life().forced()) co_await wait_until_forced_for(s.life(), 1h);
    *seen = 10 + static_cast<int>(s.life().cause());
  });
  auto c = i.enters();
  i.drain();
  while (*seen != 1) std::this_thread::yield();
  c->reset();
  while (*seen < 10) std::this_thread::yield();
  EXPECT_EQ(*seen, 10 + static_cast<int>(cause::client_gone));
  EXPECT_TRUE(i.wait_drained());
}

TEST(tcp_server, slows_down_a_remote_that_is_not_read_and_bounds_one_that_does_not_read) {
  const auto written = std::make_shared<std::atomic<std::size_t>>(0);
  inn i(
      [written](tcp_stream s) -> task<> {
        const std::string piece(16 * 1024, 'x');
        while (co_await s.write(piece)) *written += piece.size();
      },
      {.write_time = 200ms});
  client c(i.server.addresses().at(0), 4096);
  // It ends by its bound: a remote that reads nothing is not written for.
  while (i.server.connections().timed_out == 0) std::this_thread::yield();
  EXPECT_GT(*written, 0U);
  EXPECT_LT(*written, 16U * 1024 * 1024);
}

/// What a client that reads a little at a time, but all the time, has heard after `slow`; then it reads the rest.
std::size_t hear_slowly(client& c, duration slow) {
  std::size_t heard = 0;
  for (const time_point until = steady().now() + slow; steady().now() < until;) {
    const std::size_t some = c.hear_bytes(4096).size();
    if (some == 0) break;
    heard += some;
    std::this_thread::sleep_for(5ms);
  }
  return heard;
}

TEST(tcp_server, waits_for_a_remote_that_reads_slowly_but_reads_on) {
  constexpr std::size_t pieces = 500;
  const std::string piece(16 * 1024, 'x');
  inn i(
      [&piece](tcp_stream s) -> task<> {
        for (std::size_t n = 0; n < pieces; ++n)
          if (!co_await s.write(piece)) co_return;
      },
      {.write_time = 400ms, .goodbye_time = 400ms});
  client c(i.server.addresses().at(0), 32 * 1024);
  std::size_t heard = hear_slowly(c, 1s);
  i.drain();
  heard += hear_slowly(c, 1s);
  EXPECT_FALSE(i.drained->wait_until(steady().now())) << "so much was never taken in that time";
  heard += c.hear_all().size();
  EXPECT_EQ(heard, pieces * piece.size());
  c.close();
  EXPECT_TRUE(i.wait_drained());
  EXPECT_EQ(i.server.connections().timed_out, 0U);
}

TEST(tcp_server, waits_no_longer_for_a_remote_that_stops_reading_within_a_goodbye) {
  inn i(
      [](tcp_stream s) -> task<> {
        const std::string piece(16 * 1024, 'x');
        while (co_await s.write(piece)) {}
      },
      {.goodbye_time = 200ms});
  client c(i.server.addresses().at(0), 4096);
  EXPECT_EQ(c.hear_bytes(100'000).size(), 100'000U);
  i.drain();
  EXPECT_TRUE(i.wait_drained());
  EXPECT_EQ(i.server.connections().timed_out, 1U);
}

TEST(tcp_server, ends_a_line_that_is_too_long) {
  inn i(
      [](tcp_stream s) -> task<> {
        while (co_await s.read_until()) {}
        co_await s.write(s.end() == stream_end::too_long ? "too long\n" : "?\n");
      },
      {.input_bytes = 1024});
  auto c = i.enters();
  c->say(std::string(2000, 'x'));
  EXPECT_EQ(c->hear_until("\n"), "too long\n");
}

TEST(tcp_server, times_out_a_silent_remote_but_not_a_handler_at_work) {
  inn i(
      [](tcp_stream s) -> task<> {
        co_await wait_until_forced_for(s.life(), 300ms);
        co_await s.write("worked\n");
        co_await s.read();
      },
      {.idle_close_after = 50ms});
  auto c = i.enters();
  EXPECT_EQ(c->hear_all(), "worked\n");
  while (i.server.connections().timed_out == 0) std::this_thread::yield();
}

TEST(tcp_server, survives_a_handler_that_throws) {
  inn i([](tcp_stream s) -> task<> {
    co_await s.read();
    throw std::runtime_error("on purpose");
  });
  auto c = i.enters();
  c->say("x");
  EXPECT_EQ(c->hear_all(), "");
  EXPECT_EQ(c->heard_error(), 0);
}

TEST(tcp_server, lets_a_remote_send_on_that_reads_the_farewell_afterwards) {
  inn i(session_handler([](tcp_stream s) -> task<> {
    co_await s.read_until();
    co_await s.write("enough\n");
  }));
  auto c = i.enters();
  for (int n = 0; n < 4; ++n) {
    if (n > 0) std::this_thread::sleep_for(400ms);  // as a slow sender, slower than linger_acknowledged
    EXPECT_EQ(c->say("line\n"), 5U) << n;
  }
  EXPECT_EQ(c->hear_all(), "enough\n");
  EXPECT_EQ(c->heard_error(), 0);
}

TEST(tcp_server, refuses_one_too_many_cleanly) {
  inn i(session_handler(echo), {}, 1);
  auto first = i.enters();
  first->say("a\n");
  EXPECT_EQ(first->hear_until("\n"), "a\n");
  auto second = i.enters();
  EXPECT_EQ(second->hear_all(), "");
  EXPECT_EQ(second->heard_error(), 0);
}

TEST(tcp_server, cuts_what_is_left_when_forced) {
  const auto over = std::make_shared<countdown>(1);
  inn i([over](tcp_stream s) -> task<> {
    co_await s.write("in\n");
    while (!s.life().forced()) co_await wait_until_forced_for(s.life(), 1h);
    over->count_down();
  });
  auto c = i.enters();
  EXPECT_EQ(c->hear_until("\n"), "in\n");
  i.drain();
  i.server.force();
  c->hear_all();
  EXPECT_TRUE(i.wait_drained());
  EXPECT_TRUE(over->wait_until(steady().now() + generous));
  EXPECT_EQ(i.server.connections().forced, 1U);
}

TEST(tcp_server, refuses_options_that_make_no_sense) {
  net::runtime on({.threads = 1, .log = quiet});
  EXPECT_THROW(tcp_server({}, on, quiet), std::invalid_argument) << "no handler";
  EXPECT_THROW(tcp_server({.handler = session_handler(echo), .jitter = -1s}, on, quiet), std::invalid_argument);
  EXPECT_THROW(tcp_server({.handler = session_handler(echo), .tls = {.client_ca_file = "ca.pem"}}, on, quiet),
               std::invalid_argument)
      << "without a certificate there is no TLS, and no client is asked";
}

/// What a handler is told that breaks a rule of its stream. The server serves on.
std::string refusal_of(session_handler breaks_it) {
  std::string why;
  const auto told = std::make_shared<countdown>(1);
  net::runtime on({.threads = 1, .log = quiet});
  tcp_server server({.address = "127.0.0.1", .handler = std::move(breaks_it)}, on,
                    logger(log_level::error, [&](const log_record& r) {
                      for (const auto& field : r.fields) why += field.value;
                      told->count_down();
                    }));
  on.start({});
  server.start({});
  client c(server.addresses().at(0));
  EXPECT_TRUE(told->wait_until(steady().now() + generous));
  EXPECT_EQ(c.hear_all(), "");
  server.stop();
  on.stop();
  return why;
}

TEST(tcp_server, refuses_a_second_reader_of_one_session) {
  EXPECT_THAT(refusal_of([](tcp_stream s) -> task<> {
                boost::asio::co_spawn(co_await boost::asio::this_coro::executor, s.read(), boost::asio::detached);
                co_await boost::asio::post(boost::asio::use_awaitable);  // the first waits now
                co_await s.read();
              }),
              HasSubstr("one at a time"));
}

TEST(tcp_server, refuses_to_block_its_loop) {
  EXPECT_THAT(refusal_of([](tcp_stream s) -> task<> {
                s.read_blocking();
                co_return;
              }),
              HasSubstr("blocks"));
}

TEST(tcp_server, refuses_a_coroutine_on_another_thread) {
  EXPECT_THAT(refusal_of([](tcp_stream s) -> task<> {
                boost::asio::thread_pool elsewhere(1);
                co_await boost::asio::co_spawn(elsewhere, s.read(), boost::asio::use_awaitable);
              }),
              HasSubstr("thread"));
}

TEST(tcp_server, needs_a_runtime_that_runs_and_leaves_it_when_destroyed) {
  net::runtime on({.threads = 1, .log = quiet});
  {
    tcp_server early({.address = "127.0.0.1", .handler = echo}, on, quiet);
    EXPECT_THROW(early.start({}), std::logic_error);
  }
  on.start({});
  std::unique_ptr<client> c;
  {
    tcp_server never_stopped({.address = "127.0.0.1", .handler = echo}, on, quiet);
    never_stopped.start({});
    c = std::make_unique<client>(never_stopped.addresses().at(0));
    c->say("a\n");
    EXPECT_EQ(c->hear_until("\n"), "a\n");
  }
  EXPECT_EQ(c->hear_all(), "");
  on.stop();
}

}  // namespace lastcall::net::tcp_server_test
