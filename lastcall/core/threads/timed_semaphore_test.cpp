#include "lastcall/core/threads/timed_semaphore.hpp"

#include <gtest/gtest.h>

#include <atomic>
#include <thread>
#include <vector>

namespace lastcall::timed_semaphore_test {

using namespace std::chrono_literals;
using lastcall::steady;
using lastcall::detail::semaphore_hold;
using lastcall::detail::timed_semaphore;

TEST(timed_semaphore, is_one_at_a_time) {
  timed_semaphore one;
  int count = 0;  // guarded by it
  std::vector<std::jthread> all;
  for (int i = 0; i < 4; ++i)
    all.emplace_back([&] {
      for (int k = 0; k < 1000; ++k) {
        const semaphore_hold mine(one, 20s);
        ASSERT_TRUE(mine);
        ++count;
      }
    });
  all.clear();
  EXPECT_EQ(count, 4000);
}

TEST(timed_semaphore, is_not_waited_for_beyond_the_bound) {
  timed_semaphore one;
  const semaphore_hold hangs(one, 0s);
  ASSERT_TRUE(hangs);
  const auto from = steady().now();
  EXPECT_FALSE(semaphore_hold(one, 20ms));
  EXPECT_GE(steady().now() - from, 20ms);
}

}  // namespace lastcall::timed_semaphore_test
