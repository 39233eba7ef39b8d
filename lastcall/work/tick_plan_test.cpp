#include "lastcall/work/tick_plan.hpp"

#include <gtest/gtest.h>

namespace lastcall::tick_plan_test {

using namespace std::chrono_literals;

constexpr time_point zero{};

TEST(tick_plan, begins_at_once_and_does_not_drift) {
  detail::tick_plan plan(10s, 0s, zero);
  EXPECT_EQ(plan.next(zero, 0), zero);
  EXPECT_EQ(plan.next(zero + 3s, 0), zero + 10s);
  EXPECT_EQ(plan.next(zero + 19s, 0), zero + 20s);
  EXPECT_EQ(plan.skipped(), 0U);
}

TEST(tick_plan, skips_what_it_missed_and_goes_on_at_a_whole_period) {
  detail::tick_plan plan(10s, 0s, zero);
  EXPECT_EQ(plan.next(zero, 0), zero);
  EXPECT_EQ(plan.next(zero + 25s, 0), zero + 30s);  // those at 10 s and 20 s
  EXPECT_EQ(plan.skipped(), 2U);
  EXPECT_EQ(plan.next(zero + 40s, 0), zero + 40s);  // as long as its period: it is not late
  EXPECT_EQ(plan.skipped(), 2U);
  EXPECT_EQ(plan.next(zero + 40s + 1ns, 0), zero + 50s);
  EXPECT_EQ(plan.next(zero + 24h, 0), zero + 24h);
  EXPECT_EQ(plan.skipped(), 2U + 8640 - 6);
}

TEST(tick_plan, comes_later_by_a_part_of_the_jitter_and_never_twice_in_one_period) {
  detail::tick_plan plan(10s, 4s, zero);
  EXPECT_EQ(plan.next(zero, 0.5), zero + 2s);
  EXPECT_EQ(plan.next(zero + 2s, 0), zero + 10s);
  EXPECT_EQ(plan.next(zero + 21s, 0.25), zero + 21s);  // its period began, its own moment has not passed
  EXPECT_EQ(plan.skipped(), 0U);
  EXPECT_EQ(plan.next(zero + 21s, 0), zero + 30s);
}

}  // namespace lastcall::tick_plan_test
