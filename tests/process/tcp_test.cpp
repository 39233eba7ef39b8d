// Raw TCP sessions across a shutdown: what was sent before the goodbye is answered, and each hears the goodbye.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/process/line_clients.hpp"
#include "tests/process/raw_client.hpp"
#include "tests/process/testbed.hpp"

namespace {

using namespace process_tests;
using lastcall::testing::parse_server_address;

void across_a_shutdown(const std::vector<std::string>& more, std::size_t count) {
  std::vector<std::string> arguments{"--tcp-port", "0", "--jitter", "500ms", "--silence", "2500ms"};
  arguments.insert(arguments.end(), more.begin(), more.end());
  testbed server(arguments);
  line_clients talkers(tcp_url(server), count);
  ASSERT_TRUE(talkers.talk_until(3));
  server.process.signal(SIGTERM);
  ASSERT_TRUE(talkers.talk_to_the_end());
  ASSERT_EQ(server.wait(), exit_status{.code = 0}) << server.process.errors();
  talkers.expect_all_ended_well();
  const document report = server.report();
  expect_ledgers_add_up(report);
  EXPECT_EQ(report.number("connections.forced"), 0);
  EXPECT_EQ(report.number("connections.accepted"), static_cast<double>(count));
  std::size_t crossed = 0;
  for (const echo_client& each : talkers.heard) crossed += each.echoed != each.before_bye ? 1 : 0;
  std::printf("measure: %zu busy sessions told to stop: all had their goodbye and every answer, %zu behind it\n", count,
              crossed);
}

TEST(tcp, answers_every_line_before_its_goodbye_and_resets_nobody) {
  across_a_shutdown({}, long_run() ? 5'000 : sanitized ? 200 : 1'000);
}

TEST(tcp, does_so_with_a_thread_for_each_session_too) { across_a_shutdown({"--tcp-blocking"}, 100); }

TEST(tcp, answers_what_waits_in_the_kernel_before_it_says_goodbye) {
  testbed server({"--tcp-port", "0", "--jitter", "0s", "--silence", "100ms"});
  const auto to = parse_server_address(tcp_url(server));
  std::vector<raw_client> all;
  for (int i = 0; i < 50; ++i) {
    all.emplace_back(to, "first\n");
    EXPECT_EQ(all.back().read_some(), "first\n");
  }
  server.process.signal(SIGSTOP);  // what is sent now is there before it can hear of the shutdown
  for (raw_client& each : all) each.send("second\nthird\n");
  server.process.signal(SIGTERM);
  server.process.signal(SIGCONT);
  for (raw_client& each : all) {
    const auto heard = each.read_to_end();
    EXPECT_EQ(heard.bytes, "second\nthird\nbye\n");
    EXPECT_EQ(heard.how, raw_client::ended::fin);
    each.close();
  }
  ASSERT_EQ(server.wait(), exit_status{.code = 0}) << server.process.errors();
}

}  // namespace
