// The server behind a consumer dies, stops, fills up, and the network to it stalls and breaks, at any moment of the
// consumer's shutdown: it is always gone in time, what went wrong is named, and nothing is acknowledged that is not
// done.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

#include "tests/services/shutdown_faults.hpp"
#include "tests/services/stream_workers.hpp"

namespace service_tests {

namespace {

/// A consumer over a relay to a server of its own.
class redis_faults : public shutdown_faults<redis_server> {
 protected:
  redis_faults()
      : shutdown_faults({.grace = 1000ms, .slack = process_tests::long_run() ? 100ms : 300ms, .apart = 200ms}) {}

  bool is_in_time(std::uint64_t seed, std::mt19937_64& random, const fault& by) override {
    stream_auditor(server_.url()).ask("FLUSHALL");
    stream_worker it("redis://127.0.0.1:" + std::to_string(relay_.port()), "1s");
    orders load(server_.url(), seed % 3 == 0 ? 50 : 3);
    load.wait_for_more(20);
    if (seed % 2 == 0) stream_auditor(server_.url()).ask("XADD", "orders", "*", "takes_ms", 600'000);
    std::this_thread::sleep_for(up_to(random, 200ms));
    const ending came = end_around(it.process, random, by, [&] { load.stop(); });
    if (came.code < 0) return false;
    if (came.code == 3) {
      EXPECT_THAT(it.process.errors(), testing::HasSubstr(" orders: ")) << "not named";
    }
    stream_auditor(server_.url()).expect_nothing_half();
    const auto report = it.report();
    EXPECT_GE(report.number("components.1.fields.done"), report.number("components.1.fields.acknowledged"));
    return came.in_time;
  }
};

}  // namespace

TEST_F(redis_faults, of_a_server_that_is_killed) {
  const auto start_anew = [&] {
    server_.stop(SIGKILL);
    server_.start();
  };
  for (int run = 0; run < process_tests::runs(25, 2); ++run)
    break_it(run, {"killed", true, [&] { server_.signal(SIGKILL); }, start_anew});
}

TEST_F(redis_faults, of_a_server_that_does_nothing_any_more) {
  for (int run = 0; run < process_tests::runs(25, 2); ++run)
    break_it(run, {"stopped", false, [&] { server_.signal(SIGSTOP); }, [&] { server_.signal(SIGCONT); }});
}

TEST_F(redis_faults, of_a_server_that_is_full) {
  const auto limit = [&](int bytes) { stream_auditor(server_.url()).ask("CONFIG", "SET", "maxmemory", bytes); };
  for (int run = 0; run < process_tests::runs(25, 2); ++run)
    break_it(run, {"full", true, [&] { limit(1); }, [&] { limit(0); }});
}

TEST_F(redis_faults, of_the_network) { break_the_network(process_tests::runs(200, 5)); }

}  // namespace service_tests
