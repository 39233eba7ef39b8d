// The server behind a consumer dies, stops, fills up, and the network to it stalls and breaks, at any moment of the
// consumer's shutdown: it is always gone in time, what went wrong is named, and nothing is acknowledged that is not
// done.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <functional>
#include <random>
#include <string>

#include "lastcall/core/by_median_test.hpp"
#include "lastcall/testing.hpp"
#include "tests/services/stream_workers.hpp"

namespace service_tests {

namespace {

using lastcall::deadline;
using lastcall::testing::fault_relay;
using process_tests::long_run;
using process_tests::sanitized;

constexpr auto grace = std::chrono::milliseconds(1000);
const auto slack = sanitized ? 20s : long_run() ? 100ms : 300ms;

/// A consumer over a relay to a server of its own.
class redis_faults : public testing::Test {
 protected:
  /// `mends` is called once the consumer is gone. The signal comes up to 200 ms before or after `breaks`.
  void break_it(std::uint64_t seed, const char* what, const std::function<void()>& breaks,
                const std::function<void()>& mends) {
    EXPECT_TRUE(lastcall::median_says([&] { return is_in_time(seed, what, breaks, mends); }))
        << what << ", seed " << seed;
  }
  bool is_in_time(std::uint64_t seed, const char* what, const std::function<void()>& breaks,
                  const std::function<void()>& mends) {
    SCOPED_TRACE(std::string(what) + ", seed " + std::to_string(seed));
    std::mt19937_64 random(seed);
    const auto up_to = [&](long ms) { return std::chrono::milliseconds(static_cast<long>(random() % ms)); };
    stream_auditor(server_.url()).ask("FLUSHALL");
    stream_worker it("redis://127.0.0.1:" + std::to_string(relay_.port()), "1s");
    orders load(server_.url(), seed % 3 == 0 ? 50 : 3);
    load.wait_for_more(20);
    if (seed % 2 == 0) stream_auditor(server_.url()).ask("XADD", "orders", "*", "takes_ms", 600'000);
    std::this_thread::sleep_for(up_to(200));  // the moment is what is tested
    const bool signal_first = random() % 2 == 0;
    const auto between = up_to(200);
    std::chrono::steady_clock::time_point began;
    const auto signal = [&] {
      it.process.signal(SIGTERM);
      began = std::chrono::steady_clock::now();
    };
    if (signal_first) signal();
    if (signal_first) std::this_thread::sleep_for(between);
    breaks();
    if (!signal_first) std::this_thread::sleep_for(between);
    if (!signal_first) signal();
    const auto end = it.process.wait(deadline(60s));
    const auto took = std::chrono::steady_clock::now() - began;
    mends();
    load.stop();
    if (!end) {
      ADD_FAILURE() << "it hangs: " << it.process.errors();
      return false;
    }
    EXPECT_THAT(end->code, testing::AnyOf(0, 3, 4)) << it.process.errors();
    if (end->code == 3) {
      EXPECT_THAT(it.process.errors(), testing::HasSubstr(" orders: ")) << "not named";
    }
    stream_auditor auditor(server_.url());
    auditor.expect_nothing_half();
    const auto report = it.report();
    EXPECT_GE(report.number("components.1.fields.done"), report.number("components.1.fields.acknowledged"));
    seen_[static_cast<std::size_t>(end->code)]++;
    if (took > grace + slack)
      std::printf("%s, seed %lu: gone after %s, of which %.0f ms by its report\n", what, seed,
                  lastcall::to_text(took).c_str(), report.number("total_ms"));
    return took <= grace + slack && (end->code != 4 || process_tests::sanitized);
  }
  ~redis_faults() override {
    std::printf("exit codes: %d times 0, %d times 3, %d times 4\n", seen_[0], seen_[3], seen_[4]);
  }

  redis_server server_;
  fault_relay relay_{lastcall::testing::parse_server_address(server_.url())};
  std::array<int, 256> seen_{};
};

}  // namespace

TEST_F(redis_faults, of_a_server_that_is_killed) {
  for (int run = 0; run < process_tests::runs(25, 2); ++run)
    break_it(
        static_cast<std::uint64_t>(run), "killed", [&] { server_.signal(SIGKILL); },
        [&] {
          server_.stop(SIGKILL);
          server_.start();
        });
}

TEST_F(redis_faults, of_a_server_that_does_nothing_any_more) {
  for (int run = 0; run < process_tests::runs(25, 2); ++run)
    break_it(
        static_cast<std::uint64_t>(run), "stopped", [&] { server_.signal(SIGSTOP); }, [&] { server_.signal(SIGCONT); });
}

TEST_F(redis_faults, of_a_server_that_is_full) {
  const auto limit = [&](int bytes) { stream_auditor(server_.url()).ask("CONFIG", "SET", "maxmemory", bytes); };
  for (int run = 0; run < process_tests::runs(25, 2); ++run)
    break_it(static_cast<std::uint64_t>(run), "full", [&] { limit(1); }, [&] { limit(0); });
}

TEST_F(redis_faults, of_the_network) {
  for (int run = 0; run < process_tests::runs(200, 5); ++run) {
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
        break_it(seed, "delayed", [&] { all({.delay = 5ms + std::chrono::milliseconds(run)}); }, mend);
        break;
      case 1:
        break_it(seed, "stalled", [&] { all({.stalled = true}); }, mend);
        break;
      case 2:
        break_it(seed, "cut", [&] { relay_.cut_all(); }, mend);
        break;
      case 3:
        break_it(seed, "reset", [&] { relay_.reset_all(); }, mend);
        break;
      default:
        break_it(
            seed, "reset, and refused from then on",
            [&] {
              relay_.refuse_new();
              relay_.reset_all();
            },
            mend);
    }
  }
}

}  // namespace service_tests
