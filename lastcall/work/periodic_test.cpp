#include "lastcall/work/periodic.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <semaphore>
#include <thread>

#include "lastcall/core/metrics.hpp"
#include "lastcall/core/report/report.hpp"
#include "lastcall/work/in_time_test.hpp"

namespace lastcall::periodic_test {

using namespace std::chrono_literals;
using ::testing::HasSubstr;
using testing_work::drain_of;
using testing_work::take;

struct beat : ::testing::Test {
  static component_report account(const component& of) {
    component_report out;
    of.account(out);
    return out;
  }
  static std::int64_t number(const component& of, std::string_view name) {
    for (const auto& [key, value] : account(of).fields)
      if (key == name) return std::get<std::int64_t>(value);
    return 0;
  }
  drain_of drain(component& of) { return drain_of(of, ends); }

  context_source ends;
  std::counting_semaphore<> ticks{0};
};

TEST_F(beat, comes_at_the_start_and_then_each_period_and_ends_between_two) {
  periodic of({.tick = [&](const context&) { ticks.release(); }, .every = 1ms});
  of.start(ends.get());
  take(ticks, 3);
  drain(of).wait();
  of.stop();
  EXPECT_GE(number(of, "ticks"), 3);
  EXPECT_FALSE(*account(of).lost);
}

TEST_F(beat, does_not_wait_for_the_next_when_it_drains) {
  periodic of({.tick = [&](const context&) { ticks.release(); }, .every = 24h});
  of.start(ends.get());
  take(ticks);
  drain(of).wait();
  of.stop();
  EXPECT_EQ(number(of, "ticks"), 1);
}

TEST_F(beat, comes_once_more_at_the_end_if_that_is_wanted) {
  std::atomic<int> when_draining = 0;
  periodic of({.tick =
                   [&](const context& with) {
                     if (with.draining()) ++when_draining;
                     ticks.release();
                   },
               .every = 24h,
               .at_the_end = true});
  of.start(ends.get());
  take(ticks);
  drain(of).wait();
  of.stop();
  EXPECT_EQ(number(of, "ticks"), 2);
  EXPECT_EQ(when_draining, 1);
}

TEST_F(beat, that_takes_longer_than_its_period_does_not_overlap_itself_and_skips) {
  std::atomic<int> inside = 0;
  std::atomic<bool> overlapped = false;
  periodic of({.tick =
                   [&](const context& with) {
                     if (++inside > 1) overlapped = true;
                     with.wait_until_forced_for(5ms);
                     --inside;
                     ticks.release();
                   },
               .every = 1ms});
  of.start(ends.get());
  take(ticks, 5);
  drain(of).wait();
  of.stop();
  EXPECT_FALSE(overlapped);
  EXPECT_GE(number(of, "skipped"), 4 * 4) << "at least four of the five milliseconds of each";
}

TEST_F(beat, goes_on_after_a_tick_that_threw) {
  std::atomic<int> lines = 0;
  const logger log(log_level::error, [&](const log_record& line) {
    if (line.text == "a tick threw") ++lines;
  });
  periodic of({.tick =
                   [&](const context&) {
                     ticks.release();
                     throw std::runtime_error("no network");
                   },
               .every = 1ms},
              log);
  of.start(ends.get());
  take(ticks, 10);
  drain(of).wait();
  of.stop();
  EXPECT_GE(number(of, "failed"), 9);
  EXPECT_GE(lines, 1);
  EXPECT_LT(lines, number(of, "failed")) << "one line each second";
}

TEST_F(beat, waits_for_a_tick_under_way_which_is_named_and_forced) {
  periodic of({.tick =
                   [&](const context& with) {
                     ticks.release();
                     while (with.wait_until_forced_for(1min)) {}
                   },
               .name = "beat"});
  of.start(ends.get());
  take(ticks);
  const drain_of ended = drain(of);
  EXPECT_FALSE(ended.is_over());
  std::vector<work_item> items;
  of.in_progress(items, 10);
  ASSERT_FALSE(items.empty());
  EXPECT_EQ(items.front().label, "tick");
  of.force();
  ended.wait();
  of.stop();
  EXPECT_TRUE(*account(of).lost);
}

TEST_F(beat, is_measured) {
  periodic of({.tick = [&](const context&) { ticks.release(); }, .every = 24h});
  of.start(ends.get());
  take(ticks);
  drain(of).wait();
  of.stop();
  metrics into;
  of.measure(into);
  EXPECT_THAT(into.text(), HasSubstr("lastcall_tick_seconds_count 1\n"));
  EXPECT_THAT(into.text(), HasSubstr("lastcall_ticks_skipped_total 0\n"));
}

}  // namespace lastcall::periodic_test
