#include "lastcall/core/stacks/hung_threads.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <chrono>
#include <string>
#include <utility>
#include <vector>

namespace lastcall::hung_threads_test {

using namespace std::chrono_literals;
using ::testing::ElementsAre;
using ::testing::IsEmpty;

thread_stack thread_of(std::string component, std::string role, std::string activity, std::string waits,
                       std::vector<std::string> frames) {
  thread_stack made;
  made.component = std::move(component);
  made.role = std::move(role);
  made.activity = std::move(activity);
  made.age = 1'500ms;
  made.waits = std::move(waits);
  made.frames = std::move(frames);
  return made;
}

TEST(hung_threads, are_those_at_work_on_something_of_the_component) {
  const std::vector<thread_stack> all{
      thread_of("http", "handler", "GET /slow", "futex", {"lock() (a.cpp:7)", "slow() (a.cpp:9)"}),
      thread_of("http", "handler", "", "futex", {"pool"}),
      thread_of("store", "verb", "stop store", "", {"store"}),
  };
  EXPECT_THAT(where_it_hangs(all, "http", false),
              ElementsAre("handler, GET /slow, for 1.5s, waits in futex:", "lock() (a.cpp:7)", "slow() (a.cpp:9)"));
  EXPECT_THAT(where_it_hangs(all, "store", true), ElementsAre("verb, stop store, for 1.5s:", "store"));
  EXPECT_THAT(where_it_hangs(all, "cache", true), IsEmpty());
}

TEST(hung_threads, are_loops_that_do_not_wait_for_events_where_no_verb_hangs) {
  const std::vector<thread_stack> all{
      thread_of("loops", "loop", "", "epoll_wait on fd 7 (anon_inode:[eventpoll])", {"libc.so.6+0x10e9e6"}),
      thread_of("loops", "loop", "", "ep_poll", {"libc.so.6+0x10e9e6"}),
      thread_of("loops", "loop", "", "", {"epoll_wait (libc.so.6)"}),
      thread_of("loops", "loop", "", "read on fd 3 (/srv/epoll_wait)", {"read"}),
      thread_of("loops", "loop", "GET /spins", "", {"spin() (a.cpp:3)"}),
  };
  EXPECT_THAT(where_it_hangs(all, "http", false),
              ElementsAre("loop, GET /spins, for 1.5s:", "spin() (a.cpp:3)",
                          "loop, for 1.5s, waits in read on fd 3 (/srv/epoll_wait):", "read"));
  EXPECT_THAT(where_it_hangs(all, "http", true), IsEmpty()) << "its verb is what hangs";
}

TEST(hung_threads, begin_with_the_one_that_hangs) {
  std::vector<thread_stack> all{
      thread_of("http", "loop", "", "ep_poll", {"loop"}),
      thread_of("http", "handler", "GET /new", "futex", {"new"}),
      thread_of("http", "handler", "GET /old", "futex", {"old"}),
      thread_of("http", "loop", "", "", {"spins"}),
      thread_of("http", "verb", "stop http", "futex", {"stop"}),
  };
  all[2].age = 9s;
  EXPECT_THAT(where_it_hangs(all, "http", true),
              ElementsAre("verb, stop http, for 1.5s, waits in futex:", "stop",
                          "handler, GET /old, for 9s, waits in futex:", "old",
                          "handler, GET /new, for 1.5s, waits in futex:", "new", "loop, for 1.5s:", "spins",
                          "loop, for 1.5s, waits in ep_poll:", "loop"));
  all.pop_back();
  EXPECT_EQ(where_it_hangs(all, "http", false).front(), "handler, GET /old, for 9s, waits in futex:");
}

TEST(hung_threads, have_the_one_that_hangs_among_the_eight_that_are_told) {
  std::vector<thread_stack> all(20, thread_of("http", "loop", "", "ep_poll", {}));
  all.push_back(thread_of("http", "handler", "GET /", "futex", {}));
  EXPECT_EQ(where_it_hangs(all, "http", false).front(), "handler, GET /, for 1.5s, waits in futex:");
}

TEST(hung_threads, are_told_up_to_eight) {
  const std::vector<thread_stack> all(20, thread_of("http", "handler", "GET /", "futex", {}));
  EXPECT_EQ(where_it_hangs(all, "http", false).size(), 8U);
}

}  // namespace lastcall::hung_threads_test
