#include "lastcall/core/signals/signal_name.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <csignal>

namespace lastcall::signal_name_test {

using ::testing::AllOf;
using ::testing::HasSubstr;

TEST(signal_name, names_what_the_kernel_knows) {
  EXPECT_EQ(signal_name(SIGTERM), "SIGTERM");
  EXPECT_EQ(signal_name(SIGINT), "SIGINT");
  EXPECT_EQ(signal_name(SIGRTMIN), "SIGRTMIN");
  EXPECT_EQ(signal_name(SIGRTMIN + 3), "SIGRTMIN+3");
  EXPECT_EQ(signal_name(0), "signal 0");
  EXPECT_EQ(signal_name(-4), "signal -4");
  EXPECT_EQ(signal_name(99), "signal 99");
}

TEST(signal_name, refuses_what_no_program_can_catch_and_says_what_to_do) {
  ASSERT_TRUE(why_not_catchable(SIGKILL));
  EXPECT_THAT(*why_not_catchable(SIGKILL), AllOf(HasSubstr("SIGKILL can't be caught"), HasSubstr("Use SIGTERM")));
  ASSERT_TRUE(why_not_catchable(SIGSTOP));
  EXPECT_THAT(*why_not_catchable(SIGSTOP), AllOf(HasSubstr("SIGSTOP can't be caught"), HasSubstr("Use SIGTERM")));
}

TEST(signal_name, refuses_faults_and_numbers_that_are_none) {
  for (const int number : {SIGSEGV, SIGBUS, SIGFPE, SIGILL, 0, -1, 32, 33, SIGRTMAX + 1, 1000}) {
    EXPECT_TRUE(why_not_catchable(number)) << number;
  }
}

TEST(signal_name, accepts_what_asks_a_program_to_end) {
  for (const int number : {SIGTERM, SIGINT, SIGHUP, SIGQUIT, SIGUSR1, SIGUSR2, SIGRTMIN, SIGRTMAX}) {
    EXPECT_FALSE(why_not_catchable(number)) << number;
  }
}

}  // namespace lastcall::signal_name_test
