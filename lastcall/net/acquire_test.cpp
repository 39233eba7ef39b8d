#include "lastcall/net/acquire.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/thread_pool.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <optional>
#include <stdexcept>

namespace lastcall::net::acquire_test {

using namespace std::chrono_literals;

struct numbers : testing::Test {
  static pool_options<int> one() {
    return {.open = [](const context&) { return 7; }, .most = 1, .longest_wait = 60s, .name = "numbers"};
  }
  template <class F> void spawn(F f) { boost::asio::co_spawn(io, std::move(f), boost::asio::detached); }
  void until_held(const std::optional<lease<int>>& it) {
    for (const deadline by(20s); !it; io.run_one_for(1s))
      if (by.passed(steady().now())) throw std::runtime_error("no lease");
  }

  boost::asio::io_context io;
};

TEST_F(numbers, are_lent_to_a_coroutine_that_waits_without_a_thread) {
  pool<int> all(one());
  all.start({});
  std::optional<lease<int>> held;
  int got = 0;
  spawn([&]() -> task<> { held = *co_await acquire(all, {}); });
  spawn([&]() -> task<> {
    auto mine = *co_await acquire(all, {});
    got = *mine;
  });
  until_held(held);
  EXPECT_EQ(got, 0);
  held.reset();
  io.run_for(20s);
  EXPECT_EQ(got, 7);
}

TEST_F(numbers, run_out_in_time_and_say_who_holds_them) {
  auto options = one();
  options.longest_wait = 20ms;
  pool<int> all(std::move(options));
  all.start({});
  auto held = all.acquire();
  for (const deadline by(20s); !held && !by.passed(steady().now());) held = all.acquire();  // the first is being opened
  std::string why;
  spawn([&]() -> task<> { why = (co_await acquire(all, {})).error().what(); });
  io.run_for(20s);
  EXPECT_THAT(why, testing::HasSubstr("1 of 1 are lent: acquire_test.cpp:"));
}

TEST_F(numbers, are_refused_when_the_context_is_forced_and_when_the_pool_drains) {
  pool<int> all(one());
  all.start({});
  const auto held = all.acquire();
  context_source caller;
  std::optional<no_lease::reason> first;
  std::optional<no_lease::reason> second;
  spawn([&]() -> task<> { first = (co_await acquire(all, caller.get())).error().why(); });
  spawn([&]() -> task<> { second = (co_await acquire(all, {})).error().why(); });
  spawn([&]() -> task<> {
    caller.force();
    co_return;
  });
  boost::asio::post(io, [&] { all.drain({}, [] {}); });
  io.run_for(20s);
  EXPECT_EQ(first, no_lease::reason::forced);
  EXPECT_EQ(second, no_lease::reason::draining);
}

TEST_F(numbers, go_to_the_next_when_the_coroutine_that_waits_is_destroyed) {
  pool<int> all(one());
  all.start({});
  std::optional<lease<int>> held = *all.acquire();
  {
    boost::asio::io_context gone;
    boost::asio::co_spawn(
        gone, [&]() -> task<> { static_cast<void>(co_await acquire(all, {})); }, boost::asio::detached);
    gone.poll();
  }
  held.reset();
  EXPECT_TRUE(all.acquire());
}

TEST_F(numbers, are_refused_when_the_pool_ends_while_the_coroutine_waits) {
  std::optional<pool<int>> all(one());
  all->start({});
  std::optional<lease<int>> held = *all->acquire();
  std::optional<no_lease::reason> why;
  spawn([&]() -> task<> { why = (co_await acquire(*all, {})).error().why(); });
  io.poll();
  all.reset();
  held.reset();
  io.run_for(20s);
  EXPECT_EQ(why, no_lease::reason::draining);
}

// A coroutine that is told before it waits does not wait.
TEST_F(numbers, go_round_among_coroutines_of_several_threads) {
  pool<int> all(one());
  all.start({});
  std::atomic<int> served = 0;
  std::atomic<bool> was_told = true;
  boost::asio::thread_pool threads(4);
  for (int i = 0; i < 8; ++i)
    boost::asio::co_spawn(
        threads,
        [&]() -> task<> {
          for (int round = 0; round < 2000; ++round) {
            const time_point asked = steady().now();
            const auto mine = co_await acquire(all, {});
            if (mine) ++served;
            if (steady().now() - asked > 55s) was_told = false;  // its own timer has woken it
          }
        },
        boost::asio::detached);
  threads.join();
  EXPECT_EQ(served, 16'000);
  EXPECT_TRUE(was_told) << "a wake-up was lost";
}

TEST_F(numbers, go_round_among_a_thousand_coroutines) {
  auto options = one();
  options.most = 8;
  pool<int> all(std::move(options));
  all.start({});
  int served = 0;
  for (int i = 0; i < 1000; ++i)
    spawn([&]() -> task<> {
      const auto mine = *co_await acquire(all, {});
      co_await boost::asio::post(boost::asio::use_awaitable);
      served += *mine;
    });
  io.run_for(60s);
  EXPECT_EQ(served, 7000);
  metrics numbers_of_it;
  all.measure(numbers_of_it);
  EXPECT_THAT(numbers_of_it.text(), testing::HasSubstr("lastcall_pool_leases 0\n"));
}

}  // namespace lastcall::net::acquire_test
