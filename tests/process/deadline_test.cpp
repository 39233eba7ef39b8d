// One deadline for everything: what is not done by the drain end is cut and counted, and by the deadline the process is
// gone.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <chrono>
#include <thread>

#include "lastcall/core/by_median_test.hpp"
#include "tests/process/raw_client.hpp"
#include "tests/process/testbed.hpp"

namespace {

using namespace process_tests;
using lastcall::testing::child_options;
using lastcall::testing::parse_server_address;
using testing::AllOf;
using testing::HasSubstr;

/// From the deadline on. In the brief gate other programs share the machine.
const double slack_ms = sanitized ? 5000 : long_run() ? 100 : 300;

TEST_BY_MEDIAN(deadline, forces_what_takes_longer_at_the_drain_end_and_never_before_and_is_gone_in_time) {
  std::vector<double> exits;
  for (int i = 0; i < runs(10, 1); ++i) {
    const auto m = measure({.server = {"--grace", "2s"}, .loads = {"inflight:5,path=/slow?ms=60000,expect=any"}});
    ASSERT_EQ(m.exit, exit_status{.code = 3}) << m.table;
    EXPECT_EQ(m.report.text("result"), "forced");
    EXPECT_EQ(m.report.number("requests.forced"), 5) << m.table;
    EXPECT_EQ(m.report.number("connections.forced"), 5) << m.table;
    EXPECT_EQ(m.report.number("reserve_ms"), 200);
    expect_ledgers_add_up(m.report);
    // Each client got its handler's last words or was cut, and at the drain end, not before.
    lastcall::each_time(m.client.number("loads.0.server_errors_after") + m.client.number("loads.0.lost") == 5, m.table);
    lastcall::each_time(m.report.number("readiness_ms") + m.report.number("drain_ms") >= 1800, m.table);
    exits.push_back(m.client.number("signal_to_exit_ms"));
    lastcall::each_time(exits.back() >= 1800, m.table);
    EXPECT_LE(m.report.number("total_ms"), 2000 + slack_ms) << m.table;
  }
  std::printf("measure: grace 2 s, 5 handlers of 60 s: %zu runs, exit after %.0f ms median\n", exits.size(),
              median(exits));
  EXPECT_LE(median(exits), 2000 + slack_ms);
}

TEST(deadline, is_far_away_for_a_handler_that_ends_in_time) {
  const auto m = measure({.server = {"--grace", "20s"}, .loads = {"inflight:5,path=/slow?ms=1500"}});
  ASSERT_EQ(m.exit, exit_status{.code = 0}) << m.table;
  EXPECT_EQ(m.client.number("total.answered"), 5) << m.table;
  EXPECT_EQ(m.report.number("requests.forced"), 0);
}

TEST_BY_MEDIAN(deadline, comes_from_the_environment) {
  testbed server({}, child_options{.environment = {"LASTCALL_GRACE=1s", "LASTCALL_KILL_AFTER=1500ms"}});
  raw_client slow(parse_server_address(server.url()), "GET /slow?ms=60000 HTTP/1.1\r\nHost: a\r\n\r\n");
  raw_client other(parse_server_address(server.url()), "GET / HTTP/1.1\r\nHost: a\r\n\r\n");
  ASSERT_EQ(other.read_reply().status_line(),
            "HTTP/1.1 200 OK");  // so the slow one, which came before, is in its handler
  server.process.signal(SIGTERM);
  ASSERT_EQ(server.wait(), exit_status{.code = 3}) << server.process.errors();
  EXPECT_EQ(server.report().number("grace_ms"), 1000);
  EXPECT_EQ(server.report().number("reserve_ms"), 100);
  EXPECT_GE(server.report().number("total_ms"), 900);
}

TEST(deadline, of_the_command_line_beats_the_environment) {
  testbed server({"--grace", "3s"}, child_options{.environment = {"LASTCALL_GRACE=1s"}});
  server.process.signal(SIGTERM);
  ASSERT_EQ(server.wait(), exit_status{.code = 0});
  EXPECT_EQ(server.report().number("grace_ms"), 3000);
}

struct refusal {
  std::vector<std::string> environment;
  std::vector<std::string> says;  // the value and the variable, and what would be right
};

TEST(deadline, that_cannot_be_meant_is_refused_by_value_and_variable) {
  const std::vector<refusal> all{
      {{"LASTCALL_GRACE=soon"}, {"LASTCALL_GRACE", "\"soon\"", "20s"}},
      {{"LASTCALL_GRACE=20"}, {"LASTCALL_GRACE", "\"20\"", "20s"}},
      {{"LASTCALL_GRACE=-1s"}, {"LASTCALL_GRACE", "-1s"}},
      {{"LASTCALL_GRACE=0s"}, {"LASTCALL_GRACE", "0s"}},
      {{"LASTCALL_GRACE=25h"}, {"LASTCALL_GRACE", "25h", "24h"}},
      {{"LASTCALL_RESERVE=quick"}, {"LASTCALL_RESERVE", "\"quick\""}},
      {{"LASTCALL_GRACE=10s", "LASTCALL_RESERVE=10s"}, {"LASTCALL_RESERVE", "LASTCALL_GRACE", "10s"}},
      {{"LASTCALL_GRACE=10s", "LASTCALL_READINESS_DELAY=9500ms"}, {"LASTCALL_READINESS_DELAY", "9.5s", "1s", "10s"}},
      {{"LASTCALL_GRACE=30s", "LASTCALL_KILL_AFTER=30s"}, {"LASTCALL_GRACE", "LASTCALL_KILL_AFTER", "30s"}},
      {{"LASTCALL_KILL_AFTER=10s"}, {"20s", "10s", "LASTCALL_KILL_AFTER"}},
      {{"LASTCALL_KILL_AFTER=never"}, {"LASTCALL_KILL_AFTER", "\"never\""}},
      {{"LASTCALL_LOG=loud"}, {"LASTCALL_LOG", "\"loud\"", "debug"}},
  };
  for (const auto& [environment, says] : all) {
    SCOPED_TRACE(testing::PrintToString(environment));
    child_process it({program("testbed"), "--port", "0"}, {.environment = environment});
    ASSERT_EQ(it.wait(deadline(30s)), exit_status{.code = 2}) << it.errors();
    for (const auto& text : says) EXPECT_THAT(it.errors(), HasSubstr(text));
    EXPECT_EQ(it.output(), "") << "it served";
  }
}

TEST(deadline, of_the_platform_is_no_trouble_when_all_fits) {
  testbed server({}, child_options{.environment = {"LASTCALL_GRACE=20s", "LASTCALL_KILL_AFTER=30s"}});
  server.process.signal(SIGTERM);
  EXPECT_EQ(server.wait(), exit_status{.code = 0}) << server.process.errors();
}

/// What the remote does is not the server's work: it is ended in time, and nothing is forced.
TEST(deadline, finds_nothing_to_force_in_silent_reading_and_idle_remotes) {
  testbed server({"--grace", "6s", "--reserve", "3s", "--silence", "10s", "--idle-time", "60s"});
  const auto to = parse_server_address(server.url());
  const std::string whole = "GET / HTTP/1.1\r\nHost: a\r\n\r\n";
  std::vector<raw_client> silent, in_head, in_body, idle, deaf;
  for (int i = 0; i < 10; ++i) {
    silent.emplace_back(to);
    in_head.emplace_back(to, "GET / HTTP/1.1\r\nHo");
    in_body.emplace_back(to, "POST /upload HTTP/1.1\r\nHost: a\r\nContent-Length: 100\r\n\r\nabc");
    idle.emplace_back(to, whole);
    idle.back().read_reply();
    deaf.emplace_back(to, whole);
    deaf.back().read_reply();
  }
  server.process.signal(SIGTERM);
  // All but the deaf close as soon as they hear the server's end; a deaf one never does, nor reads what it is sent.
  for (auto& each : silent) EXPECT_EQ(each.read_to_end().bytes, "");
  for (auto& each : idle) EXPECT_EQ(each.read_to_end().bytes, "");
  for (auto& each : in_head) EXPECT_EQ(each.read_to_end().status_line(), "HTTP/1.1 408 Request Timeout");
  for (auto& each : in_body) EXPECT_EQ(each.read_to_end().status_line(), "HTTP/1.1 408 Request Timeout");
  for (auto* group : {&silent, &idle, &in_head, &in_body})
    for (auto& each : *group) each.close();
  ASSERT_EQ(server.wait(), exit_status{.code = 0}) << server.process.errors();
  const auto report = server.report();
  EXPECT_EQ(report.text("result"), "drained") << server.process.errors();
  EXPECT_EQ(report.number("connections.accepted"), 50);
  EXPECT_EQ(report.number("connections.forced"), 0);
  EXPECT_EQ(report.number("requests.forced"), 0);
  EXPECT_EQ(report.number("requests.answered"), 30);  // with those who were in the body: their handler was at work
  EXPECT_EQ(report.number("requests.rejected"), 10);
  EXPECT_LE(report.number("total_ms"), 6000 + slack_ms);
  expect_ledgers_add_up(report);
}

/// A body that comes on is cut by us, and its client is told so.
TEST(deadline, counts_a_body_that_was_still_coming_as_forced) {
  testbed server({"--grace", "3s", "--reserve", "1s", "--max-body", "100000000"});
  raw_client sends(parse_server_address(server.url()),
                   "POST /upload HTTP/1.1\r\nHost: a\r\nContent-Length: 100000000\r\n\r\n");
  const std::string piece(10'000, 'x');
  server.process.signal(SIGTERM);
  for (const auto by = std::chrono::steady_clock::now() + 30s;
       !sends.end_has_come() && sends.send(piece) && std::chrono::steady_clock::now() < by;)
    std::this_thread::sleep_for(10ms);
  EXPECT_EQ(sends.read_to_end().status_line(), "HTTP/1.1 503 Service Unavailable");
  sends.close();
  ASSERT_EQ(server.wait(), exit_status{.code = 3}) << server.process.errors();
  EXPECT_EQ(server.report().number("requests.forced"), 1);
  EXPECT_EQ(server.report().number("connections.forced"), 1);
  expect_ledgers_add_up(server.report());
}

/// A response that its client was still taking is the server's work: cut in the middle, and told.
TEST(deadline, counts_a_response_that_was_still_on_its_way_as_forced) {
  const auto m = measure({.server = {"--grace", "2s", "--reserve", "1s"},
                          .loads = {"download:1,bytes=40000000,over=3s,path=/big?bytes=40000000"}});
  ASSERT_EQ(m.exit, exit_status{.code = 3}) << m.table;
  EXPECT_EQ(m.total("lost"), 1) << m.table;
  EXPECT_EQ(m.report.number("requests.forced"), 1) << m.table;
  EXPECT_EQ(m.report.number("connections.forced"), 1) << m.table;
  expect_ledgers_add_up(m.report);
}

}  // namespace
