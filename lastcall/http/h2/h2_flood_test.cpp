#include "lastcall/http/h2/h2_flood.hpp"

#include <gtest/gtest.h>

namespace lastcall::http::detail::h2_flood_test {

using namespace std::chrono_literals;
const time_point start{1000s};

/// How many of them are let through at one moment.
std::uint32_t at_once(h2_flood& of, h2_noise what, time_point now) {
  std::uint32_t n = 0;
  while (n < 100'000 && !of.exceeds(what, now)) ++n;
  return n;
}

TEST(h2_flood, lets_a_burst_through_and_no_more) {
  for (std::size_t i = 0; i < h2_noises; ++i) {
    h2_flood f;
    const auto what = static_cast<h2_noise>(i);
    EXPECT_EQ(at_once(f, what, start), h2_flood::allowed(what).at_once) << i;
  }
}

TEST(h2_flood, lets_a_steady_few_through_for_ever) {
  h2_flood f;
  for (int i = 0; i < 100'000; ++i) ASSERT_FALSE(f.exceeds(h2_noise::ping, start + i * 100ms)) << i;
}

TEST(h2_flood, stops_a_steady_many) {
  h2_flood f;
  int n = 0;
  while (n < 10'000 && !f.exceeds(h2_noise::reset, start + n * 10ms)) ++n;
  EXPECT_GT(n, 200);
  EXPECT_LT(n, 300);
}

TEST(h2_flood, forgets_in_time) {
  h2_flood f;
  at_once(f, h2_noise::settings, start);
  EXPECT_TRUE(f.exceeds(h2_noise::settings, start + 50ms));
  EXPECT_FALSE(f.exceeds(h2_noise::settings, start + 1s));
  EXPECT_EQ(at_once(f, h2_noise::settings, start + 1h), h2_flood::allowed(h2_noise::settings).at_once);
}

TEST(h2_flood, counts_each_kind_by_itself) {
  h2_flood f;
  at_once(f, h2_noise::ping, start);
  EXPECT_FALSE(f.exceeds(h2_noise::settings, start));
}

TEST(h2_flood, counts_continuations_of_one_head) {
  h2_flood f;
  for (int head = 0; head < 100; ++head) {
    f.head_begins();
    for (std::uint32_t i = 0; i < h2_flood::allowed(h2_noise::continuation).at_once; ++i)
      ASSERT_FALSE(f.exceeds(h2_noise::continuation, start + 1h));
  }
  EXPECT_TRUE(f.exceeds(h2_noise::continuation, start + 2h)) << "time does not make it a shorter head";
}

}  // namespace lastcall::http::detail::h2_flood_test
