// A route with a timeout under load, from both sides: each request has one complete answer, in time or 504, the ledger
// adds up, and the exit code stays 0, also when the server is told to stop in the middle of it.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/process/raw_client.hpp"
#include "tests/process/testbed.hpp"

namespace {

using namespace process_tests;
using testing::HasSubstr;

TEST(timeouts, are_answers_to_a_client_and_lose_nothing_amid_a_drain) {
  const auto m = measure(
      {.server = {"--jitter", "0s"},
       .loads = {"busy:16,path=/timeout?ms=60000,expect=504", "busy:4,path=/timeout?ms=0",
                 "fresh:4,path=/timeout?ms=60000,expect=504", "inflight:8,path=/timeout?ms=60000,lead=50ms,expect=504"},
       .after = 700ms});
  ASSERT_EQ(m.exit, exit_status{.code = 0}) << m.table;
  for (const char* count : {"lost", "late", "refused_before", "connect_failed", "unexpected"})
    EXPECT_EQ(m.total(count), 0) << count << "\n" << m.table;
  EXPECT_GE(m.client.number("total.server_errors_after"), 1) << "504 in the drain\n" << m.table;
  ASSERT_TRUE(m.report);
  EXPECT_EQ(m.report.text("result"), "drained");
  expect_ledgers_add_up(m.report);
  EXPECT_EQ(m.report.number("requests.answered") + m.report.number("requests.timed_out"), m.total("answered"))
      << "client and server disagree";
  EXPECT_EQ(
      m.report.number("requests.timed_out"),
      m.client.number("loads.0.answered") + m.client.number("loads.2.answered") + m.client.number("loads.3.answered"));
  for (const char* none : {"requests.forced", "requests.rejected", "requests.abandoned_by_client", "requests.broken"})
    EXPECT_EQ(m.report.number(none), 0) << none;
}

TEST(timeouts, leave_the_connection_to_its_next_request) {
  testbed server;
  raw_client c(
      lastcall::testing::parse_server_address(server.url()),
      "GET /timeout?ms=60000 HTTP/1.1\r\nHost: a\r\n\r\nGET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n");
  const std::string heard = c.read_to_end().bytes;
  EXPECT_THAT(heard, HasSubstr("HTTP/1.1 504 Gateway Timeout\r\n"));
  EXPECT_THAT(heard, HasSubstr("504 Gateway Timeout: the answer took too long\nHTTP/1.1 200 OK\r\n"));
  server.process.signal(SIGTERM);
  EXPECT_EQ(server.wait(), exit_status{.code = 0});
  EXPECT_EQ(server.report().number("requests.timed_out"), 1);
  EXPECT_EQ(server.report().number("requests.answered"), 1);
}

}  // namespace
