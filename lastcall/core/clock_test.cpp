#include "lastcall/core/clock.hpp"

#include <gtest/gtest.h>

namespace lastcall::clock_test {

TEST(clock, steady_is_the_standard_steady_clock) {
  const time_point before = std::chrono::steady_clock::now();
  const time_point now = steady().now();
  EXPECT_GE(now, before);
  EXPECT_LE(now, std::chrono::steady_clock::now());
}

TEST(clock, can_be_replaced_by_one_that_stands_still) {
  struct still : clock {
    time_point now() const noexcept override { return time_point(std::chrono::hours(7)); }
  };
  const still virtual_time;
  const clock& any = virtual_time;
  EXPECT_EQ(any.now().time_since_epoch(), std::chrono::hours(7));
}

}  // namespace lastcall::clock_test
