#include "lastcall/http/message/date.hpp"

#include <gmock/gmock.h>

#include <cstdint>
#include <limits>
#include <random>
#include <string>

namespace lastcall::http::date_test {

std::string formatted(std::time_t when) {
  std::array<char, 29> text;
  return std::string(format_date(when, text));
}

TEST(date, the_examples_of_the_standard) {
  EXPECT_EQ(formatted(784111777), "Sun, 06 Nov 1994 08:49:37 GMT");
  EXPECT_EQ(formatted(0), "Thu, 01 Jan 1970 00:00:00 GMT");
  EXPECT_EQ(formatted(951782399), "Mon, 28 Feb 2000 23:59:59 GMT");
  EXPECT_EQ(formatted(951782400), "Tue, 29 Feb 2000 00:00:00 GMT");
}

TEST(date, what_does_not_fit_becomes_the_nearest_that_does) {
  EXPECT_EQ(formatted(-1), "Thu, 01 Jan 1970 00:00:00 GMT");
  EXPECT_EQ(formatted(std::numeric_limits<std::time_t>::max()), "Fri, 31 Dec 9999 23:59:59 GMT");
}

TEST(date, agrees_with_the_c_library) {
  const auto seed = std::random_device{}();
  RecordProperty("seed", std::to_string(seed));
  std::mt19937_64 random(seed);
  for (int i = 0; i < 20'000; ++i) {
    const auto when = static_cast<std::time_t>(random() % 253402300800u);
    std::tm parts{};
    gmtime_r(&when, &parts);
    char expected[64];
    std::strftime(expected, sizeof expected, "%a, %d %b %Y %H:%M:%S GMT", &parts);
    ASSERT_EQ(formatted(when), expected) << "seed " << seed;
  }
}

constexpr std::time_t in_2026 = 1795428000;  // 2026-11-23 10:00:00

std::string read(std::string_view text, std::time_t now = in_2026) {
  const auto when = parse_date(text, now);
  return when ? std::to_string(*when) : "none";
}

TEST(date, reads_all_three_forms) {
  EXPECT_EQ(read("Sun, 06 Nov 1994 08:49:37 GMT"), "784111777");
  EXPECT_EQ(read("Sunday, 06-Nov-94 08:49:37 GMT"), "784111777");
  EXPECT_EQ(read("Sun Nov  6 08:49:37 1994"), "784111777");
  EXPECT_EQ(read("Wed Nov 16 08:49:37 1994"), "784975777");
  EXPECT_EQ(read("Wed, 31 Dec 1969 23:59:59 GMT"), "-1");
  EXPECT_EQ(read("Sat, 31 Dec 2016 23:59:60 GMT"), "1483228800");
  EXPECT_EQ(read("Fri, 31 Dec 9999 23:59:59 GMT"), "253402300799");
}

TEST(date, reads_two_digits_of_a_year_as_at_most_fifty_years_ahead) {
  EXPECT_EQ(formatted(*parse_date("Monday, 23-Nov-76 10:00:00 GMT", in_2026)), "Mon, 23 Nov 2076 10:00:00 GMT");
  EXPECT_EQ(read("Monday, 23-Nov-76 10:00:01 GMT"), "217591201");
  EXPECT_EQ(formatted(*parse_date("Friday, 01-Jan-27 00:00:00 GMT", in_2026)), "Fri, 01 Jan 2027 00:00:00 GMT");
  EXPECT_EQ(formatted(*parse_date("Saturday, 01-Jan-77 00:00:00 GMT", in_2026)), "Sat, 01 Jan 1977 00:00:00 GMT");
  const std::time_t in_2099 = 4070908800;
  EXPECT_EQ(formatted(*parse_date("Friday, 02-Jan-05 00:00:00 GMT", in_2099)), "Fri, 02 Jan 2105 00:00:00 GMT");
  EXPECT_EQ(read("Tuesday, 29-Feb-00 00:00:00 GMT", in_2099), "951782400");
  EXPECT_NE(read("Friday, 02-Jan-05 00:00:00 GMT", std::numeric_limits<std::time_t>::max()), "none");
  EXPECT_NE(read("Friday, 02-Jan-05 00:00:00 GMT", std::numeric_limits<std::time_t>::min()), "none");
}

TEST(date, refuses_what_is_no_date) {
  for (const char* text : {
           "",
           "0",
           "now",
           "Sun, 06 Nov 1994 08:49:37",
           "Sun, 06 Nov 1994 08:49:37 UTC",
           "Sun, 06 Nov 1994 08:49:37 GMT ",
           " Sun, 06 Nov 1994 08:49:37 GMT",
           "sun, 06 Nov 1994 08:49:37 GMT",
           "unM, 06 Nov 1994 08:49:37 GMT",
           "Sun, 06 nov 1994 08:49:37 GMT",
           "Sun, 06 anF 1994 08:49:37 GMT",
           "Sun, 00 Nov 1994 08:49:37 GMT",
           "Sun, 31 Nov 1994 08:49:37 GMT",
           "Sun, 29 Feb 2100 08:49:37 GMT",
           "Sun, 06 Nov 1994 24:49:37 GMT",
           "Sun, 06 Nov 1994 08:60:37 GMT",
           "Sun, 06 Nov 1994 08:49:61 GMT",
           "Sun, 06 Nov 1994 08:49:3x GMT",
           "Sun, 06 Nov 1994 8:049:37 GMT",
           "Sun, -6 Nov 1994 08:49:37 GMT",
           "Sunday, 06-Nov-1994 08:49:37 GMT",
           "Sunday, 06 Nov 94 08:49:37 GMT",
           "Someday, 06-Nov-94 08:49:37 GMT",
           "Sunday, 31-Nov-94 08:49:37 GMT",
           "Sunday06-Nov-94 08:49:37 GMT",
           "Sun Nov 06 08:49:37 1994 ",
           "Sun Nov  66 08:49:37 1994",
           "Sun Nov   08:49:37 1994",
           "Sun Nov 31 08:49:37 1994",
       }) {
    EXPECT_EQ(read(text), "none") << text;
  }
}

TEST(date, reads_what_it_writes) {
  const auto seed = std::random_device{}();
  std::mt19937_64 random(seed);
  for (int i = 0; i < 20'000; ++i) {
    const auto when = static_cast<std::time_t>(random() % 253402300800u);
    ASSERT_EQ(parse_date(formatted(when), in_2026), when) << "seed " << seed;
  }
}

TEST(date, the_cache_follows_the_second) {
  date_cache cache;
  EXPECT_EQ(cache.text(0), "Thu, 01 Jan 1970 00:00:00 GMT");
  EXPECT_EQ(cache.text(1), "Thu, 01 Jan 1970 00:00:01 GMT");
  EXPECT_EQ(cache.text(1), "Thu, 01 Jan 1970 00:00:01 GMT");
  EXPECT_EQ(cache.text(0), "Thu, 01 Jan 1970 00:00:00 GMT");
}

}  // namespace lastcall::http::date_test
