#include "lastcall/http/requests/body_pacing.hpp"

#include <gtest/gtest.h>

namespace lastcall::http::detail::body_pacing_test {

using namespace std::chrono_literals;

constexpr time_point began{100s};

TEST(body_pacing, gives_a_head_its_time_and_blames_the_client_afterwards) {
  body_pacing p;
  p.begin(began, 10s);
  EXPECT_EQ(p.due(), began + 10s);
  EXPECT_EQ(p.overdue(began + 10s).told.status, 408);
  EXPECT_STREQ(p.overdue(began + 1s).told.why, refusals::head_too_slow.why) << "a drain ends it: it is no request yet";
  EXPECT_EQ(p.overdue(began + 1s).ended, request_end::rejected);
}

TEST(body_pacing, gives_a_collected_body_its_time_however_it_comes) {
  body_pacing p;
  p.begin(began, 10s);
  p.collect(began + 1s, 60s);
  p.came(1'000'000, began + 2s);
  EXPECT_EQ(p.due(), began + 61s);
  EXPECT_STREQ(p.overdue(began + 61s).told.why, refusals::body_too_slow.why);
  EXPECT_FALSE(p.waiting());
}

TEST(body_pacing, blames_the_server_for_a_body_that_the_drain_ends_while_it_comes) {
  body_pacing p;
  p.collect(began, 60s);
  for (int i = 1; i < 40; ++i) p.came(1, began + i * 1s);
  EXPECT_EQ(p.overdue(began + 40s).told.status, 503);
  EXPECT_EQ(p.overdue(began + 40s).ended, request_end::forced);
  EXPECT_EQ(p.overdue(began + 39s + body_pacing::stands_still).told.status, 408) << "it stood still";
}

TEST(body_pacing, counts_only_the_time_in_which_the_handler_waits) {
  body_pacing p;
  p.wait(began, 10s);
  EXPECT_TRUE(p.waiting());
  EXPECT_TRUE(p.end_wait(began + 4s));
  EXPECT_FALSE(p.end_wait(began + 5s));
  p.wait(began + 100s, 10s);
  EXPECT_EQ(p.due(), began + 106s);
  EXPECT_TRUE(p.end_wait(began + 200s));
  p.wait(began + 300s, 10s);
  EXPECT_EQ(p.due(), began + 300s) << "never in the past";
}

TEST(body_pacing, gives_a_second_more_for_each_16_kib_that_a_handler_took) {
  body_pacing p;
  p.came(160 * 1024, began);
  p.wait(began, 10s);
  EXPECT_EQ(p.due(), began + 20s);
  EXPECT_EQ(p.received(), 160U * 1024);
}

TEST(body_pacing, takes_a_new_wait_for_a_sign_of_life) {
  body_pacing p;
  p.came(5, began);
  p.wait(began + 10s, 60s);
  EXPECT_EQ(p.overdue(began + 11s).told.status, 503) << "the handler was slow, and not the client";
}

TEST(body_pacing, begins_anew_with_each_request) {
  body_pacing p;
  p.came(160 * 1024, began);
  p.wait(began, 10s);
  p.begin(began + 50s, 5s);
  EXPECT_FALSE(p.waiting());
  EXPECT_EQ(p.received(), 0U);
  EXPECT_EQ(p.due(), began + 55s);
}

}  // namespace lastcall::http::detail::body_pacing_test
