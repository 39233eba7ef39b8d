// The server behind the bank dies, stops, restarts, and the network to it stalls and breaks, at any moment of the
// bank's shutdown: it is always gone in time, what went wrong is named, and nothing that was acknowledged is lost.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <optional>
#include <string>

#include "tests/services/bank_clients.hpp"
#include "tests/services/postgres_cluster.hpp"
#include "tests/services/shutdown_faults.hpp"

namespace service_tests {

namespace {

/// A bank over a relay to a server of its own.
class faults : public shutdown_faults<postgres_cluster> {
 protected:
  faults()
      : shutdown_faults(
            {.grace = 2000ms, .slack = process_tests::long_run() ? 100ms : 400ms, .apart = 300ms, .may_hang = true}) {}

  lastcall::postgres::connection audit() {
    return std::move(*lastcall::postgres::connection::open(lastcall::within({}, 60s),
                                                           {.conninfo = server_.conninfo(), .connect_within = 60s}));
  }

  bool is_in_time(std::uint64_t seed, std::mt19937_64& random, const fault& by) override {
    {
      auto auditor = audit();
      static_cast<void>(*auditor.query({}, "drop table if exists account, transfer"));
    }
    // Otherwise the server would not see within the 60 s of the sleeper's statement that its client has gone.
    running_bank it("host=127.0.0.1 port=" + std::to_string(relay_.port()) +
                        " user=postgres dbname=postgres options='-c client_connection_check_interval=100ms'",
                    "2s");
    bank_clients clients(it.address(), 50, seed);
    std::optional<process_tests::raw_client> sleeper;
    if (seed % 2 == 0) sleeper.emplace(it.address(), "GET /sleep?s=60 HTTP/1.1\r\nHost: bank\r\n\r\n");
    std::this_thread::sleep_for(100ms + up_to(random, 200ms));
    const ending came = end_around(it.process, random, by, [&] { clients.wait(); });
    if (came.code < 0) return false;
    if (came.code != 0 || clients.refused() + clients.unanswered() > 0) {
      EXPECT_THAT(it.process.errors(), testing::HasSubstr(" postgres: ")) << "not named";
    }
    auto auditor = audit();
    EXPECT_EQ(wrong_in_the_books(auditor, clients.acknowledged()), "");
    EXPECT_LT(until_the_bank_is_gone(auditor, 100s), 100s);
    return came.in_time;
  }
};

}  // namespace

TEST_F(faults, of_a_server_that_is_killed) {
  for (int run = 0; run < process_tests::runs(25, 2); ++run)
    break_it(run, {"killed", true, [&] { server_.kill(); }, [&] { server_.start(); }});
}

TEST_F(faults, of_a_server_that_does_nothing_any_more) {
  for (int run = 0; run < process_tests::runs(25, 2); ++run)
    break_it(run, {"stopped", false, [&] { server_.signal_all(SIGSTOP); }, [&] { server_.signal_all(SIGCONT); }});
}

TEST_F(faults, of_a_server_that_restarts) {
  const auto restart = [&] {
    server_.stop(SIGINT);
    server_.start();
  };
  for (int run = 0; run < process_tests::runs(25, 2); ++run) break_it(run, {"restarted", true, restart, [] {}});
}

TEST_F(faults, of_the_network) { break_the_network(process_tests::runs(200, 8)); }

}  // namespace service_tests
