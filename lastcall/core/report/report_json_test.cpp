#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <limits>

#include "lastcall/core/report/report_sample_test.hpp"

namespace lastcall::report_json_test {

using ::testing::HasSubstr;
using testing_core::sample_report;

TEST(report_json, keeps_the_schema_of_its_page) {
  const std::string json = to_json(sample_report());
  EXPECT_THAT(json, testing::StartsWith("{\n  \"schema\": 1,\n  \"result\": \"drained\",\n  \"exit_code\": 0,\n"));
  EXPECT_THAT(json, HasSubstr("\"kind\": \"signal\""));
  EXPECT_THAT(json, HasSubstr("\"sender\": \"pid 7 (kubelet)\""));
  EXPECT_THAT(json, HasSubstr("\"began\": \"2023-11-14T22:13:20.123Z\""));
  EXPECT_THAT(json, HasSubstr("\"drain_ms\": 1234.568"));
  EXPECT_THAT(json, HasSubstr("\"forced_ms\":null"));
  EXPECT_THAT(json, HasSubstr("\"listener_close\":\"unplugged\""));
  EXPECT_THAT(json, HasSubstr("\"settled_ms\":0.5"));
  EXPECT_THAT(json, HasSubstr("\"peak\":64"));
  EXPECT_THAT(json, HasSubstr("\"tls\":false"));
  EXPECT_THAT(json, testing::EndsWith("}\n"));
}

TEST(report_json, writes_durations_to_the_microsecond_and_no_longer_than_need_be) {
  report r;
  const auto shown = [&](double ms) {
    r.grace_ms = ms;
    const std::string json = to_json(r);
    const std::size_t from = json.find("\"grace_ms\": ") + 12;
    return json.substr(from, json.find(',', from) - from);
  };
  EXPECT_EQ(shown(0), "0");
  EXPECT_EQ(shown(20'000), "20000");
  EXPECT_EQ(shown(100'000'000), "100000000") << "no power of ten";
  EXPECT_EQ(shown(0.001), "0.001");
  EXPECT_EQ(shown(0.0004), "0");
  EXPECT_EQ(shown(0.0125), "0.013");
  EXPECT_EQ(shown(1.5), "1.5");
  EXPECT_EQ(shown(1.05), "1.05");
  EXPECT_EQ(shown(12.9999), "13");
  EXPECT_EQ(shown(-0.25), "-0.25");
  EXPECT_EQ(shown(1e300), "1e+300");
  EXPECT_EQ(shown(std::numeric_limits<double>::quiet_NaN()), "null");
}

TEST(report_json, has_no_zeros_for_a_component_that_counted_nothing) {
  report r;
  r.components.emplace_back().name = "pg";
  const std::string json = to_json(r);
  EXPECT_NE(json.find("\n    {\"name\":\"pg\",\"drained\":false,"), json.npos) << "a line of its own: " << json;
  EXPECT_NE(json.find("\"stopped_ms\":null,\"connections\":null,\"requests\":null,\"fields\":{}}\n"), json.npos)
      << json;
  EXPECT_NE(json.find("\n  \"connections\": {\n    \"accepted\": 0,\n"), json.npos) << json;
}

TEST(report_json, has_stacks_only_of_components_that_hang) {
  report r;
  r.components.push_back({.name = "http", .forced = true});
  const std::string json = to_json(r);
  EXPECT_NE(json.find("\"in_progress\":[]"), std::string::npos) << json;
  EXPECT_EQ(json.find("\"hung_in\""), std::string::npos) << json;
  EXPECT_EQ(json.find("\"stack\""), std::string::npos) << json;
}

}  // namespace lastcall::report_json_test
