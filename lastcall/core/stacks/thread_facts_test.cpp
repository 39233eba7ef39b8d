#include "lastcall/core/stacks/thread_facts.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <pthread.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <csignal>
#include <cstdint>
#include <string>

namespace lastcall::thread_facts_test {

using ::testing::StartsWith;

TEST(thread_facts, say_that_the_calling_thread_runs) {
  const auto mine = facts_of_thread(gettid());
  ASSERT_TRUE(mine);
  EXPECT_EQ(mine->tid, gettid());
  EXPECT_EQ(mine->state, 'R');
  EXPECT_EQ(mine->waits, "");
  EXPECT_FALSE(mine->waits_for_signals);
}

TEST(thread_facts, know_the_name_whatever_is_in_it) {
  char before[16];
  pthread_getname_np(pthread_self(), before, sizeof before);
  pthread_setname_np(pthread_self(), "a) S (b) R");
  const auto mine = facts_of_thread(gettid());
  pthread_setname_np(pthread_self(), before);
  ASSERT_TRUE(mine);
  EXPECT_EQ(mine->name, "a) S (b) R");
  EXPECT_EQ(mine->state, 'R');
}

TEST(thread_facts, know_which_signals_are_blocked) {
  sigset_t one, before;
  sigemptyset(&one);
  sigaddset(&one, SIGUSR2);
  pthread_sigmask(SIG_BLOCK, &one, &before);
  const auto blocking = facts_of_thread(gettid());
  pthread_sigmask(SIG_SETMASK, &before, nullptr);
  const auto not_blocking = facts_of_thread(gettid());
  ASSERT_TRUE(blocking && not_blocking);
  EXPECT_EQ(blocking->blocked ^ not_blocking->blocked, std::uint64_t{1} << (SIGUSR2 - 1));
}

TEST(thread_facts, are_empty_for_a_thread_that_is_not_ours) {
  EXPECT_FALSE(facts_of_thread(getppid()));
  EXPECT_FALSE(facts_of_thread(0));
  EXPECT_FALSE(facts_of_thread(-1));
}

std::string line(long number, const char* rest) { return std::to_string(number) + rest; }

TEST(thread_facts, read_the_kernels_line_on_a_system_call) {
  EXPECT_EQ(waits_in(line(SYS_futex, " 0x55f 0x80 0x0")), "futex");
  EXPECT_EQ(waits_in(line(SYS_read, " 0x3fffffff 0x80 0x0")), "read on fd 1073741823");  // of which there is none
  EXPECT_EQ(waits_in(line(9999, " 0x0")), "syscall 9999");
  EXPECT_EQ(waits_in("running"), "");
  EXPECT_EQ(waits_in("-1 0x7ffe 0x55f"), "");  // asleep outside of a system call: a page fault
  EXPECT_EQ(waits_in(""), "");
}

TEST(thread_facts, say_what_a_descriptor_is) {
  int ends[2];
  ASSERT_EQ(pipe(ends), 0);
  char argument[32];
  std::snprintf(argument, sizeof argument, " 0x%x 0x0", static_cast<unsigned>(ends[0]));
  EXPECT_THAT(waits_in(line(SYS_read, argument)), StartsWith("read on fd " + std::to_string(ends[0]) + " (pipe:["));
  close(ends[0]);
  close(ends[1]);
}

}  // namespace lastcall::thread_facts_test
