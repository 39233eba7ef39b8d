#include "lastcall/http/date.hpp"

#include <gmock/gmock.h>

#include <cstdint>
#include <limits>
#include <random>
#include <string>

namespace lastcall::http {
namespace {

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

TEST(date, the_cache_follows_the_second) {
  date_cache cache;
  EXPECT_EQ(cache.text(0), "Thu, 01 Jan 1970 00:00:00 GMT");
  EXPECT_EQ(cache.text(1), "Thu, 01 Jan 1970 00:00:01 GMT");
  EXPECT_EQ(cache.text(1), "Thu, 01 Jan 1970 00:00:01 GMT");
  EXPECT_EQ(cache.text(0), "Thu, 01 Jan 1970 00:00:00 GMT");
}

}  // namespace
}  // namespace lastcall::http
