// A crowd that does everything slowly, as many as there is room for: slow senders, slow readers, idle ones. The others
// are served as before, and a shutdown in the middle of it is in time and loses nothing.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <fstream>
#include <utility>

#include "tests/process/raw_client.hpp"
#include "tests/process/testbed.hpp"

namespace {

using namespace process_tests;
using lastcall::testing::parse_server_address;

/// A third has sent half a head, a third reads nothing of a large download, a third has had its answer and is quiet.
struct crowd {
  crowd(const server_address& to, std::size_t count) {
    for (std::size_t i = 0; i < count; ++i) {
      if (i % 3 == 0) {
        all.emplace_back(to, "GET / HTTP/1.1\r\nHost: a\r\nX: ");
      } else if (i % 3 == 1) {
        all.push_back(raw_client::narrow(to, i % 2 == 0
                                                 ? "GET /big?bytes=10000000 HTTP/1.1\r\nHost: a\r\n\r\n"
                                                 : "GET /big?bytes=10000000&chunked=1 HTTP/1.1\r\nHost: a\r\n\r\n"));
      } else {
        all.emplace_back(to, "GET / HTTP/1.1\r\nHost: a\r\n\r\n");
        EXPECT_EQ(all.back().read_reply().status_line(), "HTTP/1.1 200 OK");
      }
    }
  }
  std::vector<raw_client> all;
};

std::size_t resident_bytes(const testbed& server) {
  std::ifstream in("/proc/" + std::to_string(server.process.pid()) + "/statm");
  std::size_t all = 0, resident = 0;
  in >> all >> resident;
  return resident * static_cast<std::size_t>(::sysconf(_SC_PAGESIZE));
}

struct beside {
  lastcall::testing::probe_result client;
  document report;
  std::optional<exit_status> exit;
  double resident_bytes_each = 0;
};

beside busy_beside(std::size_t count, duration load) {
  using namespace lastcall::testing;
  raise_descriptor_limit();
  // The limits would thin the crowd while it gathers, however long a busy machine takes for that.
  // To cut that many takes a third of a second of both processors.
  const auto [grace, reserve] = sanitized    ? std::pair{"6s", "3s"}
                                : long_run() ? std::pair{"5s", "1s"}
                                             : std::pair{"2500ms", "250ms"};
  testbed server({"--grace", grace, "--reserve", reserve, "--max-connections", "25000", "--head-time", "10m",
                  "--write-time", "10m", "--idle-time", "10m", "--log", "none"});
  const auto to = parse_server_address(server.url());
  const std::size_t before = resident_bytes(server);
  std::optional<crowd> slow;
  if (count > 0) slow.emplace(to, count);
  const std::size_t after = resident_bytes(server);
  probe_options options{.loads = {parse_load("busy:8"), parse_load("inflight:20,path=/slow?ms=1000")}, .after = load};
  beside result;
  result.client = run_probe(to, options,
                            {.tell = [&] { server.process.signal(SIGTERM); },
                             .kill = [&] { server.process.signal(SIGKILL); },
                             .gone = server.process.exit_descriptor()});
  result.exit = server.wait();
  result.report = server.report();
  if (count > 0) result.resident_bytes_each = static_cast<double>(after - before) / static_cast<double>(count);
  return result;
}

TEST(crowd, neither_slows_down_the_others_nor_their_shutdown) {
  const std::size_t count = long_run() ? 19'000 : sanitized ? 300 : 1'500;
  const duration load = long_run() ? 5s : 1s;
  const auto p99 = [](const beside& b) {
    return std::chrono::duration<double, std::micro>(b.client.loads[0].answered.percentile(0.99)).count();
  };
  std::vector<double> alone, with;
  double each = 0;
  for (int i = 0; i < runs(5, 1); ++i) {
    if (!sanitized) alone.push_back(p99(busy_beside(0, load)));
    const beside b = busy_beside(count, load);
    with.push_back(p99(b));
    each = b.resident_bytes_each;
    const auto total = b.client.total();
    EXPECT_EQ(total.lost(), 0U);
    EXPECT_EQ(total.count(lastcall::testing::verdict::late), 0U);
    EXPECT_EQ(b.client.loads[1].answered.count(), 20U);
    EXPECT_FALSE(b.client.killed);
    ASSERT_TRUE(b.report);
    EXPECT_EQ(b.exit, exit_status{.code = 3}) << b.report.json().substr(0, 4000);
    // Whoever reads nothing of its response is cut at the drain end; that is all that is lost.
    const double forced = b.report.number("requests.forced"), readers = static_cast<double>((count + 1) / 3);
    EXPECT_EQ(forced, readers);
    EXPECT_LE(b.report.number("total_ms"), b.report.number("grace_ms") + (sanitized ? 5000 : long_run() ? 100 : 300));
    expect_ledgers_add_up(b.report);
  }
  if (sanitized) return;
  std::printf(
      "measure: a crowd of %zu (slow senders, slow readers, idle), busy:8 beside it: p99 %.0f us, without it %.0f us "
      "(medians of %zu); %.1f KiB resident for each\n",
      count, median(with), median(alone), with.size(), each / 1024);
  // Briefly, one number stands against one: it must not be of another size, unless both are within what a busy machine
  // adds.
  EXPECT_LE(median(with), long_run() ? median(alone) * 2 : std::max(median(alone) * 6, 30'000.0));
  // A response of 10 MB each: what waits is bounded.
  EXPECT_LE(each, 200 * 1024);
}

}  // namespace
