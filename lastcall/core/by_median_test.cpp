#include "lastcall/core/by_median_test.hpp"

#include <gtest/gtest-spi.h>

#include <stdexcept>

namespace lastcall::by_median_test {

TEST(by_median, one_run_that_holds_is_enough) {
  int runs = 0;
  by_median([&] { ++runs; });
  EXPECT_EQ(runs, 1);
}

TEST(by_median, one_that_fails_is_outvoted_by_two) {
  int runs = 0;
  by_median([&] { EXPECT_GT(++runs, 1) << "as it should on the first run"; });
  EXPECT_EQ(runs, 3);
  by_median([&] {
    if (++runs == 4) throw std::runtime_error("as it should on the first run");
  });
  EXPECT_EQ(runs, 6);
}

TEST(by_median, two_that_fail_fail_the_test) {
  static int runs = 0;
  EXPECT_NONFATAL_FAILURE_ON_ALL_THREADS(by_median([] { EXPECT_EQ(++runs, 2) << "not twice"; }), "not twice");
  EXPECT_EQ(runs, 3);
}

TEST(by_median, what_must_hold_each_time_is_not_outvoted) {
  static int runs = 0;
  EXPECT_NONFATAL_FAILURE_ON_ALL_THREADS(by_median([] { each_time(++runs > 1, "one lost"); }), "one lost");
  EXPECT_EQ(runs, 1);
  EXPECT_NONFATAL_FAILURE_ON_ALL_THREADS(by_median([] {
                                           ++runs;
                                           EXPECT_GT(runs, 2);
                                           each_time(runs != 3, "lost in the second");
                                         }),
                                         "lost in the second");
}

TEST(by_median, one_verdict_is_outvoted_by_two) {
  int runs = 0;
  EXPECT_TRUE(median_says([&] { return ++runs == 1; }));
  EXPECT_TRUE(median_says([&] { return ++runs != 2; }));
  EXPECT_FALSE(median_says([&] { return ++runs == 6; }));
}

}  // namespace lastcall::by_median_test
