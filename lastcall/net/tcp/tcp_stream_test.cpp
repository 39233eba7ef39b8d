#include "lastcall/net/tcp/tcp_stream.hpp"

#include <gtest/gtest.h>

#include <atomic>
#include <boost/asio/post.hpp>
#include <boost/asio/this_coro.hpp>
#include <memory>
#include <type_traits>

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

}  // namespace lastcall::net::tcp_stream_test
