#include "lastcall/http/message/method.hpp"

#include <gtest/gtest.h>

namespace lastcall::http::method_test {

TEST(method, is_known_by_its_name_and_back) {
  for (const method m : {method::get, method::head, method::post, method::put, method::delete_, method::options,
                         method::patch, method::connect, method::trace})
    EXPECT_EQ(parse_method(to_text(m)), m) << to_text(m);
  EXPECT_EQ(to_text(method::delete_), "DELETE");
}

TEST(method, of_any_other_text_is_other) {
  for (const char* text : {"", "get", "GETS", "GE", "PROPFIND"}) EXPECT_EQ(parse_method(text), method::other) << text;
  EXPECT_EQ(to_text(method::other), "");
}

TEST(method, names_are_case_sensitive_and_unknown_ones_are_other) {
  for (int i = 0; i < static_cast<int>(method::other); ++i) {
    const auto m = static_cast<method>(i);
    EXPECT_EQ(parse_method(to_text(m)), m);
  }
  EXPECT_EQ(parse_method("get"), method::other);
  EXPECT_EQ(parse_method("PROPFIND"), method::other);
  EXPECT_EQ(to_text(method::other), "");
}

}  // namespace lastcall::http::method_test
