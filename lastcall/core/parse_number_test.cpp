#include "lastcall/core/parse_number.hpp"

#include <gtest/gtest.h>

#include <cstdint>

namespace lastcall::parse_number_test {

using lastcall::detail::parse_number;

TEST(parse_number, takes_a_whole_text_of_digits) {
  EXPECT_EQ(parse_number<std::uint16_t>("0"), 0);
  EXPECT_EQ(parse_number<std::uint16_t>("65535"), 65535);
  EXPECT_EQ(parse_number<std::uint64_t>("18446744073709551615"), UINT64_MAX);
  EXPECT_EQ(parse_number<std::uint64_t>("fF", 16), 255);
  EXPECT_EQ(parse_number<int>("-7"), -7);
}

TEST(parse_number, takes_nothing_else) {
  for (const char* text : {"", "65536", "+1", "-1", " 1", "1 ", "1x", "0x1", "99999999999999999999"})
    EXPECT_FALSE(parse_number<std::uint16_t>(text)) << text;
}

}  // namespace lastcall::parse_number_test
