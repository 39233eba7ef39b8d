// What docs/guide/awaiting.md says of coroutines that await something foreign: they go on where they were.
#include <gtest/gtest.h>

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/associated_executor.hpp>
#include <boost/asio/async_result.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/experimental/awaitable_operators.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/asio/use_future.hpp>
#include <memory>
#include <thread>

#include "lastcall/net/loop/loop.hpp"
#include "lastcall/net/loop/runtime.hpp"
#include "lastcall/net/task.hpp"
#include "lastcall/net/wait.hpp"

namespace lastcall::net::awaiting_test {

using namespace std::chrono_literals;
using boost::asio::use_awaitable;

struct two_loops {
  two_loops() { threads.start({}); }
  ~two_loops() { threads.stop(); }

  loop& first() { return *detail::loops_of(threads)[0]; }
  loop& second() { return *detail::loops_of(threads)[1]; }
  /// Runs it on the first loop, to its end.
  bool holds(task<bool> work) {
    return boost::asio::co_spawn(first().executor(), std::move(work), boost::asio::use_future).get();
  }

  runtime threads{{.threads = 2, .log = logger(log_level::none, nullptr)}};
};

/// Calls back on a thread that `from` holds.
task<std::thread::id> called_back(std::jthread& from) {
  return boost::asio::async_initiate<const boost::asio::use_awaitable_t<>, void(std::thread::id)>(
      [&from](auto done) {
        const auto kept = std::make_shared<decltype(done)>(std::move(done));
        from = std::jthread([kept] {
          boost::asio::post(boost::asio::get_associated_executor(*kept),
                            [kept, foreign = std::this_thread::get_id()] { std::move (*kept)(foreign); });
        });
      },
      use_awaitable);
}

TEST(awaiting, a_callback_of_another_thread_goes_on_where_it_was) {
  two_loops on;
  std::jthread library;
  const auto work = [](loop& mine, std::jthread& from) -> task<bool> {
    const std::thread::id foreign = co_await called_back(from);
    co_return foreign != std::this_thread::get_id() && mine.is_here();
  };
  EXPECT_TRUE(on.holds(work(on.first(), library)));
}

task<bool> is_on(loop& there) {
  boost::asio::steady_timer timer(co_await boost::asio::this_coro::executor, 1ms);
  co_await timer.async_wait(use_awaitable);
  co_return there.is_here();
}

TEST(awaiting, work_on_another_loop_runs_there_and_then_goes_on_where_it_was) {
  two_loops on;
  const auto work = [](loop& mine, loop& other) -> task<bool> {
    const bool was_there = co_await boost::asio::co_spawn(other.executor(), is_on(other), use_awaitable);
    co_return was_there&& mine.is_here();
  };
  EXPECT_TRUE(on.holds(work(on.first(), on.second())));
}

TEST(awaiting, the_first_of_two_ends_the_other) {
  using namespace boost::asio::experimental::awaitable_operators;
  two_loops on;
  context_source life;
  const auto work = [](const context& ctx) -> task<bool> {
    boost::asio::steady_timer slow(co_await boost::asio::this_coro::executor, 1h);
    const auto timed = co_await (slow.async_wait(use_awaitable) || wait_for(ctx, 1ms));
    boost::asio::steady_timer quick(co_await boost::asio::this_coro::executor, 1ms);
    const auto waited = co_await (quick.async_wait(use_awaitable) || wait_for(ctx, 1h));
    co_return timed.index() == 1 && waited.index() == 0;
  };
  EXPECT_TRUE(on.holds(work(life.get())));
}

}  // namespace lastcall::net::awaiting_test
