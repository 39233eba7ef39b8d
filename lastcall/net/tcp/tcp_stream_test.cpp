#include "lastcall/net/tcp/tcp_stream.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <boost/asio/post.hpp>
#include <boost/asio/this_coro.hpp>
#include <memory>
#include <string>
#include <thread>
#include <type_traits>
#include <utility>

#include "lastcall/core/threads/countdown.hpp"
#include "lastcall/net/connection/line_protocol_test.hpp"
#include "lastcall/net/loop/runtime.hpp"
#include "lastcall/net/tcp/tcp_server.hpp"
#include "lastcall/net/wait.hpp"

namespace lastcall::net::tcp_stream_test {

using namespace std::chrono_literals;

TEST(tcp_stream, belongs_to_its_handler) {
  auto by_value = [](tcp_stream) -> task<> { co_return; };
  auto blocks = [](tcp_stream) {};
  auto by_reference = [](tcp_stream&) -> task<> { co_return; };
  auto by_const_reference = [](const tcp_stream&) -> task<> { co_return; };
  auto by_rvalue = [](tcp_stream&&) -> task<> { co_return; };  // would not live as long as the coroutine
  auto blocks_by_reference = [](tcp_stream&) {};
  static_assert(std::is_convertible_v<decltype(by_value), session_handler>);
  static_assert(std::is_convertible_v<decltype(blocking(blocks)), session_handler>);
  static_assert(!std::is_constructible_v<session_handler, decltype(by_reference)>);
  static_assert(!std::is_constructible_v<session_handler, decltype(by_const_reference)>);
  static_assert(!std::is_constructible_v<session_handler, decltype(by_rvalue)>);
  static_assert(!std::is_constructible_v<session_handler, decltype(blocking(blocks_by_reference))>);
  static_assert(!std::is_copy_constructible_v<tcp_stream>);
}

TEST(tcp_stream, lets_others_run_while_a_handler_goes_on_writing_to_nobody) {
  const logger quiet(log_level::none, nullptr);
  net::runtime on({.threads = 1, .log = quiet});
  const auto over = std::make_shared<countdown>(1);
  const auto writes = std::make_shared<std::atomic<int>>(0);
  tcp_server server({.address = "127.0.0.1",
                     .handler = [=](tcp_stream s) -> task<> {
                       while (co_await s.write("x")) co_await wait_until_forced_for({}, 1ms);
                       const auto others_ran = std::make_shared<bool>(false);
                       // On its own: g++ 12 destroys a lambda twice that stands in one expression with co_await.
                       const auto loop = co_await boost::asio::this_coro::executor;
                       boost::asio::post(loop, [=] { *others_ran = true; });
                       for (; *writes < 1'000'000 && !*others_ran; ++*writes) co_await s.write("x");
                       over->count_down();
                     }},
                    on, quiet);
  on.start({});
  server.start({});
  testing_net::client c(server.addresses().at(0));
  EXPECT_EQ(c.hear_bytes(1), "x");
  c.reset();
  EXPECT_TRUE(over->wait_until(steady().now() + testing_net::generous));
  EXPECT_LT(*writes, 1'000);
  server.stop();
  on.stop();
}

TEST(tcp_stream, lets_others_run_while_its_remote_sends_as_fast_as_its_handler_reads) {
  const logger quiet(log_level::none, nullptr);
  net::runtime on({.threads = 1, .log = quiet});
  const auto longest = std::make_shared<std::atomic<int>>(0);
  const auto over = std::make_shared<countdown>(1);
  tcp_server server({.address = "127.0.0.1",
                     .handler = [=](tcp_stream s) -> task<> {
                       const auto loop = co_await boost::asio::this_coro::executor;
                       const auto others_ran = std::make_shared<bool>(true);
                       int in_a_row = 0;
                       for (int lines = 0; lines < 1000; ++lines) {
                         const auto line = co_await s.read_until();
                         if (!line) break;
                         ++in_a_row;
                         if (!std::exchange(*others_ran, false)) continue;
                         *longest = std::max(longest->load(), std::exchange(in_a_row, 0));
                         boost::asio::post(loop, [=] { *others_ran = true; });
                       }
                       *longest = std::max(longest->load(), in_a_row);
                       over->count_down();
                     }},
                    on, quiet);
  on.start({});
  server.start({});
  testing_net::client c(server.addresses().at(0));
  std::string lines;
  for (int i = 0; i < 1000; ++i) lines += "x\n";
  c.say(lines);
  EXPECT_TRUE(over->wait_until(steady().now() + testing_net::generous));
  EXPECT_GT(*longest, 0);
  EXPECT_LE(*longest, 200);
  server.stop();
  on.stop();
}

/// What the remote says between two of them, while the loop is busy, is read all the same.
TEST(tcp_stream, begins_anew_with_each_read_on) {
  const logger quiet(log_level::none, nullptr);
  net::runtime on({.threads = 1, .log = quiet});
  const auto reads_on = std::make_shared<countdown>(1), said = std::make_shared<countdown>(1);
  tcp_server server({.address = "127.0.0.1",
                     .handler = [=](tcp_stream s) -> task<> {
                       while (co_await s.read_until()) {}
                       s.read_on(20ms);
                       while (co_await s.read_until()) {}
                       reads_on->count_down();
                       said->wait_until(steady().now() + testing_net::generous);
                       s.read_on(20ms);
                       const auto late = co_await s.read_until();
                       const std::string answer = late ? "late " + std::string(*late) + "\n" : "nothing\n";
                       co_await s.write(answer);
                     },
                     .idle_drain_after = 20ms,
                     .jitter = 0s},
                    on, quiet);
  on.start({});
  server.start({});
  testing_net::client c(server.addresses().at(0));
  context_source life;
  life.begin_drain(steady().now() + 30s);
  const auto drained = std::make_shared<countdown>(1);
  server.drain(life.get(), [=] { drained->count_down(); });
  EXPECT_TRUE(reads_on->wait_until(steady().now() + testing_net::generous));
  c.say("b\n");
  said->count_down();
  EXPECT_EQ(c.hear_until("\n"), "late b\n");
  c.close();
  EXPECT_TRUE(drained->wait_until(steady().now() + testing_net::generous));
  server.stop();
  on.stop();
}

}  // namespace lastcall::net::tcp_stream_test
