#include "lastcall/core/threads/timed_poll.hpp"

#include <gtest/gtest.h>
#include <sys/eventfd.h>
#include <sys/wait.h>

#include <csignal>

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

// The child waits for 300 ms, and is stopped for a second of them. By ppoll alone it would take 1.3 s.
TEST_F(timed_poll, counts_the_time_in_which_the_process_was_stopped) {
  const pid_t child = fork();
  if (child == 0) {
    const time_point until = steady().now() + 300ms;
    raise(SIGSTOP);
    waits.wait(event, until);
    _exit(0);
  }
  ASSERT_GT(child, 0);
  ASSERT_EQ(waitpid(child, nullptr, WUNTRACED), child);
  kill(child, SIGCONT);
  int status = -1;
  ASSERT_EQ(waitpid(child, &status, 0), child);
  EXPECT_EQ(status, 0);
}

}  // namespace lastcall::timed_poll_test
