#include "lastcall/core/exit/exit_watch.hpp"

#include <gtest/gtest.h>
#include <unistd.h>

#include <cstdlib>
#include <thread>

namespace lastcall::exit_watch_test {

using namespace std::chrono_literals;

[[noreturn]] void leave_with_a_handler_that_takes(duration time, duration until_deadline) {
  alarm(20);
  static duration takes;
  takes = time;
  std::atexit([] {
    std::this_thread::sleep_for(takes);
    _exit(7);
  });
  watch_exit(steady().now() + until_deadline);  // after it, so before it at the exit
  std::exit(0);
}

class exit_watch : public testing::Test {
 protected:
  // A process of its own: where an app ran before, the watch has its place among the exit handlers already.
  exit_watch() { GTEST_FLAG_SET(death_test_style, "threadsafe"); }
};

TEST_F(exit_watch, ends_an_exit_that_hangs) {
  EXPECT_EXIT(leave_with_a_handler_that_takes(1h, 50ms), testing::ExitedWithCode(4), "something hangs after the app");
}

TEST_F(exit_watch, leaves_an_exit_its_time) {
  EXPECT_EXIT(leave_with_a_handler_that_takes(10ms, 10s), testing::ExitedWithCode(7), "");
}

// A test that ran an app long ago has no deadline to keep any more; its exit handlers may write a coverage report.
TEST_F(exit_watch, lets_a_process_that_went_on_end_as_it_likes) {
  EXPECT_EXIT(leave_with_a_handler_that_takes(500ms, -5s), testing::ExitedWithCode(7), "");
}

}  // namespace lastcall::exit_watch_test
