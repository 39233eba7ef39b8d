#include "lastcall/net/connection/drain_rules.hpp"

#include <gtest/gtest.h>

namespace lastcall::net::drain_rules_test {

using namespace std::chrono_literals;

constexpr time_point start{100s};
const time_point drain_end = start + 18s;
const drain_rules rules{1s, 200ms, 2s, start, drain_end};

TEST(drain_rules, closes_an_idle_connection_after_its_silence) {
  EXPECT_EQ(rules.close_at(connection_state::idle, {.last_active = start - 200ms}), start + 800ms);
}

TEST(drain_rules, closes_one_that_has_been_quiet_long_enough_when_the_drain_begins) {
  EXPECT_EQ(rules.close_at(connection_state::idle, {.last_active = start - 1min}), start);
  EXPECT_EQ(rules.close_at(connection_state::fresh, {.last_active = start - 1min}), start);
}

TEST(drain_rules, waits_a_quarter_longer_than_the_clients_own_pause) {
  EXPECT_EQ(rules.close_at(connection_state::idle, {.last_active = start, .longest_pause = 4s}), start + 5s);
}

TEST(drain_rules, does_not_wait_for_a_client_that_would_come_back_too_late) {
  EXPECT_EQ(rules.close_at(connection_state::idle, {.last_active = start, .longest_pause = 30s}), start + 1s);
}

TEST(drain_rules, leaves_work_to_force_which_counts_it) {
  for (auto state : {connection_state::busy, connection_state::upgraded})
    EXPECT_EQ(rules.close_at(state, {.last_active = start - 1min}), time_point::max()) << to_text(state);
}

TEST(drain_rules, gives_up_incomplete_requests_a_farewell_before_the_drain_end) {
  EXPECT_EQ(rules.close_at(connection_state::reading, {.last_active = start - 1min}), drain_end - 200ms);
}

TEST(drain_rules, begins_the_last_farewells_in_time_to_end_them) {
  const drain_rules hurried{1s, 200ms, 2s, start, start + 300ms};
  EXPECT_EQ(hurried.close_at(connection_state::idle, {.last_active = start}), start + 270ms)
      << "a tenth of so short a drain";
  EXPECT_EQ(hurried.linger_until(start + 270ms, 2s), start + 292500us);
}

TEST(drain_rules, bounds_a_farewell_by_its_own_time_or_the_drain_end) {
  EXPECT_EQ(rules.linger_until(start, 2s), start + 2s);
  EXPECT_EQ(rules.linger_until(drain_end - 1s, 2s), drain_end - 50ms);
  EXPECT_EQ(rules.linger_until(drain_end, 2s), drain_end + 2s) << "begun by force's last words: cut a moment later";
}

TEST(drain_rules, closes_at_once_when_the_silence_is_switched_off) {
  const drain_rules off{0s, 200ms, 0s, start, start + 18s};
  EXPECT_EQ(off.close_at(connection_state::idle, {.last_active = start, .longest_pause = 4s}), start);
}

TEST(drain_rules, forgets_a_long_pause_as_shorter_ones_follow) {
  duration longest = remember_pause(0s, 8s);
  EXPECT_EQ(longest, 8s);
  EXPECT_EQ(longest = remember_pause(longest, 10ms), 7s);
  for (int i = 0; i < 60; ++i) longest = remember_pause(longest, 10ms);
  EXPECT_EQ(longest, 10ms);
}

TEST(drain_rules, spreads_what_long_lived_remotes_are_told_over_the_window) {
  EXPECT_EQ(rules.tell_at(0), start);
  EXPECT_EQ(rules.tell_at(0.5), start + 1s);
  EXPECT_LT(rules.tell_at(0.999), start + 2s);
}

TEST(drain_rules, leaves_half_of_the_drain_for_farewells) {
  const drain_rules wide{1s, 200ms, 1h, start, drain_end};
  EXPECT_EQ(wide.tell_at(0.5), start + 4500ms);
  const drain_rules late{1s, 200ms, 1h, start, start - 1s};
  EXPECT_EQ(late.tell_at(0.5), start) << "a drain that is over leaves no window";
}

TEST(drain_rules, knows_the_tenth_of_the_window) {
  EXPECT_EQ(rules.tenth_of_window(start), 0U);
  EXPECT_EQ(rules.tenth_of_window(start + 1s), 5U);
  EXPECT_EQ(rules.tenth_of_window(start + 1999ms), 9U);
  EXPECT_EQ(rules.tenth_of_window(start + 5s), 9U);
  EXPECT_EQ((drain_rules{1s, 200ms, 0s, start, drain_end}).tenth_of_window(start + 1s), 0U) << "no window";
}

}  // namespace lastcall::net::drain_rules_test
