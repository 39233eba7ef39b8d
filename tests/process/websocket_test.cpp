// WebSockets when the server is told to stop, counted from the other side: by our own clients and by foreign ones.
#include <gtest/gtest.h>

#include <fstream>
#include <numeric>
#include <sstream>

#include "lastcall/testing/websocket_crowd.hpp"
#include "tests/process/raw_client.hpp"
#include "tests/process/testbed.hpp"

namespace {

using namespace process_tests;
using lastcall::time_point;
using lastcall::testing::websocket_crowd;
using lastcall::testing::websocket_end;

lastcall::testing::server_address address_of(const testbed& t) {
  return lastcall::testing::parse_server_address(t.url());
}

std::size_t crowd_size() { return long_run() ? 5000 : 500; }

long resident_kib(pid_t of) {
  std::ifstream status("/proc/" + std::to_string(of) + "/status");
  for (std::string line; std::getline(status, line);)
    if (line.starts_with("VmRSS:")) return std::stol(line.substr(6));
  return -1;
}

/// "52 48 …" as parts of the whole.
std::vector<double> parts_of(const std::string& curve) {
  std::istringstream in(curve);
  std::vector<double> all;
  for (double each; in >> each;) all.push_back(each);
  const double sum = std::accumulate(all.begin(), all.end(), 0.0);
  for (double& each : all) each /= sum;
  return all;
}

/// When the Closes came, in tenths of the window.
std::vector<double> arrivals(const std::vector<websocket_end>& ends, lastcall::duration window) {
  time_point first = time_point::max();
  for (const auto& e : ends) first = std::min(first, e.close_at);
  std::vector<double> all(10, 0.0);
  for (const auto& e : ends)
    all[static_cast<std::size_t>(std::clamp<long>((e.close_at - first) * 10 / window, 0, 9))] +=
        1.0 / static_cast<double>(ends.size());
  return all;
}

TEST(websocket, each_of_a_crowd_sees_1001_in_its_moment_and_a_finished_handshake) {
  lastcall::testing::raise_descriptor_limit();
  testbed server({"--jitter", "1s"});
  const std::size_t n = crowd_size();
  {
    websocket_crowd few(address_of(server), {.connections = 20});  // what a server keeps once it has served
    ASSERT_TRUE(few.open(deadline(30s)));
    ASSERT_TRUE(few.converse(1, {}, deadline(30s)));
  }
  const long before = resident_kib(server.process.pid());
  websocket_crowd crowd(address_of(server), {.connections = n});
  ASSERT_TRUE(crowd.open(deadline(60s)));
  ASSERT_TRUE(crowd.converse(2, {}, deadline(60s)));
  const double kib_each = static_cast<double>(resident_kib(server.process.pid()) - before) / static_cast<double>(n);
  RecordProperty("kib_for_each_idle_websocket", std::to_string(kib_each));
  std::printf("%zu idle WebSockets: %.2f KiB each\n", n, kib_each);
  if (!sanitized) EXPECT_LE(kib_each, 10.0);

  const time_point told = std::chrono::steady_clock::now();
  server.process.signal(SIGTERM);
  ASSERT_TRUE(crowd.wait_for_ends(deadline(30s))) << crowd.left() << " are left";
  const auto exit = server.wait();
  const auto took = std::chrono::steady_clock::now() - told;
  EXPECT_EQ(exit, exit_status{.code = 0}) << server.process.errors();
  std::printf("exit after %.3f s\n", std::chrono::duration<double>(took).count());
  if (!sanitized) EXPECT_LE(took, 1s + (long_run() ? 200ms : 600ms));

  for (const auto& e : crowd.ends()) {
    ASSERT_EQ(e.code, 1001);
    ASSERT_TRUE(e.fin && !e.reset && !e.wrong);
    ASSERT_EQ(e.echoed, 2U);
  }
  const document report = server.report();
  expect_ledgers_add_up(report);
  EXPECT_EQ(report.number("connections.closed_clean"), static_cast<double>(n));
  const document http = report;
  std::string curve;
  for (std::size_t i = 0; i < report.size("components"); ++i)
    if (report.text("components." + std::to_string(i) + ".name") == "http")
      curve = report.text("components." + std::to_string(i) + ".told_curve");
  std::printf("told: %s\n", curve.c_str());
  const double least = long_run() ? 0.05 : 0.03, most = long_run() ? 0.15 : 0.17;
  const auto told_parts = parts_of(curve);
  ASSERT_EQ(told_parts.size(), 10U);
  for (const double part : told_parts) EXPECT_TRUE(part >= least && part <= most) << part;
  if (sanitized) return;
  for (const double part : arrivals(crowd.ends(), 1s))
    EXPECT_TRUE(part >= (long_run() ? 0.04 : 0.01) && part <= (long_run() ? 0.16 : 0.25)) << part << ", of arrivals";
}

}  // namespace
