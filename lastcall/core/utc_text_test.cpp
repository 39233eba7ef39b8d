#include "lastcall/core/utc_text.hpp"

#include <gtest/gtest.h>

namespace lastcall::utc_text_test {

using namespace std::chrono_literals;
using lastcall::detail::utc_text;

std::string_view view(const utc_text& of) { return of; }

TEST(utc_text, has_every_part_in_its_place) {
  const auto day = std::chrono::sys_days(std::chrono::year(2026) / 11 / 22);
  EXPECT_EQ(view(utc_text(day + 10h + 11min + 12s + 345ms)), "2026-11-22T10:11:12.345Z");
  EXPECT_EQ(view(utc_text(day + 23h + 59min + 59s + 999'999us)), "2026-11-22T23:59:59.999Z");
  EXPECT_EQ(view(utc_text({})), "1970-01-01T00:00:00.000Z");
  EXPECT_EQ(view(utc_text(std::chrono::sys_days(std::chrono::year(2028) / 2 / 29) + 7ms)), "2028-02-29T00:00:00.007Z");
}

}  // namespace lastcall::utc_text_test
