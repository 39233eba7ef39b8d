#include "lastcall/core/deadline.hpp"

#include <gtest/gtest.h>

#include <functional>
#include <limits>
#include <stdexcept>
#include <string>
#include <type_traits>

namespace lastcall::deadline_test {

using namespace std::chrono_literals;

const time_point noon(std::chrono::hours(12));

std::string refusal(const std::function<void()>& make) {
  try {
    make();
  } catch (const std::invalid_argument& error) {
    return error.what();
  }
  return "accepted";
}

TEST(deadline, is_never_made_by_accident) {
  EXPECT_FALSE(std::is_default_constructible_v<deadline>);
  EXPECT_FALSE((std::is_convertible_v<duration, deadline>));
  EXPECT_FALSE((std::is_constructible_v<deadline, int>));
}

TEST(deadline, lies_so_far_from_now) {
  const time_point before = steady().now();
  const deadline soon(1500ms);
  EXPECT_GE(soon.when(), before + 1500ms);
  EXPECT_LE(soon.when(), steady().now() + 1500ms);
}

TEST(deadline, accepts_zero_and_a_day) {
  EXPECT_NO_THROW(deadline(0s));
  EXPECT_NO_THROW(deadline(24h));
  EXPECT_NO_THROW(deadline(std::chrono::duration<double>(0.5)));
}

TEST(deadline, names_the_value_it_refuses) {
  EXPECT_EQ(refusal([] { deadline(-5s); }), "deadline: -5s is negative; give a time between 0 and 24h");
  EXPECT_EQ(refusal([] { deadline(-100ms); }), "deadline: -100ms is negative; give a time between 0 and 24h");
  EXPECT_EQ(refusal([] { deadline(25h); }), "deadline: 25h is too far away; give a time between 0 and 24h");
  EXPECT_EQ(refusal([] { deadline(24h + 1ns); }),
            "deadline: 86400.000000001s is too far away; give a time between 0 and 24h");
}

TEST(deadline, refuses_what_would_be_never) {
  const std::string no_end = "deadline: max() is no end; give a time between 0 and 24h";
  EXPECT_EQ(refusal([] { deadline{duration::max()}; }), no_end);
  EXPECT_EQ(refusal([] { deadline{std::chrono::hours::max()}; }), no_end);
  EXPECT_EQ(refusal([] { deadline::at(time_point::max(), noon); }), no_end);
  EXPECT_NE(refusal([] { deadline(std::chrono::hours::max() - 1h); }), "accepted");
  EXPECT_NE(refusal([] { deadline{std::chrono::hours::min()}; }), "accepted");
  EXPECT_NE(refusal([] { deadline{duration::min()}; }), "accepted");
  EXPECT_NE(refusal([] { deadline(std::chrono::duration<double>(std::numeric_limits<double>::quiet_NaN())); }),
            "accepted");
  EXPECT_NE(refusal([] { deadline(std::chrono::duration<double>(std::numeric_limits<double>::infinity())); }),
            "accepted");
}

TEST(deadline, can_be_a_moment_that_has_passed) {
  const deadline past = deadline::at(noon - 1h, noon);
  EXPECT_TRUE(past.passed(noon));
  EXPECT_EQ(past.remaining(noon), 0s);
}

TEST(deadline, counts_down_to_zero_and_stays_there) {
  const deadline end = deadline::at(noon + 10s, noon);
  EXPECT_EQ(end.remaining(noon), 10s);
  EXPECT_EQ(end.remaining(noon + 9s), 1s);
  EXPECT_FALSE(end.passed(noon + 10s - 1ns));
  EXPECT_TRUE(end.passed(noon + 10s));
  EXPECT_EQ(end.remaining(noon + 11s), 0s);
  EXPECT_EQ(end.remaining(time_point::max()), 0s);
}

TEST(deadline, does_not_overflow_between_the_ends_of_time) {
  EXPECT_NE(refusal([] { deadline::at(time_point::max() - 1ns, time_point::min()); }), "accepted");
  EXPECT_TRUE(deadline::at(time_point::min(), noon).passed(noon));
  EXPECT_EQ(deadline::at(noon, noon).remaining(time_point::min()), duration::max());
}

}  // namespace lastcall::deadline_test
