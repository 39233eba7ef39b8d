#include <gtest/gtest.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <functional>
#include <future>
#include <limits>
#include <memory>
#include <mutex>
#include <semaphore>
#include <string>
#include <thread>
#include <vector>

#include "lastcall/core/by_median_test.hpp"
#include "lastcall/core/context/context.hpp"

namespace lastcall::context_deadline_test {

using namespace std::chrono_literals;

TEST(context_deadline, is_the_nearest_of_its_own_its_parents_and_the_drain_end) {
  const time_point before = steady().now();
  EXPECT_EQ(context().end(), time_point::max());
  context_source app;
  EXPECT_EQ(app.get().end(), time_point::max());
  const context request = within(app.get(), 1h);
  EXPECT_GE(request.end(), before + 1h);
  EXPECT_LE(request.end(), steady().now() + 1h);
  EXPECT_EQ(within(request, 2h).end(), request.end()) << "a child has no more time than its parent";
  EXPECT_LT(within(request, 1min).end(), request.end());
  EXPECT_EQ(context_source(request).get().end(), request.end());
  const time_point drain_end = before + 10s;
  app.begin_drain(drain_end);
  EXPECT_EQ(request.end(), drain_end);
  EXPECT_EQ(app.get().end(), drain_end);
  EXPECT_FALSE(request.forced());
}

TEST(context_deadline, forces_what_is_read_after_it_and_says_why) {
  context_source app;
  const context over = within(app.get(), 0s);
  EXPECT_TRUE(over.draining());
  EXPECT_TRUE(over.forced());
  EXPECT_EQ(over.cause(), cause::deadline);
  EXPECT_LE(over.drain_end(), steady().now());
  EXPECT_EQ(over.remaining(), 0s);
  EXPECT_TRUE(over.forced_token().stop_requested());
  EXPECT_FALSE(app.get().forced()) << "a child does not end its parent";
  app.force(cause::client_gone);
  EXPECT_EQ(over.cause(), cause::deadline) << "the first cause counts";
}

TEST(context_deadline, is_not_what_ended_a_context_that_ended_before) {
  context_source app;
  const context request = within(app.get(), 1h);
  app.force();
  EXPECT_TRUE(request.forced());
  EXPECT_EQ(request.cause(), cause::forced);
  EXPECT_EQ(request.remaining(), 0s);
}

/// How often the threads of this process, except the caller's, have given up their processor to wait.
long waits_of_others() {
  long all = 0;
  for (const auto& task : std::filesystem::directory_iterator("/proc/self/task")) {
    if (task.path().filename() == std::to_string(::gettid())) continue;
    std::ifstream status(task.path() / "status");
    for (std::string key; status >> key;)
      if (long count = 0; key == "voluntary_ctxt_switches:" && status >> count) all += count;
  }
  return all;
}

TEST(context_deadline, wakes_no_thread_for_each_that_passes_unused) {
  const auto use = [] {
    const context query = within({}, 1h);
    const stop_callback ends(query.forced_token(), [] {});
  };
  long least = std::numeric_limits<long>::max();  // while it begins, the thread waits for locks
  for (int batch = 0; batch < 10; ++batch) {
    const long before = waits_of_others();
    for (int i = 0; i < 1'000; ++i) use();
    least = std::min(least, waits_of_others() - before);
  }
  EXPECT_LT(least, 100);
}

TEST(context_deadline, says_what_is_left_in_the_units_of_other_libraries) {
  EXPECT_EQ(context().remaining(), duration::max());
  EXPECT_EQ(context().remaining(3s), 3s);
  EXPECT_EQ(context().remaining_ms(3s), 3000);
  EXPECT_EQ(context().remaining_ms(1ns), 1) << "zero would mean that no time is left";
  EXPECT_EQ(context().remaining_ms(duration::max()), std::numeric_limits<int>::max());
  EXPECT_EQ(within({}, 0s).remaining_ms(), 0);
  const context request = within({}, 1h);
  EXPECT_GT(request.remaining(), 59min);
  EXPECT_LE(request.remaining(), 1h);
  EXPECT_EQ(request.remaining(1s), 1s);
  const auto end = request.system_end();
  EXPECT_GT(end, std::chrono::system_clock::now() + 59min);
  EXPECT_LE(end, std::chrono::system_clock::now() + 1h);
}

TEST(context_deadline, refuses_a_time_that_can_not_be_one) {
  EXPECT_THROW(within({}, -1s), std::invalid_argument);
  EXPECT_THROW(within({}, 25h), std::invalid_argument);
}

TEST(context_deadline, ends_waits) {
  const context request = within({}, 5ms);
  EXPECT_FALSE(request.wait_for(1h));
  EXPECT_FALSE(within({}, 5ms).wait_until_forced_for(1h));
  EXPECT_TRUE(within({}, 1h).wait_for(1ms));
}

TEST(context_deadline, calls_back) {
  std::promise<void> draining;
  std::promise<void> forced;
  const context request = within({}, 5ms);
  const context child = within(request, 1h);
  const stop_callback first(request.draining_token(), [&] { draining.set_value(); });
  const stop_callback second(child.forced_token(), [&] { forced.set_value(); });
  EXPECT_EQ(draining.get_future().wait_for(20s), std::future_status::ready);
  EXPECT_EQ(forced.get_future().wait_for(20s), std::future_status::ready);
  EXPECT_EQ(child.cause(), cause::deadline);
}

TEST(context_deadline, calls_back_through_the_standards_token) {
  std::promise<void> forced;
  const context request = within({}, 5ms);
  const std::stop_callback called(std::stop_token(request.forced_token()), [&] { forced.set_value(); });
  EXPECT_EQ(forced.get_future().wait_for(20s), std::future_status::ready);
}

TEST_BY_MEDIAN(context_deadline, calls_back_in_the_order_of_the_deadlines) {
  const auto now = std::chrono::steady_clock::now();  // one for all: the loop may be interrupted
  std::vector<context> all;
  for (int i = 0; i < 10; ++i)
    all.push_back(context_source({}, deadline::at(now + 800ms - i * std::chrono::milliseconds(2), now)).get());
  std::mutex mutex;
  std::vector<int> order;
  std::promise<void> done;
  std::vector<std::unique_ptr<stop_callback<std::function<void()>>>> callbacks;
  for (int i = 0; i < 10; ++i)
    callbacks.push_back(std::make_unique<stop_callback<std::function<void()>>>(all[i].forced_token(), [&, i] {
      const std::lock_guard lock(mutex);
      order.push_back(i);
      if (order.size() == 10) done.set_value();
    }));
  ASSERT_EQ(done.get_future().wait_for(20s), std::future_status::ready);
  const std::lock_guard lock(mutex);
  EXPECT_TRUE(std::ranges::is_sorted(order, std::greater()));
}

// Contexts come and go while their deadlines pass. Most useful under the sanitizers.
TEST(context_deadline, passes_while_contexts_come_and_go) {
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t)
    threads.emplace_back([t] {
      for (int i = 0; i < 500; ++i) {
        std::binary_semaphore called(0);
        const context request = within({}, std::chrono::microseconds((i * 7 + t) % 100));
        const stop_callback callback(request.forced_token(), [&] { called.release(); });
        if (i % 3 == 0) {
          EXPECT_TRUE(called.try_acquire_for(20s));
        }
      }
    });
  for (std::thread& one : threads) one.join();
}

}  // namespace lastcall::context_deadline_test
