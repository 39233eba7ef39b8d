// The server behind the bank dies, stops, restarts, and the network to it stalls and breaks, at any moment of the
// bank's shutdown: it is always gone in time, what went wrong is named, and nothing that was acknowledged is lost.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <functional>
#include <memory>
#include <optional>
#include <random>
#include <string>

#include "lastcall/core/by_median_test.hpp"
#include "lastcall/testing.hpp"
#include "tests/services/bank_clients.hpp"
#include "tests/services/postgres_cluster.hpp"

namespace service_tests {

namespace {

using lastcall::deadline;
using lastcall::testing::fault_relay;
using process_tests::long_run;
using process_tests::sanitized;

constexpr auto grace = std::chrono::milliseconds(2000);
const auto slack = sanitized ? 20s : long_run() ? 100ms : 400ms;

/// A bank over a relay to a server of its own.
class faults : public testing::Test {
 protected:
  lastcall::postgres::connection audit() {
    return std::move(*lastcall::postgres::connection::open(lastcall::within({}, 60s),
                                                           {.conninfo = server_.conninfo(), .connect_within = 60s}));
  }

  struct fault {
    const char* what;
    bool is_seen_at_once;  ///< by the bank: it has no reason to hang then
  };

  /// `breaks` is called some time after the load has begun, `mends` once the bank is gone. The signal comes up to 300
  /// ms before or after `breaks`.
  void break_it(std::uint64_t seed, const fault& by, const std::function<void()>& breaks,
                const std::function<void()>& mends) {
    EXPECT_TRUE(lastcall::median_says([&] { return is_in_time(seed, by, breaks, mends); }))
        << by.what << ", seed " << seed;
  }
  bool is_in_time(std::uint64_t seed, const fault& by, const std::function<void()>& breaks,
                  const std::function<void()>& mends) {
    SCOPED_TRACE(std::string(by.what) + ", seed " + std::to_string(seed));
    std::mt19937_64 random(seed);
    const auto up_to = [&](long ms) { return std::chrono::milliseconds(static_cast<long>(random() % ms)); };
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
    std::this_thread::sleep_for(100ms + up_to(200));  // the moment is what is tested
    const bool signal_first = random() % 2 == 0;
    const auto between = up_to(300);
    const auto signalled = [&] {
      it.process.signal(SIGTERM);
      return std::chrono::steady_clock::now();
    };
    std::chrono::steady_clock::time_point began;
    if (signal_first) began = signalled();
    if (signal_first) std::this_thread::sleep_for(between);
    breaks();
    if (!signal_first) std::this_thread::sleep_for(between);
    if (!signal_first) began = signalled();
    const auto end = it.process.wait(deadline(60s));
    const auto took = std::chrono::steady_clock::now() - began;
    mends();
    clients.wait();
    if (!end) {
      ADD_FAILURE() << "it hangs: " << it.process.errors();
      return false;
    }
    EXPECT_THAT(end->code, testing::AnyOf(0, 3, 4)) << it.process.errors();
    if (end->code != 0 || clients.refused() + clients.unanswered() > 0) {
      EXPECT_THAT(it.process.errors(), testing::HasSubstr(" postgres: ")) << "not named";
    }
    auto auditor = audit();
    EXPECT_EQ(wrong_in_the_books(auditor, clients.acknowledged()), "");
    EXPECT_LT(until_the_bank_is_gone(auditor, 100s), 100s);
    seen_[static_cast<std::size_t>(end->code)]++;
    const bool in_time = took <= grace + slack && (end->code != 4 || !by.is_seen_at_once);
    if (!in_time)
      std::printf("%s, seed %lu: exit code %d after %s\n%s\n", by.what, seed, end->code,
                  lastcall::to_text(took).c_str(), it.process.errors().c_str());
    return in_time;
  }
  ~faults() override { std::printf("exit codes: %d times 0, %d times 3, %d times 4\n", seen_[0], seen_[3], seen_[4]); }

  postgres_cluster server_;
  fault_relay relay_{lastcall::testing::parse_server_address("unix:" + server_.socket())};
  std::array<int, 256> seen_{};
};

}  // namespace

TEST_F(faults, of_a_server_that_is_killed) {
  for (int run = 0; run < process_tests::runs(25, 2); ++run)
    break_it(static_cast<std::uint64_t>(run), {"killed", true}, [&] { server_.kill(); }, [&] { server_.start(); });
}

TEST_F(faults, of_a_server_that_does_nothing_any_more) {
  for (int run = 0; run < process_tests::runs(25, 2); ++run)
    break_it(
        static_cast<std::uint64_t>(run), {"stopped", false}, [&] { server_.signal_all(SIGSTOP); },
        [&] { server_.signal_all(SIGCONT); });
}

TEST_F(faults, of_a_server_that_restarts) {
  for (int run = 0; run < process_tests::runs(25, 2); ++run)
    break_it(
        static_cast<std::uint64_t>(run), {"restarted", true},
        [&] {
          server_.stop(SIGINT);
          server_.start();
        },
        [] {});
}

TEST_F(faults, of_the_network) {
  for (int run = 0; run < process_tests::runs(200, 8); ++run) {
    const auto all = [&](const lastcall::testing::line_faults& to_both) {
      relay_.set(lastcall::testing::relay_faults::both(to_both));
      for (const auto& one : relay_.connections())
        if (one.open) relay_.set(one.number, lastcall::testing::relay_faults::both(to_both));
    };
    const auto seed = static_cast<std::uint64_t>(run);
    const auto mend = [&] {
      relay_.refuse_new(false);
      all({});
      relay_.reset_all();
    };
    switch (run % 5) {
      case 0:
        break_it(seed, {"delayed", false}, [&] { all({.delay = 5ms + std::chrono::milliseconds(run)}); }, mend);
        break;
      case 1:
        break_it(seed, {"stalled", false}, [&] { all({.stalled = true}); }, mend);
        break;
      case 2:
        break_it(seed, {"cut", true}, [&] { relay_.cut_all(); }, mend);
        break;
      case 3:
        break_it(seed, {"reset", true}, [&] { relay_.reset_all(); }, mend);
        break;
      default:
        break_it(
            seed, {"reset, and refused from then on", true},
            [&] {
              relay_.refuse_new();
              relay_.reset_all();
            },
            mend);
    }
  }
}

}  // namespace service_tests
