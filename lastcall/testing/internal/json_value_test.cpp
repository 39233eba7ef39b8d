#include "lastcall/testing/internal/json_value.hpp"

#include <gtest/gtest.h>

#include <stdexcept>

#include "lastcall/core/json.hpp"

namespace lastcall::testing::json_value_test {

using kind = json_value::kind;

TEST(json_value, reads_every_kind_of_value) {
  const auto v =
      json_value::parse(R"( {"a": [1, -2.5e3, 0], "b": {"c": true, "d": null}, "e": "x", "f": {}, "g": []} )");
  EXPECT_EQ(v.size(), 5u);
  EXPECT_EQ(v["a"].size(), 3u);
  EXPECT_EQ(v["a"][1].number(), -2500);
  EXPECT_TRUE(v["b"]["c"].boolean());
  EXPECT_TRUE(v["b"]["d"].null());
  EXPECT_EQ(v["e"].text(), "x");
  EXPECT_EQ(v["f"].is(), kind::object);
  EXPECT_EQ(v["g"].is(), kind::array);
  EXPECT_TRUE(v["missing"]["too"].null());
  EXPECT_THROW(v["e"].number(), std::out_of_range);
  EXPECT_THROW(v["a"][3], std::out_of_range);
}

TEST(json_value, reads_back_what_our_writer_writes) {
  const std::string text = "line\n\"quoted\" \\ \x01 \xc3\xa9 \xf0\x9f\x8d\xba";
  std::string json;
  json_writer(json).value(text);
  EXPECT_EQ(json_value::parse(json).text(), text);
}

TEST(json_value, reads_escapes_beyond_the_basic_plane) {
  EXPECT_EQ(json_value::parse(R"("\u00e9\ud83c\udf7a\u20ac\/")").text(), "\xc3\xa9\xf0\x9f\x8d\xba\xe2\x82\xac/");
}

TEST(json_value, refuses_what_is_not_one_whole_value) {
  const std::string deep(1000, '[');
  for (const char* wrong :
       {"",         "{",      "[1,]",      "[1 2]",     "{\"a\" 1}",   "{a:1}",       "{\"a\":1,\"a\":2}",
        "01",       "1.",     "-",         "+1",        "1e",          "tru",         "nul",
        "\"\x01\"", "\"open", "\"\\x\"",   "\"\\u12\"", "\"\\ud800\"", "\"\\udc00\"", "1 2",
        "1e999",    "\"\\",   deep.c_str()}) {
    EXPECT_THROW(json_value::parse(wrong), std::invalid_argument) << wrong;
  }
}

}  // namespace lastcall::testing::json_value_test
