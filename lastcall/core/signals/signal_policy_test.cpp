#include "lastcall/core/signals/signal_policy.hpp"

#include <gtest/gtest.h>

namespace lastcall::signal_policy_test {

using namespace std::chrono_literals;
using enum signal_action;

time_point at(duration since_start) { return time_point(1h) + since_start; }

TEST(signal_policy, begins_forces_and_exits_with_three_requests_apart) {
  signal_policy policy;
  EXPECT_EQ(policy.take(at(0s)), begin);
  EXPECT_EQ(policy.take(at(1s)), force);
  EXPECT_EQ(policy.take(at(2s)), exit_now);
  EXPECT_EQ(policy.take(at(3s)), exit_now);
}

TEST(signal_policy, takes_signals_within_half_a_second_for_one_request) {
  signal_policy policy;
  EXPECT_EQ(policy.take(at(0ms)), begin);
  EXPECT_EQ(policy.take(at(1ms)), merge);
  EXPECT_EQ(policy.take(at(500ms)), merge);
  EXPECT_EQ(policy.take(at(501ms)), force);
  EXPECT_EQ(policy.take(at(1001ms)), merge);
  EXPECT_EQ(policy.take(at(1002ms)), exit_now);
}

TEST(signal_policy, measures_from_the_last_that_counted_so_that_merged_ones_do_not_extend_the_pause) {
  signal_policy policy;
  EXPECT_EQ(policy.take(at(0ms)), begin);
  EXPECT_EQ(policy.take(at(300ms)), merge);
  EXPECT_EQ(policy.take(at(600ms)), force);
}

TEST(signal_policy, lets_some_begin_and_never_force) {
  signal_policy policy;
  EXPECT_EQ(policy.take(at(0s), false), begin);
  EXPECT_EQ(policy.take(at(1s), false), merge);
  EXPECT_EQ(policy.take(at(2s), true), force);
  EXPECT_EQ(policy.take(at(3s), false), merge);
  EXPECT_EQ(policy.take(at(4s), true), exit_now);
}

TEST(signal_policy, merges_a_record_that_arrives_out_of_order) {
  signal_policy policy;
  EXPECT_EQ(policy.take(at(10ms)), begin);
  EXPECT_EQ(policy.take(at(9ms)), merge);
}

}  // namespace lastcall::signal_policy_test
