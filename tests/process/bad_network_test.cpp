// A shutdown behind a bad network: late, stalled and breaking connections cost nobody else anything, and not the
// deadline.
#include <gtest/gtest.h>

#include "lastcall/core/by_median_test.hpp"
#include "lastcall/testing.hpp"
#include "tests/process/raw_client.hpp"
#include "tests/process/testbed.hpp"

namespace {

using namespace process_tests;
using namespace lastcall::testing;

const double slack_ms = sanitized ? 5000 : 300;

TEST(bad_network, of_20_ms_each_way_loses_nothing) {
  lastcall::testing::program server({process_tests::program("testbed"), "--port", "0", "--log", "warning"},
                                    {.ready_line = "listening on "});
  fault_relay relay(parse_server_address(server.url()), {.faults = relay_faults::both({.delay = 20ms})});
  // From the signal on the relay refuses in the server's place: it can't take back a handshake that its own kernel has
  // done.
  const auto end =
      server.stop_under_load({.loads = {"busy:16", "race:16", "inflight:8,path=/slow?ms=800", "half-closed:4"},
                              .to = relay.url(),
                              .at_signal = [&] { relay.refuse_new(); }});
  EXPECT_TRUE(end.nothing_lost()) << to_text(end);
  EXPECT_GT(end.answered(), 100u) << to_text(end);
  EXPECT_EQ(relay.refused_by_server(), 0u);
  ASSERT_TRUE(end.report);
  EXPECT_TRUE(end.report->connections().adds_up() && end.report->requests().adds_up()) << to_text(end);
}

TEST_BY_MEDIAN(bad_network, that_stalls_a_response_does_not_hold_the_shutdown_beyond_the_deadline) {
  testbed server({"--grace", "2s", "--reserve", "1s"});
  fault_relay relay(parse_server_address(server.url()),
                    {.faults = {.to_client = {.at_byte = 100'000, .then = line_end::stall}}});
  raw_client client(parse_server_address(relay.url()), "GET /big?bytes=50000000 HTTP/1.1\r\nHost: a\r\n\r\n");
  ASSERT_TRUE(
      relay.wait_for([](const auto& all) { return !all.empty() && all[0].to_client == 100'000; }, deadline(30s)));
  server.process.signal(SIGTERM);
  ASSERT_EQ(server.wait(), exit_status{.code = 3}) << server.process.errors();
  const auto report = server.report();
  EXPECT_EQ(report.number("requests.forced"), 1);
  EXPECT_EQ(report.number("connections.forced"), 1);
  lastcall::each_time(report.number("total_ms") >= 1000, "forced before the drain end");
  EXPECT_LE(report.number("total_ms"), 2000 + slack_ms);
  expect_ledgers_add_up(report);
}

TEST(bad_network, that_stalls_a_request_costs_only_the_one_that_sent_it) {
  testbed server({"--grace", "2s"});
  fault_relay relay(parse_server_address(server.url()));
  relay.choose([](std::size_t number) {
    return number == 0 ? relay_faults{.to_server = {.at_byte = 20, .then = line_end::stall}} : relay_faults{};
  });
  const auto to = parse_server_address(relay.url());
  raw_client stalled(to, "GET / HTTP/1.1\r\nHost: a\r\n\r\n");
  ASSERT_TRUE(relay.wait_for([](const auto& all) { return !all.empty() && all[0].to_server == 20; }, deadline(30s)));
  raw_client other(to, "GET /slow?ms=600 HTTP/1.1\r\nHost: a\r\n\r\n");
  ASSERT_TRUE(relay.wait_for([](const auto& all) { return all.size() == 2 && all[1].to_server > 20; }, deadline(30s)));
  server.process.signal(SIGTERM);
  EXPECT_EQ(other.read_reply().status_line(), "HTTP/1.1 200 OK");
  other.close();
  ASSERT_EQ(server.wait(), exit_status{.code = 0}) << server.process.errors();
  const auto report = server.report();
  EXPECT_EQ(report.number("requests.answered"), 1);
  EXPECT_EQ(report.number("requests.forced"), 0);
  EXPECT_LE(report.number("total_ms"), 2000 + slack_ms);
  expect_ledgers_add_up(report);
}

TEST(bad_network, that_resets_a_response_half_way_is_counted_and_forces_nothing) {
  testbed server;
  fault_relay relay(parse_server_address(server.url()), {.faults = {.to_client = {.at_byte = 10'000}}});
  raw_client client(parse_server_address(relay.url()), "GET /big?bytes=50000000 HTTP/1.1\r\nHost: a\r\n\r\n");
  EXPECT_EQ(client.read_to_end().how, raw_client::ended::rst);
  server.process.signal(SIGTERM);
  ASSERT_EQ(server.wait(), exit_status{.code = 0}) << server.process.errors();
  EXPECT_EQ(server.report().number("requests.abandoned_by_client"), 1);
  EXPECT_EQ(server.report().number("connections.reset_by_remote"), 1);
  expect_ledgers_add_up(server.report());
}

}  // namespace
