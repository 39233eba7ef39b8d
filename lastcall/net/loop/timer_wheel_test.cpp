#include "lastcall/net/loop/timer_wheel.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdint>
#include <map>
#include <memory>
#include <random>
#include <vector>

namespace lastcall::net::timer_wheel_test {

using namespace std::chrono_literals;
using ::testing::ElementsAre;
using ::testing::IsEmpty;

constexpr time_point start{std::chrono::hours(1000)};
constexpr duration tick = timer_wheel::tick;

struct named : timer_node {
  explicit named(int n = 0) : number(n) {}
  int number;
};

/// Fires all that are due. Returns how many.
template <class F> std::size_t advance_all(timer_wheel& wheel, time_point now, F expired) {
  std::size_t fired = 0;
  wheel.advance_while(now, [&](timer_node& node) {
    expired(node);
    return ++fired > 0;
  });
  return fired;
}

std::vector<int> advance(timer_wheel& wheel, time_point now) {
  std::vector<int> fired;
  advance_all(wheel, now, [&](timer_node& node) { fired.push_back(static_cast<named&>(node).number); });
  return fired;
}

// Wakes up whenever the wheel asks for it, until `end`; returns the times at which something fired.
std::vector<duration> sleep_and_fire(timer_wheel& wheel, time_point end, int* wake_ups = nullptr) {
  std::vector<duration> fired;
  for (auto next = wheel.next_due(); next && *next <= end; next = wheel.next_due()) {
    if (wake_ups) ++*wake_ups;
    advance_all(wheel, *next, [&](timer_node&) { fired.push_back(*next - start); });
    const auto after = wheel.next_due();
    if (after && *after <= *next) ADD_FAILURE() << "asks for a time that has passed";
  }
  return fired;
}

TEST(timer_wheel, fires_at_the_first_tick_that_is_not_before_the_moment) {
  timer_wheel wheel(start);
  named on_a_tick(1), between(2);
  wheel.schedule(on_a_tick, start + 8ms);
  wheel.schedule(between, start + 9ms);
  EXPECT_THAT(advance(wheel, start + 8ms - 1ns), IsEmpty());
  EXPECT_THAT(advance(wheel, start + 8ms), ElementsAre(1));
  EXPECT_THAT(advance(wheel, start + 12ms - 1ns), IsEmpty());
  EXPECT_THAT(advance(wheel, start + 12ms), ElementsAre(2));
}

TEST(timer_wheel, fires_what_is_already_due_with_the_next_tick) {
  timer_wheel wheel(start);
  named past(1);
  advance(wheel, start + 1s);
  wheel.schedule(past, start + 10ms);
  EXPECT_EQ(wheel.next_due(), start + 1s + tick);
  EXPECT_THAT(advance(wheel, start + 1s + tick), ElementsAre(1));
  wheel.schedule(past, time_point::min());
  EXPECT_THAT(advance(wheel, start + 2s), ElementsAre(1));
}

TEST(timer_wheel, asks_for_nothing_when_empty) {
  timer_wheel wheel(start);
  EXPECT_EQ(wheel.next_due(), std::nullopt);
  named one;
  wheel.schedule(one, start + 5min);
  EXPECT_TRUE(one.armed());
  EXPECT_NE(wheel.next_due(), std::nullopt);
  one.cancel();
  EXPECT_FALSE(one.armed());
  EXPECT_EQ(wheel.next_due(), std::nullopt);
  EXPECT_THAT(advance(wheel, start + 1h), IsEmpty());
}

TEST(timer_wheel, fires_exactly_on_each_level_with_few_wake_ups) {
  for (const duration in : {duration(4ms), duration(252ms), duration(256ms), duration(260ms), duration(16'384ms),
                            duration(20s), duration(1h), duration(18h), duration(19h), duration(50h)}) {
    timer_wheel wheel(start);
    named one;
    wheel.schedule(one, start + in);
    int wake_ups = 0;
    EXPECT_THAT(sleep_and_fire(wheel, start + 100h, &wake_ups), ElementsAre(in));
    EXPECT_LE(wake_ups, in < 18h + 30min ? 4 : 5 + in / (18h + 30min));
  }
}

TEST(timer_wheel, keeps_a_timer_of_the_end_of_time) {
  timer_wheel wheel(start);
  named never;
  wheel.schedule(never, time_point::max());
  EXPECT_THAT(advance(wheel, start + std::chrono::hours(24 * 365)), IsEmpty());
  EXPECT_TRUE(never.armed());
  EXPECT_EQ(never.due(), time_point::max());
}

TEST(timer_wheel, moves_a_timer_that_is_scheduled_again) {
  timer_wheel wheel(start);
  named one(1);
  wheel.schedule(one, start + 20ms);
  wheel.schedule(one, start + 40ms);
  EXPECT_THAT(sleep_and_fire(wheel, start + 1s), ElementsAre(40ms));
}

TEST(timer_wheel, ignores_a_time_that_goes_back) {
  timer_wheel wheel(start);
  named one(1);
  advance(wheel, start + 1s);
  wheel.schedule(one, start + 1s + 20ms);
  EXPECT_THAT(advance(wheel, start - 5s), IsEmpty());
  EXPECT_THAT(advance(wheel, start + 500ms), IsEmpty());
  EXPECT_THAT(advance(wheel, start + 1s + 20ms), ElementsAre(1));
}

TEST(timer_wheel, lets_a_callback_schedule_its_own_node_for_a_later_advance) {
  timer_wheel wheel(start);
  named one(1);
  wheel.schedule(one, start + 4ms);
  int calls = 0;
  advance_all(wheel, start + 10s, [&](timer_node& node) {
    EXPECT_FALSE(node.armed());
    ++calls;
    wheel.schedule(node, start + 4ms);  // long past: not in this call again
  });
  EXPECT_EQ(calls, 1);
  EXPECT_EQ(wheel.next_due(), start + 10s + tick);
  EXPECT_THAT(advance(wheel, start + 10s + tick), ElementsAre(1));
}

TEST(timer_wheel, lets_a_callback_cancel_move_and_destroy_others_of_the_batch) {
  timer_wheel wheel(start);
  named first(1), cancelled(2), moved(3);
  auto destroyed = std::make_unique<named>(4);
  auto later = std::make_unique<named>(5);
  for (named* n : {&first, &cancelled, &moved, destroyed.get()}) wheel.schedule(*n, start + 8ms);
  wheel.schedule(*later, start + 2s);
  std::vector<int> fired;
  advance_all(wheel, start + 3s, [&](timer_node& node) {
    fired.push_back(static_cast<named&>(node).number);
    cancelled.cancel();
    wheel.schedule(moved, start + 4s);
    destroyed.reset();
    later.reset();
  });
  EXPECT_THAT(fired, ElementsAre(1));
  EXPECT_THAT(advance(wheel, start + 4s), ElementsAre(3));
}

TEST(timer_wheel, lets_a_callback_destroy_its_own_node) {
  timer_wheel wheel(start);
  auto one = std::make_unique<named>();
  wheel.schedule(*one, start + 4ms);
  EXPECT_EQ(advance_all(wheel, start + 8ms, [&](timer_node&) { one.reset(); }), 1U);
  EXPECT_EQ(wheel.next_due(), std::nullopt);
}

TEST(timer_wheel, frees_its_nodes_when_it_goes_first) {
  named near, far;
  {
    timer_wheel wheel(start);
    wheel.schedule(near, start + 1s);
    wheel.schedule(far, start + 100h);
  }
  EXPECT_FALSE(near.armed());
  EXPECT_FALSE(far.armed());
}

// The model is a multimap from tick to node. Every step schedules, cancels or advances, mostly to the moment that the
// wheel asks for and sometimes far beyond; both must fire the same nodes.
TEST(timer_wheel, fires_what_a_sorted_map_would_fire) {
  const auto seed = std::random_device{}();
  SCOPED_TRACE(::testing::Message() << "seed " << seed);
  RecordProperty("seed", std::to_string(seed));
  std::mt19937_64 random(seed);
  const auto below = [&](std::uint64_t n) { return random() % n; };
  for (int round = 0; round < 20; ++round) {
    timer_wheel wheel(start);
    std::vector<named> nodes(100);
    for (int i = 0; i < 100; ++i) nodes[static_cast<std::size_t>(i)].number = i;
    std::multimap<std::int64_t, int> model;
    std::int64_t done = 0;  // ticks
    time_point now = start;
    const auto forget = [&](int n) { std::erase_if(model, [n](const auto& entry) { return entry.second == n; }); };
    for (int step = 0; step < 2000; ++step) {
      named& node = nodes[below(100)];
      switch (below(8)) {
        case 0:
          node.cancel();
          forget(node.number);
          break;
        case 1:
        case 2: {
          const auto next = wheel.next_due();
          ASSERT_EQ(next.has_value(), !model.empty());
          if (!next) break;
          ASSERT_GT(*next, now);
          ASSERT_LE(*next, start + model.begin()->first * tick);  // never sleeps through one
          now = *next;
          [[fallthrough]];
        }
        case 3: {
          now += duration(static_cast<duration::rep>(below(std::uint64_t{1} << below(50))));
          done = std::max<std::int64_t>(done, (now - start) / tick);
          std::vector<std::pair<std::int64_t, int>> expected, fired;
          while (!model.empty() && model.begin()->first <= done) {
            expected.emplace_back(*model.begin());
            model.erase(model.begin());
          }
          advance_all(wheel, now, [&](timer_node& n) {
            ASSERT_LE(n.due(), now);
            fired.emplace_back((n.due() - start + tick - 1ns) / tick, static_cast<named&>(n).number);
          });
          ASSERT_TRUE(std::is_sorted(fired.begin(), fired.end(), [](auto& a, auto& b) { return a.first < b.first; }));
          std::sort(expected.begin(), expected.end());
          std::sort(fired.begin(), fired.end());
          ASSERT_EQ(fired, expected);
          break;
        }
        default: {
          // Up to 2^58 ns: nine years, far beyond the span.
          const auto in = static_cast<duration::rep>(below(std::uint64_t{1} << below(59)));
          const time_point when = now + duration(in) - 50ms;
          wheel.schedule(node, when);
          forget(node.number);
          const std::int64_t due = (when - start + tick - 1ns) / tick;
          model.emplace(std::max(due, done + 1), node.number);
        }
      }
    }
  }
}

TEST(timer_wheel, leaves_the_rest_for_the_next_advance_where_it_is_told_to_stop) {
  timer_wheel wheel(start);
  named one(1), two(2), three(3), later(4), scheduled_meanwhile(5);
  wheel.schedule(one, start + 8ms);
  wheel.schedule(two, start + 8ms);
  wheel.schedule(three, start + 12ms);
  wheel.schedule(later, start + 100ms);
  std::vector<int> fired;
  const auto only = [&](std::size_t count) {
    return [&, count](timer_node& node) {
      fired.push_back(static_cast<named&>(node).number);
      return fired.size() < count;
    };
  };
  wheel.advance_while(start + 20ms, only(1));
  EXPECT_THAT(fired, ElementsAre(1));
  EXPECT_LE(wheel.next_due(), start + 20ms) << "at once";
  wheel.schedule(scheduled_meanwhile, start + 1ms);
  wheel.advance_while(start + 20ms, only(2));
  EXPECT_THAT(fired, ElementsAre(1, 2));
  EXPECT_LE(wheel.next_due(), start + 20ms) << "the tick after it is due as well";
  wheel.advance_while(start + 24ms, only(9));
  EXPECT_THAT(fired, ElementsAre(1, 2, 3, 5));
  EXPECT_GT(wheel.next_due(), start + 24ms);
  EXPECT_THAT(advance(wheel, start + 100ms), ElementsAre(4));
}

}  // namespace lastcall::net::timer_wheel_test
