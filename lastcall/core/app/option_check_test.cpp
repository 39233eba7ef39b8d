#include "lastcall/core/app/option_check.hpp"

#include <gtest/gtest.h>

#include <limits>

#include "lastcall/core/clock.hpp"

namespace lastcall::option_check_test {

using namespace std::chrono_literals;
using detail::option_check;

template <class F> std::string refusal(const F& f) {
  try {
    f(option_check("part"));
  } catch (const std::invalid_argument& e) {
    return e.what();
  }
  return "accepted";
}

TEST(option_check, names_part_option_value_and_what_is_allowed) {
  EXPECT_EQ(refusal([](const option_check& c) { c.time("wait", -1s); }),
            "part: wait = -1s; give a time between 0s and 24h");
  EXPECT_EQ(refusal([](const option_check& c) { c.time_above_zero("wait", 0s); }),
            "part: wait = 0s; give a time above 0 and up to 24h");
  EXPECT_EQ(refusal([](const option_check& c) { c.number("size", -1, 1, 10); }),
            "part: size = -1; give a number between 1 and 10");
  EXPECT_EQ(refusal([](const option_check& c) { c.number("size", std::numeric_limits<std::size_t>::max(), 0, 10); }),
            "part: size = 18446744073709551615; give a number between 0 and 10");
}

TEST(option_check, takes_the_bounds_themselves) {
  EXPECT_EQ(refusal([](const option_check& c) {
              c.time("a", 0s);
              c.time("a", 24h);
              c.time_above_zero("a", 1ns);
              c.time_above_zero("a", 24h);
              c.number("a", 1, 1, 10);
              c.number("a", 10u, 1, 10);
            }),
            "accepted");
  for (const duration beyond : {duration(24h) + 1ns, duration::max(), duration::max() - 1ns}) {
    EXPECT_NE(refusal([&](const option_check& c) { c.time("a", beyond); }), "accepted");
    EXPECT_NE(refusal([&](const option_check& c) { c.time_above_zero("a", beyond); }), "accepted");
  }
}

TEST(clock, has_a_later_moment_for_every_time) {
  const time_point now(100h);
  EXPECT_EQ(detail::later(now, 1s), now + 1s);
  EXPECT_EQ(detail::later(now, -1s), now - 1s);
  EXPECT_EQ(detail::later(now, duration::max()), time_point::max());
  EXPECT_EQ(detail::later(now, duration::max() - 100h), time_point::max());
  EXPECT_EQ(detail::later(now, duration::max() - 101h), time_point::max() - 1h);
  EXPECT_LT(detail::later(now, duration::min()), now);
}

}  // namespace lastcall::option_check_test
