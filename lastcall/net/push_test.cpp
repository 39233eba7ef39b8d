#include "lastcall/net/push.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/thread_pool.hpp>
#include <future>
#include <memory>
#include <optional>
#include <semaphore>

namespace lastcall::net::push_test {

using namespace std::chrono_literals;

bool drains(work_queue<int>& all) {
  const auto drained = std::make_shared<std::promise<void>>();
  all.drain({}, [drained] { drained->set_value(); });
  return drained->get_future().wait_for(20s) == std::future_status::ready;
}

/// A queue with room for one number, whose worker works when it is let.
struct queue_of_one : testing::Test {
  queue_of_one() {
    all.start({});
    static_cast<void>(all.push({}, 1));
    begun.acquire();
    static_cast<void>(all.push({}, 2));  // it is full now
  }
  ~queue_of_one() override {
    let.release(2000);
    all.stop();
  }
  template <class F> void spawn(F f) { boost::asio::co_spawn(io, std::move(f), boost::asio::detached); }

  std::counting_semaphore<> begun{0}, let{0};
  std::atomic<int> sum = 0;
  work_queue<int> all{{.work =
                           [this](int& n, const context&) {
                             begun.release();
                             let.acquire();
                             sum += n;
                           },
                       .workers = 1,
                       .most = 1,
                       .longest_wait = 60s,
                       .name = "numbers"}};
  boost::asio::io_context io;
};

TEST_F(queue_of_one, lets_a_coroutine_wait_without_a_thread) {
  std::optional<std::size_t> ahead;
  spawn([&]() -> task<> { ahead = *co_await push(all, {}, 3); });
  io.poll();
  EXPECT_FALSE(ahead);
  let.release();
  io.run_for(20s);
  EXPECT_EQ(ahead, 0U);
}

TEST_F(queue_of_one, refuses_a_coroutine_whose_context_is_forced_and_those_that_wait_when_it_drains) {
  context_source caller;
  std::optional<not_queued::reason> first, second;
  spawn([&]() -> task<> { first = (co_await push(all, caller.get(), 3)).error().why(); });
  spawn([&]() -> task<> { second = (co_await push(all, {}, 4)).error().why(); });
  spawn([&]() -> task<> {
    caller.force();
    co_return;
  });
  boost::asio::post(io, [&] { all.drain({}, [] {}); });
  io.run_for(20s);
  EXPECT_EQ(first, not_queued::reason::forced);
  EXPECT_EQ(second, not_queued::reason::draining);
}

TEST_F(queue_of_one, takes_nothing_from_a_coroutine_that_was_destroyed) {
  {
    boost::asio::io_context gone;
    boost::asio::co_spawn(
        gone, [&]() -> task<> { static_cast<void>(co_await push(all, {}, 100)); }, boost::asio::detached);
    gone.poll();
  }
  let.release(10);
  EXPECT_TRUE(drains(all));
  EXPECT_EQ(sum, 3);
}

TEST_F(queue_of_one, serves_a_thousand_coroutines) {
  let.release(1002);
  for (int i = 0; i < 1000; ++i) spawn([&]() -> task<> { static_cast<void>(*co_await push(all, {}, 1)); });
  io.run_for(60s);
  EXPECT_TRUE(drains(all));
  EXPECT_EQ(sum, 1003);
}

TEST_F(queue_of_one, refuses_a_coroutine_that_waits_when_it_ends) {
  std::optional<not_queued::reason> why;
  const auto go_on = std::make_shared<std::counting_semaphore<>>(0);
  {
    work_queue<int> ends{{.work = [this, go_on](int&, const context&) { begun.release(), go_on->acquire(); },
                          .workers = 1,
                          .most = 1,
                          .longest_wait = 60s}};
    ends.start({});
    static_cast<void>(ends.try_push(1));
    begun.acquire();
    static_cast<void>(ends.try_push(1));
    spawn([&]() -> task<> { why = (co_await push(ends, {}, 3)).error().why(); });
    io.poll();
  }
  go_on->release(10);
  io.run_for(10s);
  EXPECT_EQ(why, not_queued::reason::draining);
}

// A coroutine that is told before it waits does not wait.
TEST(queue, takes_from_coroutines_of_several_threads) {
  std::atomic<int> sum = 0;
  work_queue<int> all{
      {.work = [&](int& n, const context&) { sum += n; }, .workers = 2, .most = 1, .longest_wait = 60s}};
  all.start({});
  std::atomic<bool> was_told = true;
  boost::asio::thread_pool threads(4);
  for (int i = 0; i < 8; ++i)
    boost::asio::co_spawn(
        threads,
        [&]() -> task<> {
          for (int round = 0; round < 2000; ++round) {
            const time_point asked = steady().now();
            static_cast<void>(*co_await push(all, {}, 1));
            if (steady().now() - asked > 55s) was_told = false;
          }
        },
        boost::asio::detached);
  threads.join();
  EXPECT_TRUE(drains(all));
  EXPECT_EQ(sum, 16'000);
  EXPECT_TRUE(was_told) << "a wake-up was lost";
}

}  // namespace lastcall::net::push_test
