// What the lifecycle itself costs: time for a thousand components, wake-ups while nothing happens, and what is left
// behind by ten thousand starts and stops.
#include <gtest/gtest.h>
#include <signal.h>

#include <atomic>
#include <chrono>
#include <cstdint>
#include <filesystem>
#include <fstream>
#include <memory>
#include <random>
#include <string>
#include <thread>
#include <vector>

#include "lastcall/app.hpp"
#include "lastcall/core/by_median_test.hpp"
#include "tests/process/testbed.hpp"

namespace {

using namespace process_tests;

double allowed_ms(double ms) { return long_run() ? ms : 3 * ms; }
double ms_since(std::chrono::steady_clock::time_point from) {
  return std::chrono::duration<double, std::milli>(std::chrono::steady_clock::now() - from).count();
}

lastcall::app_options quiet() { return {.signals = {}, .log = lastcall::log_level::none, .environment = false}; }

/// Each of a thousand needs up to three of those before it.
void fill(lastcall::app& app, std::uint64_t seed) {
  std::mt19937_64 random(seed);
  std::vector<lastcall::component_ref> all;
  for (int i = 0; i < 1000; ++i) {
    lastcall::needs some;
    for (std::uint64_t n = all.empty() ? 0 : random() % 4; n > 0; --n) some.push_back(all[random() % all.size()]);
    all.push_back(app.add("c" + std::to_string(i), std::make_unique<lastcall::component>(), some));
  }
}

TEST_BY_MEDIAN(lifecycle_cost, of_a_thousand_components_is_some_milliseconds_and_their_report_less) {
  std::vector<double> both, reports;
  for (int i = 0; i < runs(50, 7); ++i) {
    lastcall::app app{quiet()};
    fill(app, static_cast<std::uint64_t>(i));
    auto from = std::chrono::steady_clock::now();
    app.start();
    const double start = ms_since(from);
    from = std::chrono::steady_clock::now();
    const lastcall::report& r = app.shutdown(lastcall::deadline(20s));
    both.push_back(start + ms_since(from));
    ASSERT_EQ(r.outcome, lastcall::outcome::graceful);
    ASSERT_EQ(r.components.size(), 1000U);
    from = std::chrono::steady_clock::now();
    ASSERT_GT(to_json(r).size(), 100'000U);
    reports.push_back(ms_since(from));
  }
  std::printf("measure: 1,000 components: start and stop %.1f ms median, report as JSON %.2f ms\n", median(both),
              median(reports));
  EXPECT_LE(median(both), allowed_ms(50));
  EXPECT_LE(median(reports), allowed_ms(1));
}

/// Voluntary context switches of all threads: each is a sleep, and so a wake-up.
long switches() {
  long all = 0;
  for (const auto& task : std::filesystem::directory_iterator("/proc/self/task")) {
    std::ifstream status(task.path() / "status");
    for (std::string line; std::getline(status, line);)
      if (line.rfind("voluntary_ctxt_switches:", 0) == 0) all += std::stol(line.substr(24));
  }
  return all;
}

TEST(lifecycle_cost, is_no_wake_up_while_nothing_happens) {
  lastcall::app_options options = quiet();
  options.signals = {SIGTERM};
  lastcall::app app{options};
  fill(app, 1);
  std::atomic<long> meanwhile{-1};
  std::jthread watches([&] {
    while (!app.ready()) std::this_thread::sleep_for(1ms);
    std::this_thread::sleep_for(100ms);  // the start comes to rest
    const long before = switches();
    std::this_thread::sleep_for(500ms);
    meanwhile = switches() - before;
    ::kill(::getpid(), SIGTERM);
  });
  EXPECT_EQ(app.run(), 0);
  EXPECT_LE(meanwhile, 1) << "the one is this test's own sleep";
}

TEST(lifecycle_cost, is_nothing_that_stays_after_thousands_of_starts_and_stops) {
  const auto threads = [] {
    return std::distance(std::filesystem::directory_iterator("/proc/self/task"), std::filesystem::directory_iterator());
  };
  const auto descriptors = [] {
    return std::distance(std::filesystem::directory_iterator("/proc/self/fd"), std::filesystem::directory_iterator());
  };
  const auto resident_kib = [] {
    std::ifstream status("/proc/self/status");
    for (std::string line; std::getline(status, line);)
      if (line.rfind("VmRSS:", 0) == 0) return std::stol(line.substr(6));
    return 0L;
  };
  const auto cycle = [] {
    lastcall::app app{quiet()};
    const auto base = app.add("base", std::make_unique<lastcall::component>());
    app.add("worker",
            [](const lastcall::context& ctx) {
              while (ctx.wait_for(1h)) {}
            },
            {base});
    app.add("other", std::make_unique<lastcall::component>(), {base});
    app.start();
    ASSERT_EQ(app.shutdown(lastcall::deadline(20s)).exit_code, 0);
  };
  for (int i = 0; i < 100; ++i) cycle();
  const auto threads_before = threads(), descriptors_before = descriptors();
  const long before = resident_kib();
  for (int i = 0; i < runs(10'000, 500); ++i) cycle();
  for (const auto by = std::chrono::steady_clock::now() + 20s;
       threads() != threads_before && std::chrono::steady_clock::now() < by;) {
    std::this_thread::sleep_for(1ms);  // one that was joined may be listed for a moment more
  }
  EXPECT_EQ(threads(), threads_before);
  EXPECT_EQ(descriptors(), descriptors_before);
  EXPECT_LE(resident_kib() - before, 1024);
}

TEST_BY_MEDIAN(lifecycle_cost, readiness_is_gone_within_a_millisecond_of_the_signal) {
  std::vector<double> all;
  for (int i = 0; i < runs(200, 30); ++i) {
    lastcall::app_options options = quiet();
    options.signals = {SIGTERM};
    lastcall::app app{options};
    fill(app, static_cast<std::uint64_t>(i));
    std::jthread sends([&] {
      while (!app.ready()) std::this_thread::sleep_for(1ms);
      const auto from = std::chrono::steady_clock::now();
      ::kill(::getpid(), SIGTERM);
      while (app.ready()) std::this_thread::yield();
      all.push_back(ms_since(from));
    });
    EXPECT_EQ(app.run(), 0);
  }
  std::printf("measure: signal to not ready %.3f ms median of %zu\n", median(all), all.size());
  EXPECT_LE(median(all), allowed_ms(1));
}

}  // namespace
