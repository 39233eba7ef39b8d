// Event streams by the thousand across a shutdown: each ends whole and in its own moment of the window, and who comes
// back goes on where it was.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdint>
#include <sstream>

#include "lastcall/core/by_median_test.hpp"
#include "tests/process/event_clients.hpp"
#include "tests/process/raw_client.hpp"
#include "tests/process/testbed.hpp"

namespace {

using namespace process_tests;
using lastcall::testing::parse_server_address;

std::size_t component(const document& report, const std::string& name) {
  for (std::size_t i = 0; i < report.size("components"); ++i)
    if (report.text("components." + std::to_string(i) + ".name") == name) return i;
  throw std::runtime_error("no component " + name);
}

std::vector<double> told_curve(const document& report) {
  std::istringstream in(report.text("components." + std::to_string(component(report, "http")) + ".fields.told_curve"));
  return {std::istream_iterator<double>(in), {}};
}

/// Whether they were told in moments all over the window. All else must hold each time.
bool spread_over_the_window() {
  const std::size_t count = long_run() ? 5'000 : sanitized ? 300 : 1'000;
  const duration window = long_run() ? 5s : 1s;
  testbed server({"--jitter", lastcall::to_text(window), "--max-connections", "25000"});
  streams s(server.url(), count, long_run() ? "/events?ms=500" : "/events");
  EXPECT_TRUE(s.until_ticks(2));
  const auto told = std::chrono::steady_clock::now();
  server.process.signal(SIGTERM);
  EXPECT_TRUE(s.until_all_have_ended());
  EXPECT_EQ(server.wait(), exit_status{.code = 0}) << server.process.errors();
  s.expect_all_ended_well();

  const document report = server.report();
  const std::string http = "components." + std::to_string(component(report, "http"));
  expect_ledgers_add_up(report);
  EXPECT_EQ(report.number(http + ".fields.told"), static_cast<double>(count));
  EXPECT_EQ(report.number(http + ".fields.told_events"), static_cast<double>(count));
  EXPECT_EQ(report.number("requests.answered"), static_cast<double>(count));
  EXPECT_EQ(report.number("connections.closed_clean"), static_cast<double>(count));
  const double window_ms = lastcall::to_ms(window), total_ms = report.number("total_ms");
  const std::vector<double> curve = told_curve(report);
  EXPECT_EQ(curve.size(), 10U);
  std::vector<double> seen(10);
  for (const listener& each : s.heard) {
    const auto tenth = static_cast<std::size_t>((each.ended - told) * 10 / window);
    seen[std::min<std::size_t>(tenth, 9)] += 1;
  }
  std::string all;
  bool spread = total_ms <= window_ms + (long_run() ? 200 : sanitized ? 5000 : 1500);
  for (std::size_t i = 0; i < std::min(curve.size(), seen.size()); ++i) {
    const double part = curve[i] / static_cast<double>(count), at_client = seen[i] / static_cast<double>(count);
    all += " " + std::to_string(static_cast<int>(part * 1000 + 0.5) / 10.0).substr(0, 4);
    // Briefly, a machine that others use too may stand still for some of these slices.
    spread = spread && (sanitized || part >= (long_run() ? 0.05 : 0.005)) && part <= (long_run() ? 0.15 : 0.4) &&
             at_client <= (long_run() ? 0.25 : 0.6);
  }
  std::printf("measure: %zu event streams told over %.0f ms, in tenths of it (%%):%s; gone after %.0f ms\n", count,
              window_ms, all.c_str(), total_ms);
  // They are asked to come back at moments of their own, too.
  std::vector<std::string> hints;
  for (const listener& each : s.heard) hints.push_back(each.retry);
  std::sort(hints.begin(), hints.end());
  EXPECT_GT(std::unique(hints.begin(), hints.end()) - hints.begin(), 100);
  return spread;
}

TEST(events, end_whole_and_spread_over_the_window_when_told_to_stop) {
  EXPECT_TRUE(lastcall::median_says(spread_over_the_window));
}

TEST(events, all_end_at_once_without_a_window) {
  testbed server({"--jitter", "0s"});
  streams s(server.url(), 200);
  ASSERT_TRUE(s.until_ticks(1));
  server.process.signal(SIGTERM);
  ASSERT_TRUE(s.until_all_have_ended());
  ASSERT_EQ(server.wait(), exit_status{.code = 0}) << server.process.errors();
  s.expect_all_ended_well();
  EXPECT_EQ(told_curve(server.report()).at(0), 200) << "for comparison: what the window is worth";
}

TEST(events, go_on_without_a_gap_for_a_client_that_comes_back_to_the_next_server) {
  listener one;
  std::string port;
  for (int server_number = 0; server_number < 3; ++server_number) {
    testbed server(port.empty() ? std::vector<std::string>{"--jitter", "200ms"}
                                : std::vector<std::string>{"--jitter", "200ms", "--port", port});
    port = server.url().substr(server.url().rfind(':') + 1);
    one.reply.begin();
    const std::uint64_t before = one.ticks;
    raw_client c(parse_server_address(server.url()),
                 "GET /events?ms=10 HTTP/1.1\r\nHost: a\r\nLast-Event-ID: " + std::to_string(one.last) + "\r\n\r\n");
    one.hear(c.read_head().bytes);
    while (one.ticks < before + 5) one.hear(c.read_some());
    server.process.signal(SIGTERM);
    const auto rest = c.read_to_end();
    one.hear(rest.bytes);
    EXPECT_EQ(rest.how, raw_client::ended::fin);
    EXPECT_TRUE(one.reply.complete());
    c.close();
    ASSERT_EQ(server.wait(), exit_status{.code = 0}) << server.process.errors();
  }
  EXPECT_EQ(one.first, 1U);
  EXPECT_EQ(one.gaps, 0U);
  EXPECT_EQ(one.last, one.ticks);
}

TEST(events, of_readers_that_take_nothing_are_bounded_and_hold_no_exit_up) {
  testbed server({"--jitter", "100ms", "--grace", "4s", "--log", "error"});
  const auto to = parse_server_address(server.url());
  constexpr std::size_t count = 40;
  const std::size_t before = server.process.resident_bytes();
  std::vector<raw_client> slow;
  for (std::size_t i = 0; i < count; ++i)
    slow.push_back(raw_client::narrow(to, "GET /events?ms=1&bytes=60000 HTTP/1.1\r\nHost: a\r\n\r\n"));
  raw_client reader(to, "GET /events?ms=1&bytes=60000 HTTP/1.1\r\nHost: a\r\n\r\n");
  for (int i = 0; i < 300; ++i) reader.read_some();  // meanwhile those who do not read stand still
  const std::size_t after = server.process.resident_bytes();
  if (!sanitized) {
    EXPECT_LE((after - std::min(before, after)) / count, 400U * 1024) << "18 MB would be theirs by now";
  }
  server.process.signal(SIGTERM);
  const auto rest = reader.read_to_end();
  EXPECT_THAT(rest.bytes, testing::EndsWith("0\r\n\r\n"));
  EXPECT_EQ(rest.how, raw_client::ended::fin);
  reader.close();
  ASSERT_EQ(server.wait(), exit_status{.code = 0}) << server.process.errors();
  const document report = server.report();
  EXPECT_EQ(report.number("connections.timed_out"), count);
  EXPECT_EQ(report.number("connections.forced"), 0);
  expect_ledgers_add_up(report);
}

}  // namespace
