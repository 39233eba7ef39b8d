// The promise itself: a loaded server is told to stop, and its clients lose nothing and are never late. On every kind
// of listener, and over a wire on which handshakes and farewells travel.
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <map>

#include "tests/process/testbed.hpp"

namespace {

using namespace process_tests;

/// Everything that "lossless" means, from both sides.
void expect_lossless(const measured& m) {
  EXPECT_EQ(m.exit, exit_status{.code = 0});
  for (const char* count :
       {"lost", "late", "refused_before", "connect_failed", "own_limit", "unexpected", "server_errors_after"})
    EXPECT_EQ(m.total(count), 0) << count;
  EXPECT_GT(m.total("answered"), 0);
  EXPECT_EQ(m.client.text("timed_out"), "false");
  ASSERT_TRUE(m.report) << "the server left no report";
  EXPECT_EQ(m.report.text("result"), "drained");
  expect_ledgers_add_up(m.report);
  EXPECT_EQ(m.report.number("requests.answered"), m.total("answered")) << "client and server disagree";
  for (const char* none : {"requests.rejected", "requests.abandoned_by_client", "requests.forced", "connections.forced",
                           "connections.timed_out"})
    EXPECT_EQ(m.report.number(none), 0) << none;
}

/// What the runs of one measure came to, as one line.
class summary {
 public:
  explicit summary(std::string what) : what_(std::move(what)) {}
  ~summary() {
    std::printf(
        "%s: %d runs, %.0f requests, %.0f answered, %.0f lost, %.0f late, %.0f refused before the signal, "
        "%.0f after; signal to exit %.0f ms (median)\n",
        what_.c_str(), runs_, sums_["attempted"], sums_["answered"], sums_["lost"], sums_["late"],
        sums_["refused_before"], sums_["refused_after"], exits_.empty() ? NAN : median(exits_));
  }
  summary(const summary&) = delete;
  summary& operator=(const summary&) = delete;
  void add(const measured& m) {
    ++runs_;
    for (const char* count : {"attempted", "answered", "lost", "late", "refused_before", "refused_after"})
      sums_[count] += m.total(count);
    exits_.push_back(m.client.number("signal_to_exit_ms"));
  }

 private:
  std::string what_;
  int runs_ = 0;
  std::map<std::string, double> sums_;
  std::vector<double> exits_;
};

/// Repeats one measure, each time with another seed and another moment of the signal.
void repeat(const std::string& what, int times, measurement m) {
  summary line(what);
  const duration earliest = m.after;
  // A machine that stands still for the second of the default would have clients be late that only wanted to pause.
  const bool says = std::find(m.server.begin(), m.server.end(), "--silence") != m.server.end();
  if (sanitized && !says) m.server.insert(m.server.end(), {"--silence", "5s"});
  for (int i = 0; i < times; ++i) {
    m.seed = static_cast<std::uint64_t>(i) + 1;
    m.after = earliest + (i * 37 % 100) * 1ms;
    SCOPED_TRACE(what + ", run " + std::to_string(i) + ", seed " + std::to_string(m.seed));
    const auto result = measure(m);
    if (!result.skipped.empty()) GTEST_SKIP() << result.skipped;
    line.add(result);
    expect_lossless(result);
    // The load went on over the signal: who had come too late was refused, and nobody else.
    EXPECT_GT(result.total("refused_after"), 0);
    if (testing::Test::HasFailure()) FAIL() << result.table;
  }
}

struct load {
  const char* name;
  std::vector<std::string> loads;
};
const load busy{"busy", {"busy:64"}};
const load fresh{"fresh", {"fresh:64"}};
const load paced{"fresh at 1,000 a second", {"fresh,rate=1000"}};
const load race{"race", {"race:200,min=50ms,max=200ms"}};
const load everything{
    "everything",
    {"busy:16", "fresh:16", "fresh,rate=200", "race:50", "half-closed:8", "inflight:8,path=/slow?ms=700",
     "upload:4,bytes=1000000,over=500ms", "download:4,bytes=4000000,over=500ms"}};

TEST(lossless, for_64_busy_connections) { repeat("busy", runs(20), {.loads = busy.loads}); }
TEST(lossless, for_a_new_connection_with_each_request) { repeat("fresh", runs(20), {.loads = fresh.loads}); }
TEST(lossless, for_1000_new_connections_a_second) {
  repeat("fresh at 1,000 a second", runs(20), {.loads = paced.loads});
}
TEST(lossless, for_200_connections_that_pause) { repeat("race", runs(20), {.loads = race.loads}); }

// Over the wire a request, a handshake and our FIN can pass each other: what loopback hardly ever shows.
void over_the_wire(duration one_way, const std::vector<load>& loads) {
  const auto round_trip = lastcall::to_text(2 * one_way) + " round trip, ";
  for (const auto& each : loads) {
    repeat(round_trip + each.name, runs(20), {.loads = each.loads, .one_way = one_way});
    if (testing::Test::IsSkipped()) return;
  }
}
TEST(lossless, over_10_ms_of_round_trip) {
  const load together{"busy, fresh and race together", {"busy:64", "fresh,rate=1000", "race:200"}};
  over_the_wire(5ms, long_run() ? std::vector{busy, fresh, paced, race, everything} : std::vector{together});
}
TEST(lossless, over_40_ms_of_round_trip) {
  over_the_wire(20ms, long_run() ? std::vector{busy, fresh, paced, race, everything} : std::vector{paced, race});
}

TEST(lossless, for_20_requests_of_one_and_a_half_seconds_in_flight) {
  summary line("inflight");
  for (int i = 0; i < runs(20); ++i) {
    const auto m = measure({.loads = {"inflight:20,path=/slow?ms=1500"}});
    line.add(m);
    expect_lossless(m);
    EXPECT_EQ(m.client.number("loads.0.in_flight_at_signal"), 20);
    EXPECT_EQ(m.total("answered"), 20);
    if (HasFailure()) FAIL() << m.table;
  }
}

TEST(lossless, for_uploads_and_downloads_that_are_half_done_at_the_signal) {
  repeat("uploads and downloads", runs(20),
         {.loads = {"upload:10,bytes=1000000,over=600ms,lead=300ms", "download:10,bytes=4000000,over=600ms,lead=300ms",
                    "fresh:4"}});
}

// 64 requests of 20 ms on one thread: a loop is busy for longer than the silence, and the drain begins far behind them.
TEST(lossless, for_handlers_that_block_their_loop) {
  repeat("handlers that block their loop", runs(5),
         {.server = {"--threads", "1", "--silence", "1s"},
          .loads = {"busy:64,path=/block-loop?ms=20", "race:64,path=/block-loop?ms=20,min=20ms,max=60ms"},
          .after = 3s,
          .timeout = 60s});
}

TEST(lossless, for_handlers_of_every_form_and_streams_both_ways) {
  repeat(
      "every form of handler", runs(20),
      {.loads = {"busy:16,path=/async", "busy:8,path=/block?ms=2", "race:16,path=/block?ms=2",
                 "busy:16,path=/slow?ms=3", "busy:8,path=/big?bytes=200000", "busy:8,path=/big?bytes=200000&chunked=1",
                 "fresh:8,path=/async", "inflight:8,path=/slow?ms=700", "inflight:8,path=/block?ms=700",
                 "upload:8,bytes=500000,over=600ms,lead=300ms", "download:8,bytes=4000000,over=600ms,lead=300ms"}});
}

TEST(lossless, for_everything_at_once) { repeat("everything at once", runs(20), {.loads = everything.loads}); }
bool has_ipv6() {
  const int fd = ::socket(AF_INET6, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in6 loopback{};
  loopback.sin6_family = AF_INET6;
  loopback.sin6_addr = IN6ADDR_LOOPBACK_INIT;
  const bool usable = fd >= 0 && ::bind(fd, reinterpret_cast<const sockaddr*>(&loopback), sizeof loopback) == 0;
  if (fd >= 0) ::close(fd);
  return usable;
}

const std::vector<std::string> a_bit_of_each{"busy:16", "fresh:16", "race:50", "inflight:4,path=/slow?ms=600"};

TEST(lossless, on_ipv6) {
  if (!has_ipv6()) GTEST_SKIP() << "skipped: no IPv6 here";
  repeat("IPv6", runs(5), {.server = {"--address", "::1"}, .loads = a_bit_of_each});
}

TEST(lossless, on_a_dual_stack_listener_for_clients_of_either_family) {
  if (!has_ipv6()) GTEST_SKIP() << "skipped: no IPv6 here";
  for (const char* host : {"127.0.0.1", "[::1]"})
    repeat(std::string("dual stack, ") + host, runs(5),
           {.server = {"--address", "::"}, .loads = a_bit_of_each, .to = host});
}

TEST(lossless, on_a_unix_domain_socket) {
  const scratch_folder scratch;
  const std::string path = scratch.file("socket");
  repeat("Unix-domain", runs(5), {.server = {"--unix", path}, .loads = a_bit_of_each, .to = "unix:" + path});
  EXPECT_FALSE(std::filesystem::exists(path));
}

TEST(lossless, with_one_thread_and_with_several) {
  for (const char* threads : {"1", "4"})
    repeat(std::string("threads: ") + threads, runs(5), {.server = {"--threads", threads}, .loads = a_bit_of_each});
}

TEST(lossless, with_one_listener_for_each_thread) {
  repeat("listener per thread", runs(5),
         {.server = {"--threads", "4", "--listener-per-thread"}, .loads = {"busy:16", "fresh:32", "race:50"}});
}
TEST(lossless, with_one_listener_for_each_thread_over_the_wire) {
  repeat("listener per thread, 40 ms round trip", runs(5),
         {.server = {"--threads", "4", "--listener-per-thread"}, .loads = {"fresh,rate=1000"}, .one_way = 20ms});
}

}  // namespace
