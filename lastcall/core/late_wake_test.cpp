#include "lastcall/core/late_wake.hpp"

#include <gtest/gtest.h>

namespace lastcall::late_wake_test {

using namespace std::chrono_literals;

const time_point noon{12h};

TEST(late_wake, gets_one_further_moment) {
  late_wakes wakes;
  EXPECT_EQ(wakes.further_wait(noon, noon), std::nullopt);
  EXPECT_EQ(wakes.further_wait(noon, noon + 100ms), std::nullopt);
  EXPECT_EQ(wakes.further_wait(noon, noon - 1s), std::nullopt);
  EXPECT_EQ(wakes.further_wait(noon, noon + 101ms), noon + 201ms);
  EXPECT_EQ(wakes.further_wait(noon, noon + 1h), std::nullopt);
  EXPECT_EQ(wakes.further_wait(noon, noon), std::nullopt);
  EXPECT_EQ(wakes.further_wait(noon, noon + 1h, 1s), noon + 1h + 1s);
}

TEST(late_wake, gets_as_many_in_a_row_as_was_said) {
  late_wakes wakes(3, 30ms);
  EXPECT_EQ(wakes.further_wait(noon, noon + 30ms), std::nullopt);
  for (int i = 0; i < 3; ++i) EXPECT_EQ(wakes.further_wait(noon, noon + 1s), noon + 1100ms);
  EXPECT_EQ(wakes.further_wait(noon, noon + 1s), std::nullopt);
  EXPECT_EQ(wakes.further_wait(noon, noon + 1s), noon + 1100ms) << "counted anew";
  EXPECT_EQ(wakes.further_wait(noon, noon), std::nullopt);
  for (int i = 0; i < 3; ++i) EXPECT_EQ(wakes.further_wait(noon, noon + 1s), noon + 1100ms);
}

}  // namespace lastcall::late_wake_test
