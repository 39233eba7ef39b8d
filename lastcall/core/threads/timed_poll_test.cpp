#include "lastcall/core/threads/timed_poll.hpp"

#include <gtest/gtest.h>
#include <sys/eventfd.h>
#include <sys/wait.h>

#include <csignal>
#include <fstream>
#include <string>
#include <thread>

#include "lastcall/core/by_median_test.hpp"

namespace lastcall::timed_poll_test {

using namespace std::chrono_literals;

class timed_poll : public testing::Test {
 protected:
  ~timed_poll() override { close(event); }

  const int event = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
  const detail::timed_poll waits{"test"};
};

TEST_F(timed_poll, waits_until_its_moment_as_often_as_it_is_asked) {
  for (int i = 0; i < 3; ++i) {
    const time_point until = steady().now() + 10ms;
    while (steady().now() < until) waits.wait(event, until);
  }
  waits.wait(event, steady().now() - 1h);
  waits.wait(event, time_point::min());
}

TEST_F(timed_poll, ends_when_the_descriptor_is_readable_also_after_a_moment_that_has_passed) {
  waits.wait(event, steady().now() + 1ms);
  const std::uint64_t one = 1;
  ASSERT_EQ(write(event, &one, sizeof one), 8);
  waits.wait(event, std::nullopt);
  waits.wait(event, time_point::max());
}

bool sleeps(pid_t process) {
  std::ifstream stat("/proc/" + std::to_string(process) + "/stat");
  const std::string text(std::istreambuf_iterator<char>(stat), {});
  return text.find(") S ") != std::string::npos;
}

// The child waits for a second, and is stopped for longer than that. By ppoll alone it would wait on for what was left.
TEST_BY_MEDIAN(timed_poll_of_a_process, counts_the_time_in_which_it_was_stopped) {
  const int never = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
  const detail::timed_poll waits("test");
  const pid_t child = fork();
  if (child == 0) {
    waits.wait(never, steady().now() + 1s);
    _exit(0);
  }
  ASSERT_GT(child, 0);
  while (!sleeps(child)) std::this_thread::yield();
  kill(child, SIGSTOP);
  ASSERT_EQ(waitpid(child, nullptr, WUNTRACED), child);
  std::this_thread::sleep_for(1100ms);  // the pause itself
  const time_point from = steady().now();
  kill(child, SIGCONT);
  int status = -1;
  ASSERT_EQ(waitpid(child, &status, 0), child);
  EXPECT_EQ(status, 0);
  EXPECT_LT(steady().now() - from, 500ms);
  close(never);
}

}  // namespace lastcall::timed_poll_test
