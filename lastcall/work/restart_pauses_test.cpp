#include "lastcall/work/restart_pauses.hpp"

#include <gtest/gtest.h>

namespace lastcall::restart_pauses_test {

using namespace std::chrono_literals;

TEST(restart_pauses, double_up_to_the_longest) {
  detail::restart_pauses pauses(100ms, 1s);
  for (const duration wanted : {100ms, 200ms, 400ms, 800ms, 1000ms, 1000ms}) EXPECT_EQ(pauses.after(0s, 0), wanted);
}

TEST(restart_pauses, begin_anew_after_a_long_run) {
  detail::restart_pauses pauses(100ms, 1s);
  EXPECT_EQ(pauses.after(0s, 0), 100ms);
  EXPECT_EQ(pauses.after(999ms, 0), 200ms);
  EXPECT_EQ(pauses.after(1s, 0), 100ms);
}

TEST(restart_pauses, are_shorter_by_up_to_half_at_random) {
  detail::restart_pauses pauses(100ms, 1s);
  EXPECT_EQ(pauses.after(0s, 0.5), 75ms);
  EXPECT_EQ(pauses.after(0s, 1), 100ms);
}

TEST(restart_pauses, whose_first_is_the_longer_one_are_the_longest) {
  detail::restart_pauses pauses(10s, 1s);
  EXPECT_EQ(pauses.after(0s, 0), 1s);
}

}  // namespace lastcall::restart_pauses_test
