// For tests of moments: on a machine that others share one run says little, the median of three says enough.
#pragma once

#include <gtest/gtest-spi.h>
#include <gtest/gtest.h>

#include <cstdio>
#include <exception>

namespace lastcall {

/// Runs `measure`, and where an expectation in it fails, twice more: both must hold then, as the median of three would.
/// Says what failed. Not for what must hold each time, such as that nothing is lost.
template <class F> void by_median(F measure) {
  ::testing::TestPartResultArray first;
  {
    const ::testing::ScopedFakeTestPartResultReporter kept(
        ::testing::ScopedFakeTestPartResultReporter::INTERCEPT_ALL_THREADS, &first);
    try {
      measure();
    } catch (const std::exception& error) {
      ADD_FAILURE() << error.what();
    }
  }
  bool failed = false;
  for (int i = 0; i < first.size(); ++i) {
    const ::testing::TestPartResult& part = first.GetTestPartResult(i);
    if (!part.failed()) continue;
    failed = true;
    std::printf("one run of three failed: %s:%d: %s\n", part.file_name() != nullptr ? part.file_name() : "",
                part.line_number(), part.message());
  }
  for (int again = 0; failed && again < 2; ++again) {
    measure();
    if (::testing::Test::HasFailure()) return;
  }
}

/// The same for one verdict of a measure whose other expectations must hold each time: what the first run says if it is
/// yes, otherwise what two of three say.
template <class F> bool median_says(F measure) {
  if (measure()) return true;
  const bool second = measure();
  return second && measure();
}

/// TEST(suite, name) with its body run so.
#define TEST_BY_MEDIAN(suite, name)                            \
  static void suite##_##name();                                \
  TEST(suite, name) { ::lastcall::by_median(suite##_##name); } \
  static void suite##_##name()

}  // namespace lastcall
