#include "lastcall/testing/internal/read_report.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <stdexcept>

namespace lastcall::testing::read_report_test {

using ::testing::ElementsAre;

TEST(read_report, reads_back_every_field_that_is_written) {
  report r;
  r.cause.kind = cause_kind::signal;
  r.cause.signal = "SIGTERM";
  r.cause.sender = "pid 1 (init)";
  r.cause.text = "because";
  r.began = std::chrono::system_clock::time_point(std::chrono::milliseconds(1'800'000'000'123));
  r.grace_ms = 20'000;
  r.reserve_ms = 2000;
  r.readiness_delay_ms = 5.5;
  r.start_ms = 1;
  r.readiness_ms = 2;
  r.drain_ms = 3;
  r.stop_ms = 4;
  r.total_ms = 9;
  r.outcome = outcome::hung;
  r.exit_code = 4;
  r.errors = {"one", "two"};
  r.log_lines_dropped = 7;
  component_report& c = r.components.emplace_back();
  c.name = "http \"quoted\"";
  c.start_ms = 1.5;
  c.drain_began_ms = 2;
  c.forced_ms = 3;
  c.forced = c.hung = true;
  c.connections = {.accepted = 21,
                   .closed_clean = 1,
                   .closed_by_remote = 2,
                   .reset_by_remote = 3,
                   .timed_out = 4,
                   .handed_over = 5,
                   .forced = 6};
  c.requests = {.begun = 37,
                .answered = 1,
                .rejected = 2,
                .abandoned_by_client = 3,
                .handed_over = 4,
                .forced = 8,
                .broken = 9,
                .timed_out = 10};
  c.add("port", 8080);
  c.add("way", report_value(std::string("unplug")));
  c.add("fine", report_value(true));
  c.add("share", report_value(0.25));
  const report back = read_report(to_json(r));
  EXPECT_EQ(to_json(back), to_json(r));
  EXPECT_EQ(back.connections(), r.connections());
  EXPECT_EQ(back.requests(), r.requests());
  EXPECT_EQ(back.began, r.began);
  EXPECT_THAT(back.hung(), ElementsAre("http \"quoted\""));
}

TEST(read_report, reads_the_short_one_of_the_watch) {
  const report r = read_report(
      R"({"schema": 1, "result": "hung", "exit_code": 4, "hung": ["pg"], "hung_in": "stop", "errors": ["late"]})");
  EXPECT_EQ(r.outcome, outcome::hung);
  EXPECT_EQ(r.exit_code, 4);
  EXPECT_THAT(r.hung(), ElementsAre("pg"));
  EXPECT_THAT(r.errors, ElementsAre("late"));
}

TEST(read_report, refuses_what_is_no_report_of_ours) {
  for (const char* wrong :
       {"", "[]", "{}", R"({"schema": 2, "result": "drained"})", R"({"schema": 1, "result": "good"})"})
    EXPECT_THROW(read_report(wrong), std::invalid_argument) << wrong;
}

TEST(read_report, names_the_byte_at_which_it_is_no_json) {
  const std::string report = R"({"schema": 1, "result": "drained")", deep(1000, '[');
  for (const auto& [wrong, at] : {std::pair{report, "at byte 33"},
                                  {report + "} 2", "at byte 35"},
                                  {report + R"(, "why": "\ud800"})", "at byte 4"},
                                  {report + R"(, "began": 01})", "at byte 4"},
                                  {deep, "at byte 3"}}) {
    try {
      read_report(wrong);
      FAIL() << wrong;
    } catch (const std::invalid_argument& error) {
      EXPECT_THAT(error.what(), ::testing::HasSubstr(at)) << wrong;
    }
  }
}

}  // namespace lastcall::testing::read_report_test
