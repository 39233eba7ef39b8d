#include "lastcall/core/lifecycle/wakeup.hpp"

#include <gtest/gtest.h>

#include <thread>

namespace lastcall::wakeup_test {

using namespace std::chrono_literals;

TEST(wakeup, has_a_clock_of_ones_own_skip_the_wait_unless_it_was_notified) {
  struct : lastcall::clock {
    time_point now() const noexcept override { return at; }
    bool skip(std::optional<time_point> until) const noexcept override {
      at = *until;
      return true;
    }
    mutable time_point at{};
  } time;
  const wakeup w;
  w.notify();
  w.wait(time, time_point(1h));
  EXPECT_EQ(time.at, time_point{}) << "there is something to look at first";
  w.wait(time, time_point(1h));
  EXPECT_EQ(time.at, time_point(1h));
}

TEST(wakeup, is_not_lost_when_it_comes_before_the_wait) {
  const wakeup w;
  w.notify();
  w.notify();
  w.wait(steady(), std::nullopt);
  const time_point until = steady().now() + 20ms;
  w.wait(steady(), until);
  EXPECT_GE(steady().now(), until) << "two rings wake once";
}

TEST(wakeup, returns_at_once_when_the_moment_has_passed) {
  const wakeup w;
  w.wait(steady(), steady().now() - 1s);
  w.wait(steady(), time_point::min());
}

TEST(wakeup, returns_soon_when_time_is_not_the_real_one) {
  struct : lastcall::clock {
    time_point now() const noexcept override { return time_point(1h); }
  } time;
  const wakeup w;
  const time_point from = steady().now();
  w.wait(time, std::nullopt);
  w.wait(time, time_point(1000h));
  EXPECT_LT(steady().now() - from, 10s);
}

}  // namespace lastcall::wakeup_test
