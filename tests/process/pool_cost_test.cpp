// What a pool costs: a lease and its return where nobody waits, and how evenly those that wait are served.
#include <gtest/gtest.h>

#include <atomic>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <chrono>
#include <thread>
#include <vector>

#include "lastcall/core/by_median_test.hpp"
#include "lastcall/pool.hpp"
#include "lastcall/task.hpp"
#include "tests/process/testbed.hpp"

namespace {

using namespace process_tests;
using clock_type = std::chrono::steady_clock;

double us_since(clock_type::time_point from) {
  return std::chrono::duration<double, std::micro>(clock_type::now() - from).count();
}

lastcall::pool_options<int> of_ints(std::size_t most) {
  return {.open = [](const lastcall::context&) { return 7; },
          .check = [](int&) { return true; },
          .most = most,
          .longest_wait = 60s};
}

TEST_BY_MEDIAN(pool_cost, of_a_lease_and_its_return_is_a_fifth_of_a_microsecond_where_nobody_waits) {
  lastcall::pool<int> all(of_ints(8));
  all.start({});
  static_cast<void>(*all.acquire());
  std::vector<double> ns;
  for (int block = 0; block < 401; ++block) {
    const auto from = clock_type::now();
    for (int i = 0; i < 500; ++i) {
      const auto one = *all.acquire();
      static_cast<void>(*one);
    }
    ns.push_back(us_since(from) * 1000 / 500);
  }
  std::printf("measure: a lease and its return: %.0f ns median\n", median(ns));
  EXPECT_LE(median(ns), long_run() ? 200 : 600);
}

struct waits {
  double median_us, p99_us;
};
waits of(std::vector<std::vector<double>>& all) {
  std::vector<double> us;
  for (const auto& each : all) us.insert(us.end(), each.begin(), each.end());
  std::ranges::sort(us);
  return {us[us.size() / 2], us[us.size() * 99 / 100]};
}

TEST_BY_MEDIAN(pool_cost, is_spread_evenly_over_threads_and_coroutines_that_wait) {
  const bool jitter = std::getenv("JITTER_ONE_IN") != nullptr;  // then only that all are served
  const std::size_t threads = 64, coroutines = jitter ? 100 : 1000, leases = 8;
  const int rounds = runs(30, 5);
  constexpr auto hold = 1ms;
  lastcall::pool<int> all(of_ints(leases));
  all.start({});
  {  // what is opened is not waited for
    std::vector<lastcall::lease<int>> ahead;
    for (std::size_t i = 0; i < leases; ++i) ahead.push_back(*all.acquire());
  }
  std::vector<std::vector<double>> by_thread(threads), by_coroutine(coroutines);
  std::atomic<int> done = 0;
  boost::asio::io_context io;
  for (auto& mine : by_coroutine)
    boost::asio::co_spawn(
        io,
        [&]() -> lastcall::task<> {
          boost::asio::steady_timer timer(io);
          for (int i = 0; i < rounds; ++i) {
            const auto from = clock_type::now();
            const auto one = *co_await lastcall::net::acquire(all, {});
            mine.push_back(us_since(from));
            timer.expires_after(hold);
            co_await timer.async_wait(boost::asio::use_awaitable);
            ++done;
          }
        },
        boost::asio::detached);
  std::vector<std::jthread> working;
  for (auto& mine : by_thread)
    working.emplace_back([&] {
      for (int i = 0; i < rounds; ++i) {
        const auto from = clock_type::now();
        const auto one = *all.acquire();
        mine.push_back(us_since(from));
        std::this_thread::sleep_for(hold);
        ++done;
      }
    });
  io.run();
  working.clear();
  lastcall::each_time(done == static_cast<int>(threads + coroutines) * rounds, "somebody was not served");
  // In the first round all come at once, and wait for 0, 1, 2, … times the hold.
  for (auto* each : {&by_thread, &by_coroutine})
    for (auto& mine : *each) mine.erase(mine.begin());
  const waits of_threads = of(by_thread), of_coroutines = of(by_coroutine);
  std::printf(
      "measure: wait for a lease, threads: %.1f ms median, %.1f ms p99; coroutines: %.1f ms median, %.1f ms p99\n",
      of_threads.median_us / 1000, of_threads.p99_us / 1000, of_coroutines.median_us / 1000,
      of_coroutines.p99_us / 1000);
  if (jitter) return;
  const double most = long_run() ? 3 : 6;
  EXPECT_LE(of_threads.p99_us, most * of_threads.median_us);
  EXPECT_LE(of_coroutines.p99_us, most * of_coroutines.median_us);
}

}  // namespace
