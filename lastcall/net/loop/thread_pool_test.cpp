#include "lastcall/net/loop/thread_pool.hpp"

#include <gmock/gmock.h>

#include <atomic>
#include <stdexcept>
#include <thread>

#include "lastcall/core/stacks/watched_thread.hpp"
#include "lastcall/core/threads/countdown.hpp"

namespace lastcall::net::thread_pool_test {

using namespace std::chrono_literals;

time_point generous() { return steady().now() + 20s; }

/// Jobs that wait at a door until it opens.
struct door {
  auto job() {
    return [this] {
      ++inside;
      arrived->count_down();
      EXPECT_TRUE(open->wait_until(generous()));
    };
  }
  explicit door(std::size_t expected) : arrived(std::make_shared<countdown>(expected)) {}
  std::shared_ptr<countdown> arrived;
  std::shared_ptr<countdown> open = std::make_shared<countdown>(1);
  std::atomic<int> inside{0};
};

TEST(thread_pool, runs_as_many_at_once_as_it_has_threads_and_keeps_as_many_waiting_as_it_may) {
  thread_pool pool({.threads = 3, .queue = 2});
  door d(3);
  for (int i = 0; i < 5; ++i) EXPECT_TRUE(pool.submit(d.job())) << i;
  ASSERT_TRUE(d.arrived->wait_until(generous()));
  EXPECT_EQ(d.inside, 3);
  EXPECT_EQ(pool.busy(), 5U);
  bool ran = false;
  function<void()> sixth = [&ran] { ran = true; };
  EXPECT_FALSE(pool.submit(std::move(sixth)));
  EXPECT_TRUE(sixth) << "what was refused is still the caller's";
  d.open->count_down();
  const auto idle = std::make_shared<countdown>(1);
  pool.when_idle([idle] { idle->count_down(); });
  EXPECT_TRUE(idle->wait_until(generous()));
  EXPECT_EQ(d.inside, 5);
  EXPECT_FALSE(ran);
  EXPECT_TRUE(pool.stop(generous()));
}

TEST(thread_pool, registers_its_threads_as_handlers_of_its_component) {
  thread_pool pool({.threads = 2}, "shop");
  door d(2);
  for (int i = 0; i < 2; ++i) ASSERT_TRUE(pool.submit(d.job()));
  ASSERT_TRUE(d.arrived->wait_until(generous()));
  int found = 0;
  for (const thread_entry& each : watched_thread::snapshot(100))
    if (each.component == "shop" && each.role == "handler") ++found;
  EXPECT_EQ(found, 2);
  d.open->count_down();
  ASSERT_TRUE(pool.stop(generous()));
}

TEST(thread_pool, uses_its_threads_again) {
  thread_pool pool({.threads = 64, .queue = 0});
  for (int i = 0; i < 200; ++i) {
    const auto done = std::make_shared<countdown>(1);
    ASSERT_TRUE(pool.submit([done] { done->count_down(); }));
    ASSERT_TRUE(done->wait_until(generous()));
    const auto idle = std::make_shared<countdown>(1);
    pool.when_idle([idle] { idle->count_down(); });
    ASSERT_TRUE(idle->wait_until(generous()));
  }
  EXPECT_EQ(pool.busy(), 0U);
}

TEST(thread_pool, drops_what_waits_when_it_stops_and_leaves_behind_who_does_not_come_back) {
  door d(1);
  const auto dropped = std::make_shared<int>(0);
  {
    thread_pool pool({.threads = 1, .queue = 4});
    EXPECT_TRUE(pool.submit(d.job()));
    ASSERT_TRUE(d.arrived->wait_until(generous()));
    EXPECT_TRUE(pool.submit([dropped] { ++*dropped; }));
    EXPECT_EQ(dropped.use_count(), 2);
    EXPECT_FALSE(pool.stop(steady().now())) << "its only thread waits at the door";
    EXPECT_EQ(dropped.use_count(), 1) << "the job that waited is gone, unrun";
    EXPECT_FALSE(pool.submit([] {}));
    const auto idle = std::make_shared<countdown>(1);
    pool.when_idle([idle] { idle->count_down(); });
    EXPECT_FALSE(idle->wait_until(steady().now()));
    d.open->count_down();
    EXPECT_TRUE(idle->wait_until(generous()));
    EXPECT_TRUE(pool.stop(generous()));
  }
  EXPECT_EQ(*dropped, 0);
}

TEST(thread_pool, of_no_threads_is_refused) {
  EXPECT_THROW(thread_pool({.threads = 0}), std::invalid_argument);
  EXPECT_THROW(thread_pool({.threads = 5000}), std::invalid_argument);
}

}  // namespace lastcall::net::thread_pool_test
