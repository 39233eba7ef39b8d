#include "lastcall/core/manager/stop_extension.hpp"

#include <gtest/gtest.h>

namespace lastcall::stop_extension_test {

using namespace std::chrono_literals;
using detail::stop_extension;

const time_point asked{1h};

TEST(stop_extension, asks_for_a_second_each_second_from_half_of_the_time_on_while_something_is_finished) {
  stop_extension e(asked, 10s, 1s);
  std::uint64_t finished = 0;
  int times = 0;
  for (time_point now = asked; now < asked + 60s; now += 100ms) {
    const auto asks = e.asks(now, ++finished);
    EXPECT_FALSE(e.forces(now));
    if (!asks) continue;
    EXPECT_EQ(now, asked + 5s + times * 1s);
    EXPECT_EQ(*asks, 6s);
    ++times;
  }
  EXPECT_EQ(times, 55);
}

TEST(stop_extension, forces_so_long_before_the_kill_as_the_end_takes_when_nothing_is_finished) {
  stop_extension e(asked, 10s, 1s);
  EXPECT_FALSE(e.asks(asked, 7));
  EXPECT_FALSE(e.asks(asked + 4s, 8)) << "in the first half";
  EXPECT_FALSE(e.asks(asked + 6s, 8)) << "nothing more was finished";
  EXPECT_FALSE(e.forces(asked + 10s - 1s - stop_extension::margin - 1ns));
  EXPECT_TRUE(e.forces(asked + 10s - 1s - stop_extension::margin));
  EXPECT_FALSE(e.asks(asked + 9s, 9)) << "too late: the force has begun";
}

TEST(stop_extension, has_no_more_than_half_of_the_time_once_nothing_is_finished_any_more) {
  stop_extension e(asked, 10s, 1s);
  std::uint64_t finished = 0;
  for (time_point now = asked; now < asked + 20s; now += 500ms) static_cast<void>(e.asks(now, ++finished));
  EXPECT_EQ(e.killed_at(), asked + 25s);
  EXPECT_TRUE(e.asks(asked + 20s, finished)) << "the last is not yet asked for";
  EXPECT_FALSE(e.asks(asked + 22s, finished));
  EXPECT_EQ(e.force_at(), asked + 25s - stop_extension::margin);
}

}  // namespace lastcall::stop_extension_test
