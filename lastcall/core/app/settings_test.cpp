#include "lastcall/core/app/settings.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>
#include <stdexcept>

namespace lastcall::settings_test {

using namespace std::chrono_literals;
using ::testing::HasSubstr;

environment with(std::map<std::string, std::string> variables) {
  return [variables = std::move(variables)](const char* name) -> const char* {
    const auto found = variables.find(name);
    return found == variables.end() ? nullptr : found->second.c_str();
  };
}

std::string refusal(const app_options& options, const environment& env = {}) {
  try {
    resolve(options, env);
  } catch (const std::invalid_argument& e) {
    return e.what();
  }
  return "accepted";
}

TEST(settings, keep_two_seconds_or_a_tenth_of_the_grace_in_reserve) {
  EXPECT_EQ(resolve({}, {}).grace, 20s);
  EXPECT_EQ(resolve({}, {}).reserve, 2s);
  EXPECT_EQ(resolve({.grace = 5s}, {}).reserve, 500ms);
  EXPECT_EQ(resolve({.grace = 60s}, {}).reserve, 2s);
  EXPECT_EQ(resolve({.grace = 60s, .reserve = 0s}, {}).reserve, 0s);
}

TEST(settings, let_the_environment_beat_the_code) {
  const settings s =
      resolve({.grace = 20s, .reserve = 1s, .report_file = "code.json"}, with({{"LASTCALL_GRACE", "30s"},
                                                                               {"LASTCALL_RESERVE", "1.5s"},
                                                                               {"LASTCALL_READINESS_DELAY", "250ms"},
                                                                               {"LASTCALL_KILL_AFTER", "1m"},
                                                                               {"LASTCALL_REPORT", "/tmp/report.json"},
                                                                               {"LASTCALL_LOG", "warning"},
                                                                               {"LASTCALL_LOG_FORMAT", "json"}}));
  EXPECT_EQ(s.grace, 30s);
  EXPECT_EQ(s.reserve, 1500ms);
  EXPECT_EQ(s.readiness_delay, 250ms);
  EXPECT_EQ(s.kill_after, duration(1min));
  EXPECT_EQ(s.report_file, "/tmp/report.json");
  EXPECT_EQ(s.log, log_level::warning);
  EXPECT_EQ(s.format, log_format::json);
}

TEST(settings, let_the_grace_be_longer_than_the_time_to_the_kill_where_systemd_gives_more) {
  const app_options longer{.grace = 60s, .reserve = 1s, .extend_stop = true};
  const auto systemd = [](std::map<std::string, std::string> more) {
    more.emplace("NOTIFY_SOCKET", "/run/notify");
    return with(std::move(more));
  };
  EXPECT_TRUE(resolve(longer, systemd({{"LASTCALL_KILL_AFTER", "5s"}})).extend_stop);
  EXPECT_THAT(refusal(longer, with({{"LASTCALL_KILL_AFTER", "5s"}})), HasSubstr("does not end before"));
  EXPECT_THAT(refusal(longer, systemd({})), HasSubstr("LASTCALL_KILL_AFTER= in the unit"));
  EXPECT_THAT(refusal(longer, systemd({{"LASTCALL_KILL_AFTER", "2500ms"}})), HasSubstr("half of kill after 2.5s"));
  EXPECT_FALSE(resolve({.grace = 60s, .extend_stop = true}, {}).extend_stop) << "nobody is there to be asked";
}

TEST(settings, know_a_pod_of_kubernetes) {
  EXPECT_TRUE(resolve({}, with({{"KUBERNETES_SERVICE_HOST", "10.96.0.1"}})).in_a_pod);
  EXPECT_FALSE(resolve({}, {}).in_a_pod);
}

TEST(settings, take_an_empty_variable_for_one_that_is_not_set) {
  const settings s = resolve({.grace = 7s, .report_file = "code.json"},
                             with({{"LASTCALL_GRACE", ""}, {"LASTCALL_REPORT", ""}, {"LASTCALL_LOG", ""}}));
  EXPECT_EQ(s.grace, 7s);
  EXPECT_EQ(s.report_file, "code.json");
}

TEST(settings, refuse_a_value_that_cannot_be_read_by_variable_and_value) {
  EXPECT_EQ(refusal({}, with({{"LASTCALL_GRACE", "20"}})),
            "app: LASTCALL_GRACE=\"20\" is not a duration; write it as 250ms, 20s or 2m");
  EXPECT_THAT(refusal({}, with({{"LASTCALL_READINESS_DELAY", "-1s"}})), HasSubstr("LASTCALL_READINESS_DELAY=\"-1s\""));
  EXPECT_THAT(refusal({}, with({{"LASTCALL_LOG", "loud"}})), HasSubstr("LASTCALL_LOG=\"loud\" is no level"));
  EXPECT_THAT(refusal({}, with({{"LASTCALL_LOG_FORMAT", "xml"}})), HasSubstr("use text or json"));
}

TEST(settings, refuse_a_grace_period_of_nothing_or_of_more_than_a_day) {
  EXPECT_EQ(refusal({.grace = 0s}), "app: grace 0s (app_options::grace) must be above 0s and at most 24h");
  EXPECT_EQ(refusal({}, with({{"LASTCALL_GRACE", "0"}})),
            "app: grace 0s (LASTCALL_GRACE) must be above 0s and at most 24h");
  EXPECT_THAT(refusal({.grace = -1s}), HasSubstr("grace -1s"));
  EXPECT_THAT(refusal({.grace = 25h}), HasSubstr("grace 25h"));
  EXPECT_EQ(refusal({.grace = 24h}), "accepted");
}

TEST(settings, show_the_arithmetic_when_the_parts_do_not_fit_into_the_grace_period) {
  EXPECT_EQ(
      refusal({.grace = 10s, .reserve = 4s, .readiness_delay = 6s}),
      "app: readiness delay 6s (app_options::readiness_delay) + reserve 4s (app_options::reserve) leave nothing of "
      "grace 10s (app_options::grace) to drain in; raise the grace period or shorten one of the two");
  EXPECT_EQ(refusal({.grace = 10s, .reserve = 4s, .readiness_delay = 5999ms}), "accepted");
  EXPECT_THAT(refusal({.reserve = -1s}), HasSubstr("reserve -1s"));
  EXPECT_THAT(refusal({.readiness_delay = -1s}), HasSubstr("readiness delay -1s"));
  EXPECT_THAT(refusal({.reserve = duration::max(), .readiness_delay = duration::max()}), HasSubstr("leave nothing"));
}

TEST(settings, refuse_a_grace_period_that_the_platform_would_cut_short) {
  EXPECT_EQ(
      refusal({}, with({{"LASTCALL_KILL_AFTER", "20s"}})),
      "app: grace 20s (app_options::grace) does not end before the platform kills: after 20s (LASTCALL_KILL_AFTER); "
      "shorten the grace period or raise the platform's limit");
  EXPECT_THAT(refusal({.kill_after = 9s}, with({{"LASTCALL_GRACE", "10s"}})),
              HasSubstr("grace 10s (LASTCALL_GRACE) does not end before the platform kills: after 9s "
                        "(app_options::kill_after)"));
  EXPECT_EQ(refusal({.kill_after = 21s}), "accepted");
}

}  // namespace lastcall::settings_test
