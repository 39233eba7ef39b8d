#include "lastcall/work/line_cutter.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <vector>

namespace lastcall::line_cutter_test {

using ::testing::ElementsAre;

struct lines : ::testing::Test {
  void take(std::string_view bytes) {
    of.take(bytes, [this](std::string_view line) { all.emplace_back(line); });
  }
  void end() {
    of.end([this](std::string_view line) { all.emplace_back(line); });
  }
  detail::line_cutter of{5};
  std::vector<std::string> all;
};

TEST_F(lines, are_cut_wherever_the_bytes_are) {
  take("a\nb");
  take("c\n\nd");
  EXPECT_THAT(all, ElementsAre("a", "bc", ""));
  end();
  EXPECT_THAT(all, ElementsAre("a", "bc", "", "d"));
  end();
  EXPECT_EQ(all.size(), 4U);
}

TEST_F(lines, that_are_too_long_are_cut_and_their_rest_is_dropped) {
  take("12345\n1234");
  take("5678");
  take("9\nnext\n");
  EXPECT_THAT(all, ElementsAre("12345", "12345", "next"));
}

TEST_F(lines, without_an_end_are_told_at_the_end_unless_there_was_none) {
  end();
  EXPECT_TRUE(all.empty());
  take("x\n");
  end();
  EXPECT_THAT(all, ElementsAre("x"));
}

}  // namespace lastcall::line_cutter_test
