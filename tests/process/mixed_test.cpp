// Every kind of connection at once, told to stop at a random moment: nobody loses anything, nobody is late, nobody is
// reset, and client and server agree.
#include <gtest/gtest.h>

#include <cstdint>
#include <random>
#include <thread>

#include "lastcall/testing/internal/websocket_crowd.hpp"
#include "tests/process/event_clients.hpp"
#include "tests/process/h2_client.hpp"
#include "tests/process/line_clients.hpp"
#include "tests/process/testbed.hpp"
#include "tests/process/tls_clients.hpp"

namespace {

using namespace process_tests;
using lastcall::testing::parse_server_address;
using lastcall::testing::websocket_crowd;

struct tally {
  std::uint64_t requests = 0, over_tls = 0, streams = 0, messages = 0, events = 0, lines = 0;
};

/// One server, one signal `after` some time, and clients of all kinds at work until their end.
void all_kinds(duration after, std::uint64_t seed, tally& sum) {
  lastcall::testing::raise_descriptor_limit();
  tls_house keys;
  testbed server(keys.arguments({"--h2c", "--tcp-port", "0", "--jitter", "300ms", "--threads", "2"}));
  const auto to = parse_server_address(server.url());
  const auto tls_to = tls_house::where(server);
  constexpr std::size_t each = 100;

  websocket_crowd sockets(to, {.connections = each});
  ASSERT_TRUE(sockets.open(deadline(30s)));
  streams listeners(server.url(), each, "/events?ms=20");
  ASSERT_TRUE(listeners.until_ticks(1));
  line_clients talkers(tcp_url(server), each);
  ASSERT_TRUE(talkers.talk_until(1));

  h2_counts h2;
  tls_counts secure;
  std::vector<std::thread> others;
  others.emplace_back([&] {
    static_cast<void>(sockets.converse(1'000'000, 1ms, deadline(60s)));
    static_cast<void>(sockets.wait_for_ends(deadline(30s)));
  });
  others.emplace_back([&] { listeners.until_all_have_ended(); });
  others.emplace_back([&] { talkers.talk_to_the_end(); });
  others.emplace_back([&] {
    h2 = h2_client::run(
        {.to = to, .connections = 4, .streams = 8, .after = std::chrono::floor<std::chrono::milliseconds>(after)},
        [] {});
  });
  for (unsigned i = 0; i < 4; ++i)
    others.emplace_back([&, i] { busy(tls_to, keys.wish(), i % 2 == 0 ? 5 : ~0U, secure); });

  lastcall::testing::probe_options options{.after = after, .timeout = 30s, .seed = seed};
  for (const char* load : {"busy:16", "fresh:4", "race:20", "half-closed:2"})
    options.loads.push_back(lastcall::testing::parse_load(load));
  lastcall::testing::probe_report report{.server = to.text, .signal = SIGTERM, .seed = seed};
  report.result = run_probe(to, options,
                            {.tell = [&] { server.process.signal(SIGTERM); },
                             .kill = [&] { server.process.signal(SIGKILL); },
                             .gone = server.process.exit_descriptor()});
  for (auto& one : others) one.join();
  ASSERT_EQ(server.wait(), exit_status{.code = 0}) << server.process.errors();

  const document client(to_json(report));
  for (const char* count : {"lost", "late", "refused_before", "unexpected"})
    EXPECT_EQ(client.number(std::string("total.") + count), 0) << count << "\n" << to_table(report);
  EXPECT_EQ(h2.lost, 0U);
  EXPECT_EQ(h2.wrong, 0U);
  EXPECT_EQ(h2.resets, 0U);
  EXPECT_EQ(secure.lost, 0U);
  EXPECT_EQ(secure.rude, 0U) << "ends without close_notify and FIN";
  for (const auto& e : sockets.ends()) {
    EXPECT_EQ(e.code, 1001);
    EXPECT_TRUE(e.fin && !e.reset && !e.wrong);
    sum.messages += e.echoed;
  }
  listeners.expect_all_ended_well();
  talkers.expect_all_ended_well();

  const document said = server.report();
  EXPECT_EQ(said.text("result"), "drained");
  expect_ledgers_add_up(said);
  for (const char* none : {"requests.forced", "connections.forced", "connections.timed_out", "requests.broken"})
    EXPECT_EQ(said.number(none), 0) << none;
  sum.requests += static_cast<std::uint64_t>(client.number("total.answered"));
  sum.over_tls += secure.answered;
  sum.streams += h2.answered;
  for (const auto& one : listeners.heard) sum.events += one.ticks;
  for (const auto& one : talkers.heard) sum.lines += one.echoed;
}

TEST(mixed, every_kind_of_connection_ends_well_at_any_moment) {
  const auto seed = std::random_device()();
  std::printf("seed %u\n", seed);
  std::minstd_rand random(seed);
  tally sum;
  const int times = runs(20, 2);
  for (int i = 0; i < times && !HasFailure(); ++i) {
    const duration after = std::chrono::milliseconds(200 + random() % 600);
    SCOPED_TRACE("run " + std::to_string(i) + ", signal after " + lastcall::to_text(after));
    all_kinds(after, i + 1U, sum);
  }
  std::printf(
      "measure: %d shutdowns under everything at once: %llu requests, %llu over TLS, %llu streams of HTTP/2, %llu "
      "messages, %llu events, %llu lines; nothing lost, late or reset\n",
      times, static_cast<unsigned long long>(sum.requests), static_cast<unsigned long long>(sum.over_tls),
      static_cast<unsigned long long>(sum.streams), static_cast<unsigned long long>(sum.messages),
      static_cast<unsigned long long>(sum.events), static_cast<unsigned long long>(sum.lines));
}

}  // namespace
