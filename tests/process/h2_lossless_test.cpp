// The promise over HTTP/2: busy clients lose no stream when the server is told to stop, counted stream by stream.
#include <gtest/gtest.h>

#include <cstdio>

#include "tests/process/h2_client.hpp"
#include "tests/process/testbed.hpp"

namespace {

using namespace process_tests;
using lastcall::testing::parse_server_address;

struct result {
  h2_counts client;
  document report;
  std::optional<exit_status> exit;
  std::string errors;
};

result stop_under_load(const std::string& path, std::chrono::milliseconds after, std::vector<std::string> more = {}) {
  more.insert(more.end(), {"--h2c", "--grace", "10s"});
  testbed server(more);
  const h2_client::options o{.to = parse_server_address(server.url()), .path = path, .after = after};
  result r;
  r.client = h2_client::run(o, [&] { server.process.signal(SIGTERM); });
  r.exit = server.wait(deadline(20s));
  r.report = server.report();
  r.errors = server.process.errors();
  return r;
}

void expect_lossless(const std::string& path, int times) {
  h2_counts sum;
  for (int i = 0; i < times; ++i) {
    SCOPED_TRACE(path + ", run " + std::to_string(i));
    const auto r = stop_under_load(path, 200ms + (i * 37 % 100) * 1ms);
    const h2_counts& c = r.client;
    EXPECT_FALSE(c.timed_out);
    EXPECT_EQ(c.lost, 0U);
    EXPECT_EQ(c.wrong, 0U);
    EXPECT_EQ(c.resets, 0U);
    EXPECT_GT(c.answered, 0U);
    EXPECT_EQ(c.answered + c.safe, c.attempted);
    EXPECT_EQ(r.exit, exit_status{.code = 0}) << r.errors;
    ASSERT_TRUE(r.report);
    EXPECT_EQ(r.report.text("result"), "drained");
    expect_ledgers_add_up(r.report);
    EXPECT_EQ(r.report.number("requests.answered"), static_cast<double>(c.answered)) << "client and server disagree";
    for (const char* none : {"requests.rejected", "requests.abandoned_by_client", "requests.forced",
                             "connections.forced", "connections.timed_out", "connections.reset_by_remote"})
      EXPECT_EQ(r.report.number(none), 0) << none;
    sum.attempted += c.attempted;
    sum.answered += c.answered;
    sum.safe += c.safe;
    sum.lost += c.lost;
    sum.goaways += c.goaways;
    if (testing::Test::HasFailure()) FAIL() << r.errors;
  }
  std::printf("%s: %d shutdowns, %llu streams, %llu answered, %llu safe to send again, %llu lost, %llu GOAWAYs\n",
              path.c_str(), times, static_cast<unsigned long long>(sum.attempted),
              static_cast<unsigned long long>(sum.answered), static_cast<unsigned long long>(sum.safe),
              static_cast<unsigned long long>(sum.lost), static_cast<unsigned long long>(sum.goaways));
}

TEST(h2_lossless, for_128_busy_streams) { expect_lossless("/", runs(20, 3)); }
TEST(h2_lossless, for_streams_that_take_a_while) { expect_lossless("/slow?ms=30", runs(20, 1)); }
TEST(h2_lossless, for_downloads) { expect_lossless("/big?bytes=200000", runs(20, 1)); }

// What the counter is worth: without the farewell it sees what is lost.
TEST(h2_lossless, not_without_a_farewell) {
  const auto r = stop_under_load("/slow?ms=30", 200ms, {"--stop", "close"});
  EXPECT_GT(r.client.lost, 0U);
}

}  // namespace
