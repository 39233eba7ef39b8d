// For tests that measure time. On a shared machine one run proves little, so a failed run is repeated twice.
#pragma once

#include <gtest/gtest-spi.h>
#include <gtest/gtest.h>

#include <cstdio>
#include <exception>
#include <string>

namespace lastcall::inline v0 {

namespace detail {
/// Where `each_time` writes failures while a run may be repeated; null otherwise.
inline std::string* not_to_be_outvoted = nullptr;
}  // namespace detail

/// For the body of a TEST_BY_MEDIAN: fails the test even if later runs pass. For what must hold in each run, such as
/// that nothing is lost.
inline void each_time(bool holds, const std::string& what) {
  if (holds) return;
  if (detail::not_to_be_outvoted != nullptr) {
    detail::not_to_be_outvoted->append(what).append("\n");
  } else {
    ADD_FAILURE() << what;
  }
}

/// Runs `measure`. If an expectation fails, runs it twice more; both must pass then, so two of three do. Prints what
/// failed. In the first run HasFailure() is always false, and GTEST_SKIP counts as a pass.
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

/// The same for a measure that returns its verdict: true in the first run, or else in both of two more.
template <class F> bool median_says(F measure) {
  if (measure()) return true;
  std::printf("one run of three failed: its verdict was no\n");
  const bool second = measure();
  return second && measure();
}

/// TEST(suite, name) whose body is run by `by_median`.
#define TEST_BY_MEDIAN(suite, name)                            \
  static void suite##_##name();                                \
  TEST(suite, name) { ::lastcall::by_median(suite##_##name); } \
  static void suite##_##name()

}  // namespace lastcall::inline v0
