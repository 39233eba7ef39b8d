#include "lastcall/core/log/log_limit.hpp"

#include <gtest/gtest.h>

#include <cstdint>
#include <random>
#include <string>

namespace lastcall::log_limit_test {

using namespace std::chrono_literals;

time_point at(duration since_start) { return time_point(1h) + since_start; }

TEST(log_limit, admits_so_many_in_a_second_and_counts_the_rest) {
  log_limit limit(3);
  for (int i = 0; i < 3; ++i) EXPECT_EQ(limit.admit(at(0s)), 0u);
  for (int i = 0; i < 5; ++i) EXPECT_EQ(limit.admit(at(500ms)), std::nullopt);
  EXPECT_EQ(limit.admit(at(1s)), 5u);
  EXPECT_EQ(limit.admit(at(1s)), 0u);
}

TEST(log_limit, holds_for_any_second_and_not_only_for_those_of_the_clock) {
  const auto seed = std::random_device{}();
  SCOPED_TRACE("seed " + std::to_string(seed));
  std::mt19937 random(seed);
  log_limit limit(10);
  std::vector<duration> admitted;
  std::uint64_t reported = 0;
  duration now{};
  for (int i = 0; i < 20'000; ++i) {
    now += std::chrono::milliseconds(random() % 60);
    if (const auto suppressed = limit.admit(at(now))) {
      admitted.push_back(now);
      reported += *suppressed;
    }
  }
  for (std::size_t i = 10; i < admitted.size(); ++i) ASSERT_GE(admitted[i] - admitted[i - 10], 1s);
  const auto suppressed = limit.admit(at(now + 2s));
  EXPECT_EQ(admitted.size() + reported + suppressed.value(), 20'000u);
}

TEST(log_limit, admits_at_least_one) {
  log_limit limit(0);
  EXPECT_EQ(limit.admit(at(0s)), 0u);
  EXPECT_EQ(limit.admit(at(0s)), std::nullopt);
  EXPECT_EQ(limit.admit(at(1s)), 1u);
}

}  // namespace lastcall::log_limit_test
