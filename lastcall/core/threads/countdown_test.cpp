#include "lastcall/core/threads/countdown.hpp"

#include <gtest/gtest.h>

#include <thread>

namespace lastcall::countdown_test {

using namespace std::chrono_literals;

TEST(countdown, is_over_when_all_have_counted) {
  countdown two(2);
  EXPECT_FALSE(two.wait_until(steady().now()));
  std::thread first([&] { two.count_down(); }), second([&] { two.count_down(); });
  EXPECT_TRUE(two.wait_until(steady().now() + 10s));
  first.join();
  second.join();
  EXPECT_TRUE(two.wait_until(steady().now() - 1s)) << "it stays over";
}

TEST(countdown, gives_up_at_the_given_time) {
  countdown never(1);
  const time_point before = steady().now();
  EXPECT_FALSE(never.wait_until(before + 20ms));
  EXPECT_GE(steady().now(), before + 20ms);
}

TEST(countdown, ignores_surplus_counts) {
  countdown none(0);
  EXPECT_TRUE(none.wait_until(steady().now()));
  none.count_down();
  EXPECT_TRUE(none.wait_until(steady().now()));
}

}  // namespace lastcall::countdown_test
