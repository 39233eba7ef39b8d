#include "lastcall/net/without_sigpipe.hpp"

#include <gtest/gtest.h>
#include <unistd.h>

#include <thread>

#include "lastcall/net/unique_fd.hpp"

namespace lastcall::net::detail::without_sigpipe_test {

bool waits() {
  sigset_t now;
  sigpending(&now);
  return sigismember(&now, SIGPIPE) == 1;
}

/// To a pipe that nobody reads.
void write_to_nobody() {
  int ends[2];
  ASSERT_EQ(::pipe(ends), 0);
  ::close(ends[0]);
  const unique_fd to(ends[1]);
  EXPECT_EQ(without_sigpipe([&] { return ::write(to.get(), "x", 1); }), -1);
  EXPECT_EQ(errno, EPIPE);
}

TEST(without_sigpipe, leaves_no_signal_behind_and_the_mask_as_it_was) {
  std::thread([] {
    sigset_t before, after;
    pthread_sigmask(SIG_SETMASK, nullptr, &before);
    write_to_nobody();  // would end this test
    pthread_sigmask(SIG_SETMASK, nullptr, &after);
    EXPECT_EQ(sigismember(&before, SIGPIPE), sigismember(&after, SIGPIPE));
    EXPECT_FALSE(waits());
  }).join();
}

TEST(without_sigpipe, keeps_one_that_waited_before) {
  std::thread([] {
    sigset_t pipe;
    sigemptyset(&pipe);
    sigaddset(&pipe, SIGPIPE);
    pthread_sigmask(SIG_BLOCK, &pipe, nullptr);
    write_to_nobody();
    EXPECT_FALSE(waits()) << "of a thread that has it blocked, too";
    pthread_kill(pthread_self(), SIGPIPE);
    write_to_nobody();
    EXPECT_TRUE(waits());
  }).join();  // ends with it pending, and blocked
}

}  // namespace lastcall::net::detail::without_sigpipe_test
