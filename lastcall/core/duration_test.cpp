#include "lastcall/core/duration.hpp"

#include <gtest/gtest.h>

#include <random>

namespace lastcall::duration_test {

using namespace std::chrono_literals;

TEST(duration, reads_a_number_and_a_unit) {
  EXPECT_EQ(parse_duration("250ms").value(), 250ms);
  EXPECT_EQ(parse_duration("20s").value(), 20s);
  EXPECT_EQ(parse_duration("2m").value(), 2min);
  EXPECT_EQ(parse_duration("1h").value(), 1h);
  EXPECT_EQ(parse_duration("100us").value(), 100us);
  EXPECT_EQ(parse_duration("7ns").value(), 7ns);
  EXPECT_EQ(parse_duration("0s").value(), 0s);
}

TEST(duration, reads_fractions_exactly) {
  EXPECT_EQ(parse_duration("1.5s").value(), 1500ms);
  EXPECT_EQ(parse_duration("0.1s").value(), 100ms);
  EXPECT_EQ(parse_duration("0.000000001s").value(), 1ns);
  EXPECT_EQ(parse_duration("1.25h").value(), 75min);
  EXPECT_EQ(parse_duration("2.50m").value(), 150s);
}

TEST(duration, reads_a_bare_zero_and_no_other_bare_number) {
  EXPECT_EQ(parse_duration("0").value(), 0s);
  for (const char* bare : {"20", "1.5", "00", "0.0"}) {
    EXPECT_EQ(parse_duration(bare).error(), std::errc::invalid_argument) << bare;
  }
}

TEST(duration, refuses_what_is_not_one_number_and_one_unit) {
  for (const char* text : {"",      "s",  "-5s",  "+5s", " 5s",  "5 s",  "5s ",  ".5s",  "5.s",    "1,5s",
                           "1m30s", "5S", "5sec", "5d",  "1e3s", "0x5s", "5msx", "five", "1.2.3s", "5\xc2\xb5s"}) {
    EXPECT_EQ(parse_duration(text).error(), std::errc::invalid_argument) << text;
  }
}

TEST(duration, refuses_what_is_finer_than_a_nanosecond) {
  EXPECT_FALSE(parse_duration("0.5ns"));
  EXPECT_FALSE(parse_duration("0.0000000001s"));
}

TEST(duration, refuses_what_does_not_fit) {
  EXPECT_EQ(parse_duration("9223372036854775807ns").value(), duration::max());
  EXPECT_EQ(parse_duration("9223372036.854775807s").value(), duration::max());
  for (const char* text : {"9223372036854775808ns", "9223372036.854775808s", "99999999999999999999999s", "2562048h",
                           "18446744073709551617ns"}) {
    EXPECT_EQ(parse_duration(text).error(), std::errc::result_out_of_range) << text;
  }
}

TEST(duration, is_written_in_the_unit_that_reads_best) {
  EXPECT_EQ(to_text(250ms), "250ms");
  EXPECT_EQ(to_text(20s), "20s");
  EXPECT_EQ(to_text(1500ms), "1.5s");
  EXPECT_EQ(to_text(90s), "90s");
  EXPECT_EQ(to_text(2min), "2m");
  EXPECT_EQ(to_text(24h), "24h");
  EXPECT_EQ(to_text(1500us), "1.5ms");
  EXPECT_EQ(to_text(1ns), "1ns");
  EXPECT_EQ(to_text(0s), "0s");
  EXPECT_EQ(to_text(-5s), "-5s");
  EXPECT_EQ(to_text(-100ms), "-100ms");
  EXPECT_EQ(to_text(duration::min()), "-9223372036.854775808s");
}

TEST(duration, counts_milliseconds_for_reports) {
  EXPECT_EQ(to_ms(1500us), 1.5);
  EXPECT_EQ(to_ms(-2s), -2000);
  EXPECT_EQ(to_ms(1ns), 1e-6);
}

TEST(duration, reads_back_what_it_wrote) {
  const auto seed = std::random_device{}();
  SCOPED_TRACE("seed " + std::to_string(seed));
  std::mt19937_64 random(seed);
  for (int i = 0; i < 10'000; ++i) {
    const duration value(static_cast<duration::rep>((random() >> 1) >> (random() % 63)));
    ASSERT_EQ(parse_duration(to_text(value)).value(), value) << to_text(value);
  }
}

}  // namespace lastcall::duration_test
