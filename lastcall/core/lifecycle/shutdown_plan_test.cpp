#include "lastcall/core/lifecycle/shutdown_plan.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <stdexcept>

namespace lastcall::shutdown_plan_test {

using namespace std::chrono_literals;
using lastcall::shutdown_plan;
using lastcall::time_point;
using actions = shutdown_plan::actions;
using step = shutdown_plan::step;

constexpr auto announce = [](std::size_t node) { return shutdown_plan::action{step::announce, node}; };
constexpr auto drain = [](std::size_t node) { return shutdown_plan::action{step::drain, node}; };
constexpr auto force = [](std::size_t node) { return shutdown_plan::action{step::force, node}; };
constexpr auto stop = [](std::size_t node) { return shutdown_plan::action{step::stop, node}; };
constexpr auto hung = [](std::size_t node) { return shutdown_plan::action{step::hung, node}; };
constexpr shutdown_plan::action finish{step::finish};

constexpr time_point t0 = time_point() + 100s;
constexpr time_point drain_end = t0 + 18s;
constexpr time_point end = t0 + 20s;

// A database (0) that a server (1) needs, and a consumer (2) that needs it too.
shutdown_plan database_server_consumer(lastcall::duration readiness_delay = 0s) {
  return shutdown_plan({{}, {0}, {0}}, {.grace = 20s, .reserve = 2s, .readiness_delay = readiness_delay});
}

TEST(shutdown_plan, announces_to_all_and_drains_what_nobody_needs) {
  shutdown_plan plan = database_server_consumer();
  EXPECT_EQ(plan.next_wake(), std::nullopt);
  EXPECT_EQ(plan.request(t0), (actions{announce(2), announce(1), announce(0), drain(2), drain(1)}));
  EXPECT_EQ(plan.next_wake(), drain_end);
}

TEST(shutdown_plan, stops_a_component_only_after_all_that_need_it) {
  shutdown_plan plan = database_server_consumer();
  plan.request(t0);
  EXPECT_EQ(plan.drained(1, t0 + 1s), (actions{stop(1)}));
  EXPECT_EQ(plan.stopped(1, t0 + 1s), actions{});
  EXPECT_EQ(plan.drained(2, t0 + 2s), (actions{stop(2)}));
  EXPECT_EQ(plan.stopped(2, t0 + 2s), (actions{drain(0)}));
  EXPECT_EQ(plan.drained(0, t0 + 3s), (actions{stop(0)}));
  EXPECT_EQ(plan.stopped(0, t0 + 3s), (actions{finish}));
  EXPECT_TRUE(plan.finished());
  EXPECT_EQ(plan.next_wake(), std::nullopt);
}

TEST(shutdown_plan, serves_on_for_the_readiness_delay) {
  shutdown_plan plan = database_server_consumer(5s);
  EXPECT_EQ(plan.request(t0), (actions{announce(2), announce(1), announce(0)}));
  EXPECT_EQ(plan.next_wake(), t0 + 5s);
  EXPECT_EQ(plan.tick(t0 + 4999ms), actions{});
  EXPECT_EQ(plan.tick(t0 + 5s), (actions{drain(2), drain(1)}));
}

TEST(shutdown_plan, grants_one_further_moment_after_a_pause_across_the_drain_end) {
  shutdown_plan plan = database_server_consumer();
  EXPECT_FALSE(plan.grant_moment(t0));
  plan.request(t0);
  EXPECT_FALSE(plan.grant_moment(t0 + 5s)) << "nothing was due";
  EXPECT_TRUE(plan.grant_moment(t0 + 30s));
  EXPECT_EQ(plan.drain_end(), t0 + 30s + 100ms);
  EXPECT_EQ(plan.deadline(), t0 + 30s + 200ms);
  EXPECT_EQ(plan.tick(t0 + 30s), actions{});
  EXPECT_EQ(plan.drained(1, t0 + 30s), (actions{stop(1)}));
  EXPECT_FALSE(plan.grant_moment(t0 + 60s)) << "only once";
}

TEST(shutdown_plan, grants_what_was_forced_a_further_moment_after_a_pause_across_the_deadline) {
  shutdown_plan plan = database_server_consumer();
  plan.request(t0);
  plan.tick(drain_end);
  EXPECT_TRUE(plan.grant_moment(t0 + 30s));
  EXPECT_EQ(plan.deadline(), t0 + 30s + 100ms);
}

TEST(shutdown_plan, forces_all_unfinished_at_once_at_the_drain_end) {
  shutdown_plan plan = database_server_consumer();
  plan.request(t0);
  plan.drained(2, t0 + 1s);
  plan.stopped(2, t0 + 1s);
  EXPECT_EQ(plan.tick(drain_end), (actions{force(1), force(0)}));
  EXPECT_EQ(plan.drained(1, drain_end + 1ms), (actions{stop(1)}));
  EXPECT_EQ(plan.stopped(1, drain_end + 1ms), (actions{stop(0)})) << "stopped without a drain: its time had passed";
  EXPECT_EQ(plan.stopped(0, drain_end + 2ms), (actions{finish}));
}

TEST(shutdown_plan, begins_no_drain_at_the_drain_end_although_the_tick_has_yet_to_come) {
  shutdown_plan plan({{}, {0}}, {.grace = 20s, .reserve = 2s});
  plan.request(t0);
  plan.drained(1, t0 + 17s);
  EXPECT_EQ(plan.stopped(1, drain_end), actions{});
  EXPECT_EQ(plan.tick(drain_end), (actions{force(0), stop(0)}));
}

TEST(shutdown_plan, does_not_force_one_that_is_stopping) {
  shutdown_plan plan({{}}, {.grace = 20s, .reserve = 2s});
  plan.request(t0);
  plan.drained(0, t0 + 1s);
  EXPECT_EQ(plan.tick(drain_end), actions{});
}

TEST(shutdown_plan, leaves_behind_who_does_not_come_back_and_stops_what_it_held_up) {
  shutdown_plan plan = database_server_consumer();
  plan.request(t0);
  plan.drained(2, t0 + 1s);
  plan.stopped(2, t0 + 1s);
  plan.tick(drain_end);
  EXPECT_EQ(plan.next_wake(), drain_end + 1s);
  EXPECT_EQ(plan.tick(drain_end + 1s), (actions{stop(0)}));
  EXPECT_EQ(plan.stopped(0, drain_end + 1s), actions{});
  EXPECT_EQ(plan.next_wake(), end);
  EXPECT_EQ(plan.tick(end), (actions{hung(1), finish}));
}

TEST(shutdown_plan, still_stops_one_that_comes_back_after_it_was_left_behind) {
  shutdown_plan plan = database_server_consumer();
  plan.request(t0);
  plan.drained(2, t0 + 1s);
  plan.stopped(2, t0 + 1s);
  plan.tick(drain_end);
  plan.tick(drain_end + 1s);
  plan.stopped(0, drain_end + 1s);
  EXPECT_EQ(plan.drained(1, drain_end + 1500ms), (actions{stop(1)}));
  EXPECT_EQ(plan.stopped(1, drain_end + 1500ms), (actions{finish}));
}

TEST(shutdown_plan, names_one_whose_stop_does_not_return) {
  shutdown_plan plan({{}, {0}}, {.grace = 20s, .reserve = 2s});
  plan.request(t0);
  EXPECT_EQ(plan.drained(1, t0), (actions{stop(1)}));
  EXPECT_EQ(plan.tick(drain_end), (actions{force(0)}));
  EXPECT_EQ(plan.tick(drain_end + 1s), (actions{stop(0)}));
  plan.stopped(0, drain_end + 1s);
  EXPECT_EQ(plan.tick(end), (actions{hung(1), finish}));
}

TEST(shutdown_plan, forced_during_the_readiness_delay_stops_all_in_order_without_a_drain) {
  shutdown_plan plan = database_server_consumer(5s);
  plan.request(t0);
  EXPECT_EQ(plan.request_force(t0 + 1s), (actions{force(2), force(1), force(0), stop(2), stop(1)}));
  EXPECT_EQ(plan.drain_end(), t0 + 1s);
  EXPECT_EQ(plan.deadline(), t0 + 3s)
      << "whoever asks for force does not want to wait the whole grace period for a hang";
  plan.stopped(2, t0 + 1s);
  EXPECT_EQ(plan.stopped(1, t0 + 1s), (actions{stop(0)}));
  EXPECT_EQ(plan.stopped(0, t0 + 1s), (actions{finish}));
}

TEST(shutdown_plan, forced_while_draining_forces_once) {
  shutdown_plan plan({{}}, {.grace = 20s, .reserve = 2s});
  plan.request(t0);
  EXPECT_EQ(plan.request_force(t0 + 1s), (actions{force(0)}));
  EXPECT_EQ(plan.request_force(t0 + 1s), actions{});
  EXPECT_EQ(plan.request(t0 + 1s), actions{});
}

TEST(shutdown_plan, forced_without_a_request_is_a_request_too) {
  shutdown_plan plan({{}}, {.grace = 20s, .reserve = 2s});
  EXPECT_EQ(plan.request_force(t0), (actions{announce(0), force(0), stop(0)}));
}

TEST(shutdown_plan, without_a_reserve_lets_answers_in_between_force_and_finish) {
  shutdown_plan plan({{}, {0}}, {.grace = 20s, .reserve = 0s});
  plan.request(t0);
  EXPECT_EQ(plan.tick(end), (actions{force(1), force(0)}));
  EXPECT_EQ(plan.drained(1, end), (actions{stop(1)}));
  EXPECT_EQ(plan.stopped(1, end), (actions{stop(0)}));
  EXPECT_EQ(plan.stopped(0, end), (actions{finish}));
}

TEST(shutdown_plan, of_a_late_driver_takes_one_step_per_tick) {
  shutdown_plan plan = database_server_consumer();
  plan.request(t0);
  EXPECT_EQ(plan.tick(end + 5s), (actions{force(2), force(1), force(0)}));
  EXPECT_EQ(plan.tick(end + 5s), (actions{stop(0)}));
  EXPECT_EQ(plan.tick(end + 5s), (actions{hung(0), hung(1), hung(2), finish}));
}

TEST(shutdown_plan, of_nothing_finishes_at_once) {
  shutdown_plan plan({}, {.grace = 20s, .reserve = 2s, .readiness_delay = 5s});
  EXPECT_EQ(plan.request(t0), (actions{finish}));
}

TEST(shutdown_plan, can_leave_out_the_announcement) {
  shutdown_plan plan({{}}, {.grace = 20s, .reserve = 2s, .announce = false});
  EXPECT_EQ(plan.request(t0), (actions{drain(0)}));
}

TEST(shutdown_plan, ignores_events_that_no_longer_matter) {
  shutdown_plan plan({{}}, {.grace = 20s, .reserve = 2s});
  EXPECT_EQ(plan.drained(0, t0), actions{});
  EXPECT_EQ(plan.stopped(0, t0), actions{});
  EXPECT_EQ(plan.tick(t0), actions{});
  plan.request(t0);
  plan.drained(0, t0);
  EXPECT_EQ(plan.drained(0, t0), actions{});
  plan.stopped(0, t0);
  EXPECT_EQ(plan.drained(0, t0), actions{});
  EXPECT_EQ(plan.tick(end), actions{});
}

TEST(shutdown_plan, refuses_a_need_that_does_not_come_before) {
  EXPECT_THROW(shutdown_plan({{0}}, {.grace = 20s, .reserve = 2s}), std::invalid_argument);
  EXPECT_THROW(shutdown_plan({{1}, {}}, {.grace = 20s, .reserve = 2s}), std::invalid_argument);
}

}  // namespace lastcall::shutdown_plan_test
