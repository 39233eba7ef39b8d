#include "lastcall/testing/virtual_clock.hpp"

#include <gtest/gtest.h>

#include <stdexcept>
#include <thread>

#include "lastcall/core/context/context.hpp"
#include "lastcall/core/deadline.hpp"

namespace lastcall::testing::virtual_clock_test {

using namespace std::chrono_literals;

TEST(virtual_clock, moves_when_it_is_told_and_never_back) {
  virtual_clock time;
  const time_point begun = time.now();
  EXPECT_EQ(time.now(), begun);
  time.advance(5s);
  EXPECT_EQ(time.now(), begun + 5s);
  time.advance_to(begun + 3s);
  EXPECT_EQ(time.now(), begun + 5s);
  time.advance_to(begun + 9s);
  EXPECT_EQ(time.now(), begun + 9s);
  EXPECT_THROW(time.advance(-1s), std::invalid_argument);
}

TEST(virtual_clock, begins_where_it_is_told) {
  EXPECT_EQ(virtual_clock(time_point(7h)).now(), time_point(7h));
  const virtual_clock time;
  EXPECT_TRUE(deadline::at(time.now() - 24h, time.now()).passed(time.now()));
}

TEST(virtual_clock, adds_up_what_several_threads_advance) {
  virtual_clock time;
  const time_point begun = time.now();
  const auto thousand = [&] {
    for (int i = 0; i < 1000; ++i) time.advance(1ms);
  };
  std::thread other(thousand);
  thousand();
  other.join();
  EXPECT_EQ(time.now(), begun + 2s);
}

}  // namespace lastcall::testing::virtual_clock_test
