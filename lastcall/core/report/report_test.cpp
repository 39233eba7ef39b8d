#include "lastcall/core/report/report.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <limits>

namespace lastcall::report_test {

using ::testing::HasSubstr;

report sample() {
  report r;
  r.trigger = trigger::signal;
  r.signal = "SIGTERM";
  r.sender = "pid 7 (kubelet)";
  r.began = std::chrono::system_clock::time_point(std::chrono::milliseconds(1'700'000'000'123));
  r.grace_ms = 20'000;
  r.reserve_ms = 2'000;
  r.drain_ms = 1'234.56789;
  r.total_ms = 1'234.56789;
  component_report http;
  http.name = "http";
  http.drained = true;
  http.drained_ms = 1'200;
  http.connections = {.accepted = 3, .closed_clean = 2, .closed_by_remote = 1};
  http.requests = {.begun = 9, .answered = 8, .rejected = 1};
  http.add("listener_close", "unplugged");
  http.add("settled_ms", 0.5);
  http.add("peak", 64u);
  http.add("tls", false);
  component_report tcp;
  tcp.name = "tcp";
  tcp.connections = {.accepted = 2, .timed_out = 1, .forced = 1};
  r.components = {http, tcp};
  return r;
}

TEST(report, ledgers_add_up_when_each_connection_and_request_went_exactly_one_way) {
  connection_ledger connections{.accepted = 6,
                                .closed_clean = 1,
                                .closed_by_remote = 1,
                                .reset_by_remote = 1,
                                .timed_out = 1,
                                .handed_over = 1,
                                .forced = 1};
  EXPECT_TRUE(connections.adds_up());
  connections.accepted = 7;
  EXPECT_FALSE(connections.adds_up());

  request_ledger requests{
      .begun = 5, .answered = 1, .rejected = 1, .abandoned_by_client = 1, .handed_over = 1, .forced = 1};
  EXPECT_TRUE(requests.adds_up());
  requests.answered = 2;
  EXPECT_FALSE(requests.adds_up());
}

TEST(report, sums_every_column_over_the_components) {
  connection_ledger connections{.accepted = 1,
                                .closed_clean = 2,
                                .closed_by_remote = 3,
                                .reset_by_remote = 4,
                                .timed_out = 5,
                                .handed_over = 6,
                                .forced = 7};
  connections += connections;
  EXPECT_EQ(connections, (connection_ledger{2, 4, 6, 8, 10, 12, 14}));
  request_ledger requests{
      .begun = 1, .answered = 2, .rejected = 3, .abandoned_by_client = 4, .handed_over = 5, .forced = 6};
  requests += requests;
  EXPECT_EQ(requests, (request_ledger{2, 4, 6, 8, 10, 12}));
  EXPECT_EQ(sample().connections().accepted, 5u);
  EXPECT_TRUE(sample().connections().adds_up());
  EXPECT_EQ(sample().requests().begun, 9u);
}

TEST(report, as_json_keeps_the_schema_of_its_page) {
  const std::string json = to_json(sample());
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

TEST(report, writes_durations_to_the_microsecond_and_no_longer_than_need_be) {
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

TEST(report, says_of_a_component_that_counted_nothing_no_zeros) {
  report r;
  r.components.emplace_back().name = "pg";
  const std::string json = to_json(r);
  EXPECT_NE(json.find("\n    {\"name\":\"pg\",\"drained\":false,"), json.npos) << "a line of its own: " << json;
  EXPECT_NE(json.find("\"stopped_ms\":null,\"connections\":null,\"requests\":null,\"fields\":{}}\n"), json.npos)
      << json;
  EXPECT_NE(json.find("\n  \"connections\": {\n    \"accepted\": 0,\n"), json.npos) << json;
}

TEST(report, as_text_says_in_a_few_lines_who_asked_how_long_it_took_and_what_was_cut) {
  report r = sample();
  EXPECT_EQ(to_text(r),
            "SIGTERM from pid 7 (kubelet); drained after 1.2346s of 20s; exit 0\n"
            "  connections: accepted=5 closed_clean=2 closed_by_remote=1 timed_out=1 forced=1\n"
            "  requests: begun=9 answered=8 rejected=1\n");
  r.outcome = outcome::hung;
  r.exit_code = 4;
  r.components[0].hung = true;
  r.components[1].forced = true;
  r.errors = {"tcp: stop: no luck"};
  EXPECT_THAT(to_text(r), HasSubstr("hung after 1.2346s of 20s; exit 4\n"));
  EXPECT_THAT(to_text(r),
              testing::EndsWith(
                  "  hung: http, which never said that it had drained\n  forced: tcp\n  error: tcp: stop: no luck\n"));
  EXPECT_THAT(r.hung(), testing::ElementsAre("http"));
}

TEST(report, names_the_other_causes) {
  report r;
  EXPECT_THAT(to_text(r), HasSubstr("not asked to end"));
  r.trigger = trigger::request;
  EXPECT_THAT(to_text(r), HasSubstr("requested; "));
  r.why = "leader lost";
  EXPECT_THAT(to_text(r), HasSubstr("requested: leader lost; "));
  r.trigger = trigger::failed_start;
  r.outcome = outcome::failed;
  r.why = "http: address in use";
  EXPECT_THAT(to_text(r), HasSubstr("failed to start: http: address in use; failed after"));
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

TEST(report, says_where_what_hangs_stands_only_of_what_hangs) {
  report r;
  r.components.push_back({.name = "http", .forced = true});
  const std::string json = to_json(r);
  EXPECT_NE(json.find("\"in_progress\":[]"), std::string::npos) << json;
  EXPECT_EQ(json.find("\"hung_in\""), std::string::npos) << json;
  EXPECT_EQ(json.find("\"stack\""), std::string::npos) << json;
}

TEST(report, of_a_failed_start_says_what_was_ended_again) {
  report r;
  r.trigger = trigger::failed_start;
  r.why = "component \"http\" failed to start: address in use";
  EXPECT_THAT(to_text(r), HasSubstr("\n  had started, and was ended again: nothing\n"));
  r.components = {
      {.name = "pg", .start_ms = 1.0, .stopped = true}, {.name = "redis", .start_ms = 1.0}, {.name = "http"}};
  EXPECT_THAT(to_text(r), HasSubstr("\n  had started, and was ended again: pg, redis\n"));
}

}  // namespace lastcall::report_test
