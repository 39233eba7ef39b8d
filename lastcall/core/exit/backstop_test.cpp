#include "lastcall/core/exit/backstop.hpp"

#include <gtest/gtest.h>
#include <unistd.h>

#include <csignal>
#include <thread>

namespace lastcall::backstop_test {

using namespace std::chrono_literals;

/// What a forked process exits with that does `what` and then sleeps, for 20 s at most.
template <class F> auto exits_of(F what) {
  return [what] {
    alarm(20);
    backstop it;
    what(it);
    for (;;) std::this_thread::sleep_for(1h);
  };
}

TEST(backstop, ends_the_process_at_its_moment) {
  const auto from = steady().now();
  EXPECT_EXIT(exits_of([](backstop& it) { it.arm(steady().now() + 50ms, 4); })(), testing::ExitedWithCode(4), "");
  EXPECT_GE(steady().now() - from, 50ms);
}

TEST(backstop, goes_by_what_was_said_last) {
  EXPECT_EXIT(exits_of([](backstop& it) {
                it.arm(steady().now() + 1h, 3);
                it.arm(steady().now() + 20ms, 4);
              })(),
              testing::ExitedWithCode(4), "");
}

TEST(backstop, ends_nothing_once_it_is_gone) {
  const auto lives_on = [] {
    {
      backstop it;
      it.arm(steady().now() + 30ms, 4);
    }
    std::this_thread::sleep_for(100ms);  // not a wait for something: time for what must not come
    _exit(7);
  };
  EXPECT_EXIT(lives_on(), testing::ExitedWithCode(7), "");
}

}  // namespace lastcall::backstop_test
