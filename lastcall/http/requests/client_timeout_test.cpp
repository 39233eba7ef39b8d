#include "lastcall/http/requests/client_timeout.hpp"

#include <gtest/gtest.h>

#include <chrono>

namespace lastcall::http::detail::client_timeout_test {

using namespace std::chrono_literals;

TEST(client_timeout, is_a_number_of_milliseconds_or_has_a_unit_of_grpc) {
  EXPECT_EQ(parse_timeout("1"), 1ms);
  EXPECT_EQ(parse_timeout("00300"), 300ms);
  EXPECT_EQ(parse_timeout("2H"), 2h);
  EXPECT_EQ(parse_timeout("3M"), 3min);
  EXPECT_EQ(parse_timeout("4S"), 4s);
  EXPECT_EQ(parse_timeout("500m"), 500ms);
  EXPECT_EQ(parse_timeout("6u"), 6us);
  EXPECT_EQ(parse_timeout("99999999n"), 99999999ns);
}

TEST(client_timeout, is_a_day_at_most) {
  EXPECT_EQ(parse_timeout("99999999H"), 24h);
  EXPECT_EQ(parse_timeout("99999999"), 24h);
  EXPECT_EQ(parse_timeout("86400S"), 24h);
  EXPECT_EQ(parse_timeout("86399S"), 86399s);
}

TEST(client_timeout, is_nothing_else) {
  for (const char* wrong : {"", "0", "000", "0S", "S", "-1", "+1", "1.5", "1 S", " 1", "1 ", "1s", "1ms", "1h", "0x10",
                            "123456789", "123456789m", "1mm", "never"})
    EXPECT_EQ(parse_timeout(wrong), std::nullopt) << wrong;
}

}  // namespace lastcall::http::detail::client_timeout_test
