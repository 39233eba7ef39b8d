#include "lastcall/core/enum_names.hpp"

#include <gtest/gtest.h>

namespace lastcall::enum_names_test {

enum class fruit : unsigned char { apple, sour_cherry };

TEST(enum_names, are_those_of_the_source_and_are_counted) {
  EXPECT_EQ(detail::enum_names<fruit>[0], "apple");
  EXPECT_EQ(detail::enum_names<fruit>[1], "sour_cherry");
  EXPECT_EQ(detail::enum_count<fruit>(), 2U);
  EXPECT_EQ(detail::enum_name(fruit::sour_cherry), "sour_cherry");
  for (const int none : {2, 16, 17, 255}) EXPECT_EQ(detail::enum_name(static_cast<fruit>(none)), "unknown");
}

}  // namespace lastcall::enum_names_test
