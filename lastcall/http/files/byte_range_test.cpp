#include "lastcall/http/files/byte_range.hpp"

#include <gmock/gmock.h>

#include <cstdint>
#include <string>

namespace lastcall::http::detail::byte_range_test {

/// "all", "416", or the ranges as "0-4 7-9".
std::string asked(std::string_view field, std::uint64_t size = 1000) {
  const auto r = parse_range(field, size);
  if (r.what == range_result::kind::none) return "all";
  if (r.what == range_result::kind::unsatisfiable) return "416";
  std::string text;
  for (std::size_t i = 0; i < r.count; ++i) {
    text += (i ? " " : "") + std::to_string(r.ranges[i].first) + '-' + std::to_string(r.ranges[i].last);
  }
  return text;
}

TEST(byte_range, reads_closed_open_and_suffix_ranges) {
  EXPECT_EQ(asked("bytes=0-499"), "0-499");
  EXPECT_EQ(asked("bytes=0-0"), "0-0");
  EXPECT_EQ(asked("bytes=999-999"), "999-999");
  EXPECT_EQ(asked("bytes=500-"), "500-999");
  EXPECT_EQ(asked("bytes=-1"), "999-999");
  EXPECT_EQ(asked("Bytes=-500"), "500-999");
}

TEST(byte_range, cuts_what_reaches_beyond_the_end) {
  EXPECT_EQ(asked("bytes=500-5000"), "500-999");
  EXPECT_EQ(asked("bytes=0-99999999999999999999999999"), "0-999");
  EXPECT_EQ(asked("bytes=-5000"), "0-999");
  EXPECT_EQ(asked("bytes=-99999999999999999999999999"), "0-999");
  EXPECT_EQ(asked("bytes=0-18446744073709551615", UINT64_MAX), "0-18446744073709551614");
}

TEST(byte_range, is_unsatisfiable_when_no_range_begins_within) {
  EXPECT_EQ(asked("bytes=1000-"), "416");
  EXPECT_EQ(asked("bytes=1000-1001,2000-"), "416");
  EXPECT_EQ(asked("bytes=99999999999999999999-"), "416");
  EXPECT_EQ(asked("bytes=-0"), "416");
  EXPECT_EQ(asked("bytes=0-", 0), "416");
  EXPECT_EQ(asked("bytes=0-0,1000-"), "0-0");
}

TEST(byte_range, the_last_bytes_of_nothing_are_all_of_it) { EXPECT_EQ(asked("bytes=-5", 0), "all"); }

TEST(byte_range, reads_lists_in_their_order) {
  EXPECT_EQ(asked("bytes=0-0,-1"), "0-0 999-999");
  EXPECT_EQ(asked("bytes=500-600 ,\t10-20,, 0-9,"), "500-600 10-20 0-9");
}

TEST(byte_range, ignores_what_is_malformed_or_counted_in_another_unit) {
  for (const char* field : {"",
                            "bytes",
                            "bytes=",
                            "bytes=,",
                            "bytes=-",
                            "bytes=--1",
                            "bytes=1",
                            "bytes=a-b",
                            "bytes=1-a",
                            "bytes=+1-2",
                            "bytes=1-2-3",
                            "bytes=2-1",
                            "bytes 1-2",
                            "bytes =1-2",
                            "lines=1-2",
                            "=1-2",
                            " bytes=1-2",
                            "bytes=1 -2",
                            "bytes=1-2;3",
                            "bytes=0x1-",
                            "bytes=0-1,a",
                            "bytes=2000-1999",
                            "bytes=0-1 2-3"}) {
    EXPECT_EQ(asked(field), "all") << field;
  }
}

TEST(byte_range, ignores_overlaps_and_more_than_sixteen) {
  EXPECT_EQ(asked("bytes=0-9,9-10"), "all");
  EXPECT_EQ(asked("bytes=0-,0-"), "all");
  EXPECT_EQ(asked("bytes=5-6,-1000"), "all");
  EXPECT_EQ(asked("bytes=0-9,10-10"), "0-9 10-10");
  std::string field = "bytes=0-0";
  for (int i = 1; i < 16; ++i) field += ',' + std::to_string(2 * i) + '-' + std::to_string(2 * i);
  EXPECT_EQ(parse_range(field, 1000).count, 16u);
  EXPECT_EQ(asked(field + ",900-"), "all");
}

}  // namespace lastcall::http::detail::byte_range_test
