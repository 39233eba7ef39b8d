#include "lastcall/net/wait.hpp"

#include <gtest/gtest.h>

#include <atomic>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/thread_pool.hpp>
#include <optional>
#include <thread>

namespace lastcall::net::wait_test {

using namespace std::chrono_literals;

/// What `wait` comes to on a thread of its own, when `then` has been done meanwhile.
template <class Wait, class Then> std::optional<bool> outcome_of(Wait wait, Then then) {
  boost::asio::io_context io;
  std::optional<bool> in_time;
  const auto run = [&]() -> task<> { in_time = co_await wait(); };
  boost::asio::co_spawn(io, run, boost::asio::detached);
  std::jthread loop([&] { io.run_for(20s); });
  then();
  loop.join();
  return in_time;
}
const auto nothing = [] {};

TEST(wait, is_true_when_the_time_has_passed) {
  EXPECT_EQ(outcome_of([] { return wait_for({}, 1ms); }, nothing), true);
  EXPECT_EQ(outcome_of([] { return wait_until_forced_for({}, 0ms); }, nothing), true);
}

TEST(wait, ends_with_its_stage_and_no_other) {
  context_source draining;
  EXPECT_EQ(outcome_of([&] { return wait_for(draining.get(), 10s); }, [&] { draining.begin_drain(time_point::max()); }),
            false);
  EXPECT_EQ(outcome_of([&] { return wait_until_forced_for(draining.get(), 5ms); }, nothing), true);
  EXPECT_EQ(outcome_of([&] { return wait_until_forced_for(draining.get(), 10s); }, [&] { draining.force(); }), false);
}

TEST(wait, says_where_it_is_while_it_lasts) {
  context_source life;
  std::string seen;
  outcome_of([&] { return wait_for(life.get(), 10s); },
             [&] {
               const time_point by = steady().now() + 20s;
               while (seen.empty() && steady().now() < by) seen = life.get().waits_for();
               life.begin_drain({});
             });
  EXPECT_EQ(seen.find("time to pass (wait_test.cpp:"), 0U) << seen;
  EXPECT_EQ(life.get().waits_for(), "");
}

TEST(wait, does_not_begin_after_the_end) {
  context_source over;
  over.force();
  EXPECT_EQ(outcome_of([&] { return wait_for(over.get(), duration::max()); }, nothing), false);
  EXPECT_EQ(outcome_of([&] { return wait_until_forced_for(over.get(), duration::max()); }, nothing), false);
}

// A coroutine that is told before it waits does not wait.
TEST(wait, ends_on_an_executor_of_several_threads) {
  const time_point began = steady().now();
  std::atomic<int> ended = 0;
  boost::asio::thread_pool threads(4);
  for (int i = 0; i < 4000; ++i) {
    context_source life;
    boost::asio::co_spawn(
        threads,
        [&ended, with = life.get()]() -> task<> {
          if (!co_await wait_for(with, 60s)) ++ended;
        },
        boost::asio::detached);
    life.begin_drain({});
  }
  threads.join();
  EXPECT_EQ(ended, 4000);
  EXPECT_LT(steady().now() - began, 60s) << "an end was lost";
}

TEST(wait, for_ever_is_no_overflow) {
  context_source life;
  EXPECT_EQ(outcome_of([&] { return wait_for(life.get(), duration::max()); }, [&] { life.begin_drain({}); }), false);
}

}  // namespace lastcall::net::wait_test
