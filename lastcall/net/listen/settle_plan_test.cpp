#include "lastcall/net/listen/settle_plan.hpp"

#include <gtest/gtest.h>

#include <ostream>

namespace lastcall::net {

static std::ostream& operator<<(std::ostream& out, const settle_action& a) {
  return out << "{what " << static_cast<int>(a.what) << ", until " << a.until.time_since_epoch().count() << ", end "
             << static_cast<int>(a.end) << '}';
}

namespace settle_plan_test {

using namespace std::chrono_literals;
using kind = settle_action::kind;

constexpr time_point begin{1h};
constexpr time_point never_drained = begin + 20s;

settle_action wait_until(time_point until) { return {.what = kind::wait, .until = until}; }
settle_action look() { return {.what = kind::look}; }
settle_action accept() { return {.what = kind::accept}; }
settle_action close(settle_end why) { return {.what = kind::close, .end = why}; }

TEST(settle_plan, closes_two_floors_after_the_unplug_when_nobody_is_on_the_way) {
  settle_plan plan({.floor = 5ms}, never_drained);
  EXPECT_EQ(plan.begun(closing_way::unplug, begin), wait_until(begin + 5ms));
  EXPECT_EQ(plan.tick(begin + 1ms), wait_until(begin + 5ms));  // too early: nothing but a reminder
  EXPECT_EQ(plan.tick(begin + 5ms), look());
  EXPECT_EQ(plan.looked(0, 1ms, begin + 6ms), wait_until(begin + 11ms));
  EXPECT_EQ(plan.tick(begin + 11ms), accept());
  EXPECT_EQ(plan.accept_queue_empty(begin + 11ms), close(settle_end::settled));
  EXPECT_EQ(plan.tick(begin + 1s), close(settle_end::settled));
}

TEST(settle_plan, looks_again_while_handshakes_are_in_flight) {
  settle_plan plan({.floor = 5ms, .look_rarity = 10}, never_drained);
  plan.begun(closing_way::unplug, begin);
  plan.tick(begin + 5ms);
  EXPECT_EQ(plan.looked(80, 100us, begin + 5ms), wait_until(begin + 10ms));  // the floor
  EXPECT_EQ(plan.in_flight(), 80U);
  EXPECT_EQ(plan.tick(begin + 10ms), look());
  EXPECT_EQ(plan.looked(80, 2ms, begin + 12ms), wait_until(begin + 32ms));  // ten times its cost
  EXPECT_EQ(plan.tick(begin + 32ms), look());
  EXPECT_EQ(plan.looked(7, 1ms, begin + 80ms), wait_until(begin + 100ms));  // a quarter of the time passed
  EXPECT_EQ(plan.tick(begin + 100ms), look());
  EXPECT_EQ(plan.looked(0, 1ms, begin + 101ms), wait_until(begin + 106ms));
  EXPECT_EQ(plan.tick(begin + 106ms), accept());
  EXPECT_EQ(plan.accept_queue_empty(begin + 106ms), close(settle_end::settled));
  EXPECT_EQ(plan.in_flight(), 0U);
}

TEST(settle_plan, gives_up_at_the_cap_and_says_how_many) {
  settle_plan plan({.floor = 5ms, .cap = 3s}, never_drained);
  plan.begun(closing_way::unplug, begin);
  plan.tick(begin + 5ms);
  EXPECT_EQ(plan.looked(9, 1ms, begin + 2900ms), wait_until(begin + 3s));
  EXPECT_EQ(plan.tick(begin + 3s), look());
  EXPECT_EQ(plan.looked(4, 1ms, begin + 3001ms), accept());
  EXPECT_EQ(plan.accept_queue_empty(begin + 3001ms), close(settle_end::capped));
  EXPECT_EQ(plan.in_flight(), 4U);
}

TEST(settle_plan, is_settled_when_the_last_look_at_the_cap_finds_nobody) {
  settle_plan plan({.floor = 5ms, .cap = 3s}, never_drained);
  plan.begun(closing_way::unplug, begin);
  plan.tick(begin + 5ms);
  plan.looked(9, 1ms, begin + 2900ms);
  EXPECT_EQ(plan.tick(begin + 3s), look());
  plan.looked(0, 1ms, begin + 3001ms);
  EXPECT_EQ(plan.tick(begin + 3001ms), accept());
  EXPECT_EQ(plan.accept_queue_empty(begin + 3001ms), close(settle_end::settled));
}

TEST(settle_plan, never_waits_beyond_the_drain_end) {
  settle_plan soon({.floor = 5ms, .cap = 3s}, begin + 50ms);
  soon.begun(closing_way::unplug, begin);
  soon.tick(begin + 5ms);
  EXPECT_EQ(soon.looked(1, 10ms, begin + 15ms), wait_until(begin + 50ms));

  settle_plan now({.floor = 5ms, .cap = 3s}, begin - 1s);
  EXPECT_EQ(now.begun(closing_way::unplug, begin), wait_until(begin));
  EXPECT_EQ(now.tick(begin), look());
  EXPECT_EQ(now.looked(3, 1ms, begin + 1ms), accept());
  EXPECT_EQ(now.accept_queue_empty(begin + 1ms), close(settle_end::capped));
}

TEST(settle_plan, waits_a_fixed_time_where_it_may_not_look) {
  settle_plan plan({.floor = 5ms, .cap = 3s, .cap_without_evidence = 1s}, never_drained);
  plan.begun(closing_way::unplug, begin);
  EXPECT_EQ(plan.tick(begin + 5ms), look());
  EXPECT_EQ(plan.could_not_look(begin + 6ms), wait_until(begin + 1s));
  EXPECT_EQ(plan.tick(begin + 1s), accept());
  EXPECT_EQ(plan.accept_queue_empty(begin + 1s), close(settle_end::without_evidence));
}

TEST(settle_plan, does_not_wait_where_there_is_nothing_to_settle) {
  settle_plan plan({}, never_drained);
  EXPECT_EQ(plan.begun(closing_way::accept_until_empty, begin), accept());
  EXPECT_EQ(plan.accept_queue_empty(begin), close(settle_end::settled));
}

TEST(settle_plan, tries_again_while_it_cannot_accept_until_the_drain_end) {
  settle_plan plan({.floor = 5ms, .cap = 3s}, begin + 18s);
  plan.begun(closing_way::accept_until_empty, begin);
  EXPECT_EQ(plan.could_not_accept(begin), wait_until(begin + 5ms));
  EXPECT_EQ(plan.tick(begin + 5ms), accept());
  EXPECT_EQ(plan.could_not_accept(begin + 3s), wait_until(begin + 3005ms)) << "who has connected is beyond the cap";
  EXPECT_EQ(plan.tick(begin + 3005ms), accept());
  EXPECT_EQ(plan.could_not_accept(begin + 17999ms), wait_until(begin + 18s));
  EXPECT_EQ(plan.tick(begin + 18s), accept());
  EXPECT_EQ(plan.could_not_accept(begin + 18s), close(settle_end::stuck));
}

struct outcome {
  duration took{};
  int looks = 0;
  settle_end end{};
};

// Drives a plan as a server would: handshakes end at `handshakes_end`, and each look costs `cost`.
outcome settle(duration handshakes_end, duration cost) {
  settle_plan plan({}, never_drained);
  outcome o;
  time_point now = begin;
  for (auto action = plan.begun(closing_way::unplug, now); action.what != kind::close;) {
    switch (action.what) {
      case kind::wait:
        now = action.until;
        action = plan.tick(now);
        break;
      case kind::look: {
        ++o.looks;
        const bool in_flight = now - begin < handshakes_end;
        now += cost;
        action = plan.looked(in_flight ? 1 : 0, cost, now);
        break;
      }
      default:
        action = plan.accept_queue_empty(now);
        o.end = action.end;
    }
  }
  o.took = now - begin;
  return o;
}

TEST(settle_plan, costs_few_looks_and_little_time_beyond_the_slowest_handshake) {
  for (const duration rtt :
       {duration(0ms), duration(1ms), duration(10ms), duration(40ms), duration(200ms), duration(1s)}) {
    for (const duration cost : {duration(50us), duration(1ms), duration(10ms)}) {
      const outcome o = settle(rtt, cost);
      EXPECT_EQ(o.end, settle_end::settled);
      EXPECT_GE(o.took, rtt);
      EXPECT_LE(o.took, rtt + rtt / 4 + 10ms + 12 * cost) << "round trip " << rtt / 1us << " us, look " << cost / 1us;
      EXPECT_LE(o.looks, 30);
    }
  }
  EXPECT_EQ(settle(1h, 1ms).end, settle_end::capped);
  EXPECT_LE(settle(1h, 1ms).looks, 40);
}

}  // namespace settle_plan_test
}  // namespace lastcall::net
