// For tests of moments: on a machine that others share one run says little, the median of three says enough.
#pragma once

#include <gtest/gtest-spi.h>
#include <gtest/gtest.h>

#include <cstdio>
#include <exception>
#include <string>

namespace lastcall {

namespace detail {
/// What `each_time` has seen fail in a run that may be outvoted; null while there is none.
inline std::string* not_to_be_outvoted = nullptr;
}  // namespace detail

/// For the body of a TEST_BY_MEDIAN: what must hold in each of its runs, such as that nothing is lost.
inline void each_time(bool holds, const std::string& what) {
  if (holds) return;
  if (detail::not_to_be_outvoted != nullptr) {
    detail::not_to_be_outvoted->append(what).append("\n");
  } else {
    ADD_FAILURE() << what;
  }
}

/// Runs `measure`, and where an expectation in it fails, twice more: both must hold then, as the median of three would.
/// Says what failed. In the first run HasFailure() knows of nothing, and a GTEST_SKIP counts as a run that holds.
template <class F> void by_median(F measure) {
  ::testing::TestPartResultArray first;
  std::string broken;
  {
    const ::testing::ScopedFakeTestPartResultReporter kept(
        ::testing::ScopedFakeTestPartResultReporter::INTERCEPT_ALL_THREADS, &first);
    detail::not_to_be_outvoted = &broken;
    try {
      measure();
    } catch (const std::exception& error) {
      ADD_FAILURE() << error.what();
    }
    detail::not_to_be_outvoted = nullptr;
  }
  if (!broken.empty()) {
    ADD_FAILURE() << "must hold each time: " << broken;
    return;
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

/// The same for one verdict of a measure whose expectations must all hold each time: what the first run says if it is
/// yes, otherwise what two of three say.
template <class F> bool median_says(F measure) {
  if (measure()) return true;
  std::printf("one run of three failed: its verdict was no\n");
  const bool second = measure();
  return second && measure();
}

/// TEST(suite, name) with its body run so.
#define TEST_BY_MEDIAN(suite, name)                            \
  static void suite##_##name();                                \
  TEST(suite, name) { ::lastcall::by_median(suite##_##name); } \
  static void suite##_##name()

}  // namespace lastcall
