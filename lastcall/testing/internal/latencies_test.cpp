#include "lastcall/testing/internal/latencies.hpp"

#include <gtest/gtest.h>

#include <chrono>
#include <cstdint>

namespace lastcall::testing::latencies_test {

using namespace std::chrono_literals;

TEST(latencies, is_zero_without_values) {
  EXPECT_EQ(latencies().percentile(0.5), 0ns);
  EXPECT_EQ(latencies().max(), 0ns);
}

TEST(latencies, keeps_percentiles_within_one_percent_and_the_largest_exactly) {
  latencies all;
  for (int i = 1; i <= 10'000; ++i) all.add(i * 1us);
  EXPECT_NEAR(all.percentile(0.5).count(), 5'000'000, 50'000);
  EXPECT_NEAR(all.percentile(0.99).count(), 9'900'000, 99'000);
  EXPECT_EQ(all.max(), 10ms);
  EXPECT_EQ(all.percentile(1), 10ms);
}

TEST(latencies, holds_any_duration_at_the_same_precision) {
  for (std::int64_t ns = 0; ns < 10'000'000'000'000; ns = ns * 5 / 3 + 1) {
    latencies one;
    one.add(std::chrono::nanoseconds(ns));
    one.add(10'000s);
    EXPECT_GE(one.percentile(0.5).count(), ns);
    EXPECT_LE(one.percentile(0.5).count(), ns + ns / 100 + 1);
  }
}

TEST(latencies, bears_nonsense) {
  latencies all;
  all.add(-5s);
  all.add(duration::max());
  EXPECT_EQ(all.count(), 2u);
  EXPECT_EQ(all.max(), duration::max());
}

TEST(latencies, adds_two_distributions) {
  latencies a, b;
  a.add(1ms);
  b.add(3ms);
  b.add(4ms);
  a += b;
  EXPECT_EQ(a.count(), 3u);
  EXPECT_EQ(a.max(), 4ms);
  EXPECT_NEAR(a.percentile(0.34).count(), 3'000'000, 30'000);
}

}  // namespace lastcall::testing::latencies_test
