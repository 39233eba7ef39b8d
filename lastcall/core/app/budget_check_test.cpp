// The check before the start that the times of the components fit into the grace period.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "lastcall/core/app/app_double_test.hpp"

namespace lastcall::budget_check_test {

using namespace std::chrono_literals;
using ::testing::HasSubstr;
using testing_core::quiet;
using testing_core::refusal;

TEST(budget_check, refuses_least_times_that_do_not_fit_and_shows_the_arithmetic) {
  app_options o = quiet();
  o.grace = 10s;
  o.reserve = 1s;
  o.readiness_delay = 2s;
  app a{o};
  const auto pg = a.add("pg", functions{.stop = [] {}, .takes = {.minimum = 3s}});
  a.add("http", functions{.stop = [] {}, .takes = {.minimum = 5s}}, {pg});
  EXPECT_EQ(refusal([&] { a.start(); }),
            "app: the components need at least http 5s + pg 3s = 8s, and grace 10s (app_options::grace) - "
            "reserve 1s (app_options::reserve) - readiness delay 2s (app_options::readiness_delay) leaves 7s to drain "
            "in; raise the grace "
            "period or shorten what they take");
}

TEST(budget_check, warns_of_typical_times_that_do_not_fit_and_runs) {
  app_options o = quiet();
  o.log = log_level::warning;
  std::vector<std::string> lines;
  o.sink = [&](const log_record& r) { lines.push_back(std::string(r.text)); };
  app a{o};
  a.add("slow", functions{.stop = [] {}, .takes = {.minimum = 1s, .typical = 1h}});
  a.request_shutdown("at once");
  EXPECT_EQ(a.run(), 0);
  EXPECT_THAT(lines, testing::Contains(HasSubstr("typically need more time")));
}

}  // namespace lastcall::budget_check_test
