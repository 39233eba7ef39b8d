#include "lastcall/core/stacks/watched_thread.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cstdint>
#include <optional>
#include <string>
#include <thread>
#include <vector>

namespace lastcall::watched_thread_test {

std::vector<thread_entry> entries_of(pid_t tid) {
  std::vector<thread_entry> mine;
  for (thread_entry& each : watched_thread::snapshot(1000))
    if (each.tid == tid) mine.push_back(std::move(each));
  return mine;
}

thread_entry my_entry() {
  const auto mine = entries_of(gettid());
  return mine.empty() ? thread_entry() : mine.front();
}

TEST(watched_thread, is_listed_for_as_long_as_it_lives) {
  EXPECT_TRUE(entries_of(gettid()).empty());
  std::uint64_t id = 0;
  {
    const time_point before = steady().now();
    const watched_thread here("postgres", "verb");
    const thread_entry entry = my_entry();
    id = entry.id;
    EXPECT_EQ(entry.tid, gettid());
    EXPECT_EQ(entry.component, "postgres");
    EXPECT_EQ(entry.role, "verb");
    EXPECT_EQ(entry.activity, "");
    EXPECT_GE(entry.since, before);
    EXPECT_LE(entry.since, steady().now());
    EXPECT_TRUE(watched_thread::is_registered(id));
  }
  EXPECT_TRUE(entries_of(gettid()).empty());
  EXPECT_FALSE(watched_thread::is_registered(id));
}

TEST(watched_thread, cuts_names_that_are_too_long) {
  const watched_thread here(std::string(100, 'c'), std::string(100, 'r'));
  EXPECT_EQ(my_entry().component, std::string(47, 'c'));
  EXPECT_EQ(my_entry().role, std::string(15, 'r'));
}

TEST(watched_thread, says_what_it_does_and_since_when) {
  const watched_thread here("http", "handler");
  const time_point before = steady().now();
  const activity now("GET", "/block");
  EXPECT_EQ(my_entry().activity, "GET /block");
  EXPECT_GE(my_entry().since, before);
  EXPECT_LE(my_entry().since, steady().now());
}

TEST(watched_thread, does_again_what_it_did_before_once_an_activity_is_over) {
  const watched_thread here("http", "handler");
  const thread_entry idle = my_entry();
  {
    const activity outer("outer");
    const thread_entry first = my_entry();
    {
      const activity inner("inner");
      EXPECT_EQ(my_entry().activity, "inner");
    }
    EXPECT_EQ(my_entry().activity, "outer");
    EXPECT_EQ(my_entry().since, first.since);
  }
  EXPECT_EQ(my_entry().activity, "");
  EXPECT_EQ(my_entry().since, idle.since);
}

TEST(watched_thread, may_be_registered_within_itself) {
  const watched_thread outer("runtime", "loop");
  {
    const watched_thread inner("kafka", "verb");
    const activity now("drain");
    const auto mine = entries_of(gettid());
    ASSERT_EQ(mine.size(), 2u);
    for (const thread_entry& each : mine) EXPECT_EQ(each.activity, each.component == "kafka" ? "drain" : "");
  }
  const activity now("again");
  EXPECT_EQ(my_entry().component, "runtime");
  EXPECT_EQ(my_entry().activity, "again");
}

TEST(watched_thread, has_no_activity_where_it_is_not_registered) {
  const activity now("nothing");
  EXPECT_TRUE(entries_of(gettid()).empty());
}

TEST(watched_thread, snapshot_takes_no_more_than_it_is_told) {
  const watched_thread first("a", "loop");
  const watched_thread second("b", "loop");
  EXPECT_EQ(watched_thread::snapshot(1).size(), 1u);
  EXPECT_TRUE(watched_thread::snapshot(0).empty());
}

TEST(watched_thread, is_read_whole_while_others_come_go_and_change) {
  std::atomic<bool> over{false};
  std::vector<std::thread> threads;
  for (int i = 0; i < 3; ++i)
    threads.emplace_back([&over] {
      while (!over.load()) {
        const watched_thread here("component", "handler");
        for (int k = 0; k < 10; ++k) const activity now("GET", "/block");
      }
    });
  int seen = 0;
  for (const auto end = steady().now() + std::chrono::seconds(20); seen < 20'000 && steady().now() < end;) {
    for (const thread_entry& each : watched_thread::snapshot(100)) {
      if (each.component == "x") continue;  // left behind by another test of the same process
      ++seen;
      ASSERT_EQ(each.component, "component");
      ASSERT_EQ(each.role, "handler");
      ASSERT_THAT(each.activity, testing::AnyOf("", "GET /block", "many things in turn"));
    }
  }
  over = true;
  for (std::thread& each : threads) each.join();
  EXPECT_GT(seen, 0);
}

}  // namespace lastcall::watched_thread_test
