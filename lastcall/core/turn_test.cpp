#include "lastcall/core/turn.hpp"

#include <gtest/gtest.h>

#include <atomic>
#include <thread>
#include <vector>

namespace lastcall::turn_test {

using namespace std::chrono_literals;
using lastcall::steady;
using lastcall::detail::in_turn;
using lastcall::detail::turn;

TEST(turn, is_one_at_a_time) {
  turn one;
  int count = 0;  // guarded by it
  std::vector<std::jthread> all;
  for (int i = 0; i < 4; ++i)
    all.emplace_back([&] {
      for (int k = 0; k < 1000; ++k) {
        const in_turn mine(one, 20s);
        ASSERT_TRUE(mine);
        ++count;
      }
    });
  all.clear();
  EXPECT_EQ(count, 4000);
}

TEST(turn, is_not_waited_for_beyond_the_bound) {
  turn one;
  const in_turn hangs(one, 0s);
  ASSERT_TRUE(hangs);
  const auto from = steady().now();
  EXPECT_FALSE(in_turn(one, 20ms));
  EXPECT_GE(steady().now() - from, 20ms);
}

}  // namespace lastcall::turn_test
