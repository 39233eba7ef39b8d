#include "lastcall/core/report/version.hpp"

#include <gtest/gtest.h>

#include <string>

namespace lastcall::version_test {

#if LASTCALL_VERSION < 100
#error "the preprocessor can't compare versions"
#endif

TEST(version, of_the_library_is_that_of_its_headers) {
  EXPECT_EQ(version(), std::to_string(LASTCALL_VERSION_MAJOR) + "." + std::to_string(LASTCALL_VERSION_MINOR) + "." +
                           std::to_string(LASTCALL_VERSION_PATCH));
  EXPECT_EQ(LASTCALL_VERSION, 10000 * LASTCALL_VERSION_MAJOR + 100 * LASTCALL_VERSION_MINOR + LASTCALL_VERSION_PATCH);
}

}  // namespace lastcall::version_test
