// When a gRPC server that has said its GOAWAY is shut down.
#include "lastcall/adapters/grpc/farewell_plan.hpp"

#include <gtest/gtest.h>

namespace lastcall::grpc::farewell_plan_test {

using namespace std::chrono_literals;
using detail::farewell_action;
using detail::farewell_plan;
using kind = farewell_action::kind;

const time_point t0{1h};

TEST(farewell_plan, is_over_when_nothing_is_left) {
  farewell_plan plan(1s, t0 + 10s);
  EXPECT_EQ(plan.looked(0, 0, duration::max(), t0).what, kind::gone);
}

TEST(farewell_plan, waits_for_calls_until_the_drain_end) {
  farewell_plan plan(1s, t0 + 10s);
  EXPECT_EQ(plan.looked(1, 1, 5s, t0), (farewell_action{.until = t0 + 250ms}));
  EXPECT_EQ(plan.looked(1, 1, 5s, t0 + 9900ms), (farewell_action{.until = t0 + 10s}));
  EXPECT_EQ(plan.looked(1, 1, 5s, t0 + 10s).what, kind::late);
}

TEST(farewell_plan, looks_more_and_more_seldom_for_connections_without_calls) {
  farewell_plan plan(1s, t0 + 10s);
  EXPECT_EQ(plan.looked(0, 2, 0s, t0).until, t0 + 2ms);
  EXPECT_EQ(plan.looked(0, 2, 0s, t0 + 2ms).until, t0 + 6ms);
  time_point now = t0 + 6ms;
  for (int i = 0; i < 10; ++i) now = plan.looked(0, 1, 0s, now).until;
  EXPECT_EQ(plan.looked(0, 1, 0s, now).until, now + 50ms);
  EXPECT_EQ(plan.looked(0, 0, 0s, now + 1ms).what, kind::gone);
}

TEST(farewell_plan, cuts_connections_that_are_quiet_and_do_not_go) {
  farewell_plan plan(1s, t0 + 10s);
  EXPECT_EQ(plan.looked(0, 1, 1min, t0).what, kind::wait) << "it was told just now";
  EXPECT_EQ(plan.looked(0, 1, 1min, t0 + 999ms).until, t0 + 1s);
  EXPECT_EQ(plan.looked(0, 1, 1min, t0 + 1s).what, kind::quiet);
}

TEST(farewell_plan, does_not_cut_a_connection_on_which_a_request_is_still_coming) {
  farewell_plan plan(1s, t0 + 10s);
  EXPECT_EQ(plan.looked(0, 1, 0s, t0).what, kind::wait);
  EXPECT_EQ(plan.looked(0, 1, 10ms, t0 + 5s).what, kind::wait);
  EXPECT_EQ(plan.looked(1, 1, 10ms, t0 + 6s).what, kind::wait);
  EXPECT_EQ(plan.looked(0, 1, 5s, t0 + 7s).what, kind::wait) << "its call was over just now";
  EXPECT_EQ(plan.looked(0, 1, 5s, t0 + 8s).what, kind::quiet);
}

TEST(farewell_plan, cuts_at_once_where_there_is_no_goodbye) {
  farewell_plan plan(0s, t0 + 10s);
  EXPECT_EQ(plan.looked(0, 1, 0s, t0).what, kind::quiet);
}

}  // namespace lastcall::grpc::farewell_plan_test
