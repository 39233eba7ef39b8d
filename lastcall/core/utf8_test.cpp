#include "lastcall/core/utf8.hpp"

#include <gtest/gtest.h>

#include <string>
#include <string_view>
#include <utility>

namespace lastcall::detail::utf8_test {

using namespace std::string_literals;

bool valid(std::string_view text, std::size_t piece) {
  utf8_check check;
  for (std::size_t at = 0; at < text.size(); at += piece)
    if (!check.feed(text.substr(at, piece))) return false;
  return check.complete();
}

TEST(utf8, says_the_same_of_pieces_as_of_the_whole) {
  const std::pair<std::string, bool> texts[] = {{"", true},
                                                {"ascii for more than eight bytes", true},
                                                {"12345678\xc3\xa9"
                                                 "12345678",
                                                 true},
                                                {"\xc2\x80\xdf\xbf", true},
                                                {"\xe0\xa0\x80\xef\xbf\xbf", true},
                                                {"\xed\x9f\xbf\xee\x80\x80", true},
                                                {"\xf0\x90\x80\x80\xf4\x8f\xbf\xbf", true},
                                                {"\0"s, true},
                                                {"\x80", false},
                                                {"\xc0\x80", false},
                                                {"\xc1\xbf", false},
                                                {"\xe0\x9f\xbf", false},
                                                {"\xed\xa0\x80", false},
                                                {"\xf0\x8f\xbf\xbf", false},
                                                {"\xf4\x90\x80\x80", false},
                                                {"\xf5\x80\x80\x80", false},
                                                {"\xff", false},
                                                {"\xc3", false},
                                                {"\xe2\x82", false},
                                                {"\xf0\x9f\x98", false},
                                                {"\xc3(", false},
                                                {"12345678\x80", false},
                                                {"\xf0\x9f\x98\x80\x80", false}};
  for (const auto& [text, is] : texts) {
    EXPECT_EQ(is_utf8(text), is) << text;
    for (const std::size_t piece : {1U, 2U, 3U, 100U}) EXPECT_EQ(valid(text, piece), is) << text << " by " << piece;
    std::string_view rest = text;
    while (const std::size_t length = utf8_length(rest)) rest.remove_prefix(length);
    EXPECT_EQ(rest.empty(), is) << text;
  }
}

}  // namespace lastcall::detail::utf8_test
