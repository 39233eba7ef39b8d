#include "lastcall/core/report/report.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "lastcall/core/report/report_sample_test.hpp"

namespace lastcall::report_test {

using testing_core::sample_report;

TEST(report, sums_every_column_over_the_components) {
  EXPECT_EQ(sample_report().connections().accepted, 5u);
  EXPECT_TRUE(sample_report().connections().adds_up());
  EXPECT_EQ(sample_report().requests().begun, 9u);
}

TEST(report, takes_a_forced_component_for_cut_unless_it_shows_that_nothing_was_lost) {
  component_report c{.forced = true};
  EXPECT_TRUE(c.cut()) << "it has nothing to show";
  c.requests = {.begun = 2, .answered = 2};
  EXPECT_TRUE(c.cut()) << "it never said that it had drained";
  c.drained_ms = 1500;
  EXPECT_FALSE(c.cut());
  c.requests.begun = 3;
  EXPECT_TRUE(c.cut()) << "one is missing";
  c.requests.forced = 1;
  EXPECT_TRUE(c.cut());
  c.lost = false;
  EXPECT_TRUE(c.cut()) << "its ledger knows better";
  c = {.forced = true, .lost = false};
  EXPECT_FALSE(c.cut());
  c.lost = true;
  EXPECT_TRUE(c.cut());
  c.forced = false;
  EXPECT_FALSE(c.cut()) << "nobody told it to cut";
}

TEST(report, says_which_resets_of_the_kernel_no_ledger_explains) {
  report r;
  r.components.push_back({.name = "http"});
  r.components[0].connections = {.accepted = 5, .reset_by_remote = 2, .forced = 1};
  EXPECT_EQ(r.unexplained_resets(), 0U) << "nothing was counted";
  EXPECT_NE(to_json(r).find("\"kernel\": null"), std::string::npos);
  r.kernel = kernel_counters{.reset_on_close = 2, .reset_on_data = 3, .not_accepted = 7};
  EXPECT_EQ(r.unexplained_resets(), 2U);
  EXPECT_EQ(to_text(r).find("the kernel"), std::string::npos) << "they may be of other processes";
  r.kernel->ours_alone = true;
  EXPECT_NE(to_text(r).find("the kernel reset 2 connections"), std::string::npos);
  EXPECT_NE(to_json(r).find("\"not_accepted\": 7"), std::string::npos);
  r.kernel->reset_on_data = 1;
  EXPECT_EQ(to_text(r).find("the kernel"), std::string::npos);
}

TEST(report, tells_where_what_hangs_stands_and_what_it_was_at_work_on) {
  report r;
  r.components.push_back({.name = "http", .hung = true, .hung_in = "stop"});
  r.components[0].stack = {"verb, stop http, for 2s, waits in futex:", "wait_for_a_lock() (main.cpp:7)"};
  r.components[0].in_progress = {{.label = "GET /slow", .remote = "10.0.0.7:1", .age = std::chrono::seconds(2)}};
  const std::string text = to_text(r), json = to_json(r);
  EXPECT_NE(text.find("  hung: http in stop\n"), std::string::npos) << text;
  EXPECT_NE(text.find("  http was at work on: GET /slow for 10.0.0.7:1, for 2s\n"), std::string::npos) << text;
  EXPECT_NE(text.find("  http, verb, stop http, for 2s, waits in futex:\n    wait_for_a_lock() (main.cpp:7)\n"),
            std::string::npos)
      << text;
  EXPECT_NE(json.find("\"hung_in\":\"stop\""), std::string::npos) << json;
  EXPECT_NE(json.find("\"age_ms\":2000"), std::string::npos) << json;
}

}  // namespace lastcall::report_test
