#include "lastcall/core/threads/signal_mask.hpp"

#include <gtest/gtest.h>
#include <unistd.h>

#include <csignal>
#include <thread>

namespace lastcall::signal_mask_test {

bool is_blocked(int number) {
  sigset_t now;
  pthread_sigmask(SIG_SETMASK, nullptr, &now);
  return sigismember(&now, number) == 1;
}

TEST(signal_mask, keeps_what_others_send_from_threads_that_are_made_meanwhile) {
  {
    const detail::no_signals_of_others here;
    std::thread([] {
      for (const int number : {SIGTERM, SIGINT, SIGHUP, SIGPIPE, SIGCHLD, SIGRTMIN}) EXPECT_TRUE(is_blocked(number));
    }).join();
  }
  EXPECT_FALSE(is_blocked(SIGTERM));
}

TEST(signal_mask, lets_a_fault_through_to_the_programs_crash_handler) {
  GTEST_FLAG_SET(death_test_style, "threadsafe");
  EXPECT_EXIT(
      {
        std::signal(SIGSEGV, [](int) { _exit(7); });
        const detail::no_signals_of_others here;
        std::thread([] { raise(SIGSEGV); }).join();
      },
      testing::ExitedWithCode(7), "");
}

}  // namespace lastcall::signal_mask_test
