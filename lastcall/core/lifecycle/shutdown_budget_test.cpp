#include "lastcall/core/lifecycle/shutdown_budget.hpp"

#include <gtest/gtest.h>

namespace lastcall::shutdown_budget_test {

using namespace std::chrono_literals;

TEST(shutdown_budget, keeps_a_tenth_in_reserve_but_at_least_what_a_cut_takes_and_at_most_two_seconds) {
  EXPECT_EQ(usual_reserve(20s), 2s);
  EXPECT_EQ(usual_reserve(60s), 2s);
  EXPECT_EQ(usual_reserve(5s), 500ms);
  EXPECT_EQ(usual_reserve(200ms), 50ms);
  EXPECT_EQ(usual_reserve(60ms), 30ms);
  EXPECT_EQ(usual_reserve(0s), 0s);
}

TEST(shutdown_budget, divides_a_shorter_time_as_the_whole_and_adds_a_longer_one_to_the_drain) {
  const shutdown_budget whole{.grace = 20s, .reserve = 2s, .readiness_delay = 4s};
  EXPECT_EQ(whole.within(5s).grace, 5s);
  EXPECT_EQ(whole.within(5s).reserve, 500ms);
  EXPECT_EQ(whole.within(5s).readiness_delay, 1s);
  EXPECT_EQ(whole.within(60s).grace, 60s);
  EXPECT_EQ(whole.within(60s).reserve, 2s);
  EXPECT_EQ(whole.within(0s).reserve, 0s);
}

TEST(shutdown_budget, leaves_the_process_within_100_ms_of_the_deadline) {
  EXPECT_LT(time_for_report + time_for_watchdog, 100ms);
}

}  // namespace lastcall::shutdown_budget_test
