#include "lastcall/testing/virtual_threads.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

namespace lastcall::testing::virtual_threads_test {

using namespace std::chrono_literals;
using ::testing::ElementsAre;
using until = virtual_threads::until;
using waited = virtual_threads::waited;

class virtual_threads_test : public ::testing::Test {
 protected:
  void note(const std::string& what) {
    notes.push_back(std::to_string((time.now() - zero) / 1s) + " " + what);  // no lock: only one thread runs
  }
  waited wait(std::optional<duration> until_then, std::function<bool()> holds = [] { return false; }) {
    return threads.wait(until_then ? std::optional(zero + *until_then) : std::nullopt, holds, 20s);
  }

  virtual_clock time;
  const time_point zero = time.now();
  virtual_threads threads{time};
  std::vector<std::string> notes;
};

TEST_F(virtual_threads_test, does_what_was_planned_in_the_order_of_time_and_for_one_moment_of_planning) {
  threads.plan(zero + 2s, [&] { note("c"); });
  threads.plan(zero + 1s, [&] {
    note("a");
    threads.plan(zero + 1s, [&] { note("b"); });
  });
  threads.plan(zero + 2s, [&] { note("d"); });
  threads.plan(zero + 9s, [&] { note("later"); });
  EXPECT_EQ(wait(3s), waited::enough);
  EXPECT_EQ(time.now(), zero + 3s);
  EXPECT_THAT(notes, ElementsAre("1 a", "1 b", "2 c", "2 d"));
}

TEST_F(virtual_threads_test, lets_threads_sleep_beside_each_other) {
  for (const int seconds : {3, 1, 2}) {
    threads.spawn([this, seconds] {
      threads.park(zero + seconds * 1s, until::time);
      note("after " + std::to_string(seconds));
      threads.park(time.now() + 2s, until::time);
      note("end " + std::to_string(seconds));
    });
  }
  EXPECT_EQ(wait(std::nullopt), waited::stuck) << "there is nothing more to do";
  EXPECT_THAT(notes, ElementsAre("1 after 1", "2 after 2", "3 after 3", "3 end 1", "4 end 2", "5 end 3"));
}

TEST_F(virtual_threads_test, wakes_threads_that_wait_for_anything_and_comes_to_an_end) {
  bool asked = false;
  int looks = 0;
  threads.spawn([&] {  // as a driver does
    while (!asked) {
      threads.park(std::nullopt, until::anything);
      ++looks;
    }
    note("driver");
  });
  threads.spawn([&] {  // as a component does that gives up when it is asked to
    while (!asked) threads.park(zero + 60s, until::test);
    note("component");
  });
  threads.plan(zero + 5s, [&] { asked = true; });
  EXPECT_EQ(wait(7s), waited::enough);
  EXPECT_THAT(notes, ElementsAre("5 driver", "5 component"));
  EXPECT_LE(looks, 3);
}

TEST_F(virtual_threads_test, lets_the_test_run_as_soon_as_its_condition_holds) {
  bool done = false;
  threads.plan(zero + 4s, [&] { done = true; });
  EXPECT_EQ(wait(std::nullopt, [&] { return done; }), waited::enough);
  EXPECT_EQ(time.now(), zero + 4s);
}

TEST_F(virtual_threads_test, throws_in_the_test_what_a_plan_throws) {
  threads.plan(zero + 1s, [] { throw std::runtime_error("planned badly"); });
  EXPECT_THROW(wait(5s), std::runtime_error);
  EXPECT_EQ(time.now(), zero + 1s);
}

TEST_F(virtual_threads_test, parks_for_good_until_it_is_abandoned) {
  threads.spawn([&] {
    threads.park(std::nullopt, until::time);
    note("let go");
  });
  EXPECT_EQ(wait(1h), waited::enough);
  EXPECT_THAT(notes, ElementsAre());
  threads.abandon();
  EXPECT_EQ(wait(std::nullopt), waited::stuck);
  EXPECT_THAT(notes, ElementsAre("3600 let go"));
}

TEST_F(virtual_threads_test, knows_which_thread_runs) {
  EXPECT_TRUE(threads.here());
  bool elsewhere = true;
  std::thread([&] { elsewhere = threads.here(); }).join();
  EXPECT_FALSE(elsewhere);
  bool spawned = false;
  threads.spawn([&] { spawned = threads.here(); });
  wait(0s);
  EXPECT_TRUE(spawned);
  EXPECT_TRUE(threads.here());
}

TEST_F(virtual_threads_test, says_when_a_thread_blocks_in_real_time) {
  std::atomic<bool> release{false}, over{false};
  threads.spawn([&] {
    while (!release) std::this_thread::yield();
    over = true;
  });
  EXPECT_EQ(threads.wait(zero + 1s, [] { return false; }, 20ms), waited::late);
  release = true;
  while (!over) std::this_thread::yield();
}

}  // namespace lastcall::testing::virtual_threads_test
