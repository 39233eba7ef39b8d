// Many callers of few leases, who give up, break what they have, and come again: nobody is forgotten.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <random>
#include <thread>
#include <vector>

#include "lastcall/work/pool.hpp"

namespace lastcall::pool_load_test {

using namespace std::chrono_literals;

TEST(pool_load, loses_no_caller_that_waits) {
  constexpr std::size_t threads = 64;
  constexpr int rounds = 60;
  const unsigned seed = std::random_device{}();
  SCOPED_TRACE("seed " + std::to_string(seed));
  std::atomic<int> served = 0, gave_up = 0, forgotten = 0;
  pool<int> all({.open = [](const context&) { return 7; }, .most = 8, .longest_wait = 60s});
  all.start({});
  std::vector<std::jthread> callers;
  for (unsigned i = 0; i < threads; ++i)
    callers.emplace_back([&, i] {
      std::minstd_rand random(seed + i);
      for (int round = 0; round < rounds; ++round) {
        const bool impatient = random() % 4 == 0;
        const auto one = all.acquire(impatient ? within({}, std::chrono::microseconds(random() % 500)) : context());
        if (!one) {
          ++(impatient && one.error().why() == no_lease::reason::forced ? gave_up : forgotten);
          continue;
        }
        ++served;
        if (random() % 3 == 0) std::this_thread::yield();
      }
    });
  callers.clear();
  EXPECT_EQ(forgotten, 0);
  EXPECT_EQ(served + gave_up, static_cast<int>(threads) * rounds);
  metrics now;
  all.measure(now);
  EXPECT_THAT(now.text(), ::testing::AllOf(::testing::HasSubstr("lastcall_pool_leases 0\n"),
                                           ::testing::HasSubstr("lastcall_pool_waiting 0\n")));
  all.drain({}, [] {});
  all.stop();
}

TEST(pool_load, replaces_what_breaks_while_many_wait) {
  constexpr int threads = 16, rounds = 12;
  std::atomic<int> opened = 0, served = 0;
  pool<int> all({.open = [&](const context&) { return ++opened; }, .most = 4, .longest_wait = 60s});
  all.start({});
  std::vector<std::jthread> callers;
  for (int i = 0; i < threads; ++i)
    callers.emplace_back([&] {
      for (int round = 0; round < rounds; ++round) {
        auto one = all.acquire();
        if (!one) continue;
        one->broken();
        ++served;
      }
    });
  callers.clear();
  EXPECT_EQ(served, threads * rounds);
  EXPECT_GE(opened, threads * rounds);
  all.drain({}, [] {});
  all.stop();
}

}  // namespace lastcall::pool_load_test
