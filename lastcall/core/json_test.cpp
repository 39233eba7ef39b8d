#include "lastcall/core/json.hpp"

#include <gtest/gtest.h>

#include <cstdint>
#include <limits>

namespace lastcall::json_test {

template <class V> std::string written(const V& value) {
  std::string out;
  json_writer(out).value(value);
  return out;
}

TEST(json, puts_commas_where_they_belong) {
  std::string out;
  json_writer json(out);
  json.begin_object().member("a", 1).key("b").begin_array().value(true).null().begin_object().end_object();
  json.begin_array().end_array().end_array().member("c", "text").end_object();
  EXPECT_EQ(out, R"({"a":1,"b":[true,null,{},[]],"c":"text"})");
}

TEST(json, indents_by_two_when_asked_to) {
  std::string out;
  json_writer json(out, json_writer::layout::indented);
  json.begin_object().member("a", 1).key("b").begin_array().value(2).value(3).end_array().key("c").begin_object();
  json.end_object().end_object();
  EXPECT_EQ(out, "{\n  \"a\": 1,\n  \"b\": [\n    2,\n    3\n  ],\n  \"c\": {}\n}");
}

TEST(json, writes_an_object_on_one_line_where_that_is_asked_for) {
  std::string out;
  json_writer json(out, json_writer::layout::indented);
  json.begin_object().key("a").begin_array();
  for (int i = 0; i < 2; ++i) {
    json.begin_object_on_one_line().member("b", i).key("c").begin_array().value(1).value(2).end_array();
    json.key("d").begin_object().member("e", "x").end_object().end_object();
  }
  json.end_array().member("f", 3).end_object();
  constexpr std::string_view rest = R"("c":[1,2],"d":{"e":"x"}})";
  EXPECT_EQ(out, "{\n  \"a\": [\n    {\"b\":0," + std::string(rest) + ",\n    {\"b\":1," + std::string(rest) +
                     "\n  ],\n  \"f\": 3\n}");
}

TEST(json, escapes_one_byte_wherever_it_stands_in_a_text_of_any_length) {
  for (std::size_t length = 1; length < 40; ++length)
    for (std::size_t at = 0; at < length; ++at)
      for (const char odd : {'"', '\\', '\x1f', '\x01', '\0', '\x7f', ' ', '!', '#', '[', ']', 'a'}) {
        std::string text(length, 'x'), wanted(length, 'x');
        text[at] = odd;
        std::string escaped(1, odd);
        if (odd == '"' || odd == '\\') escaped.insert(0, "\\");
        if (odd < ' ') escaped = std::string("\\u00") + (odd == '\x1f' ? "1f" : odd == '\x01' ? "01" : "00");
        wanted.replace(at, 1, escaped);
        ASSERT_EQ(written(text), '"' + wanted + '"') << length << " " << at;
      }
}

TEST(json, writes_texts_of_any_length) {
  for (const std::size_t size : {1000U, 1022U, 1023U, 1024U, 1025U, 5000U}) {
    std::string text(size, 'x');
    EXPECT_EQ(written(text), '"' + text + '"');
    text.back() = '\n';
    EXPECT_EQ(written(text), '"' + text.substr(0, size - 1) + "\\n\"");
    std::string out;
    json_writer(out).begin_array().raw(std::string(size, '1')).value(text.substr(0, size - 1)).end_array();
    EXPECT_EQ(out, '[' + std::string(size, '1') + ",\"" + text.substr(0, size - 1) + "\"]");
  }
}

TEST(json, writes_every_number_so_that_it_reads_back) {
  EXPECT_EQ(written(std::numeric_limits<std::int64_t>::min()), "-9223372036854775808");
  EXPECT_EQ(written(std::numeric_limits<std::uint64_t>::max()), "18446744073709551615");
  EXPECT_EQ(written(std::uint8_t{7}), "7");
  EXPECT_EQ(written(0.1), "0.1");
  EXPECT_EQ(written(1.5), "1.5");
  EXPECT_EQ(written(3.0), "3");
  EXPECT_EQ(written(-1e300), "-1e+300");
}

TEST(json, writes_null_for_numbers_it_does_not_have) {
  EXPECT_EQ(written(std::numeric_limits<double>::quiet_NaN()), "null");
  EXPECT_EQ(written(std::numeric_limits<double>::infinity()), "null");
  std::string out;
  json_writer json(out);
  json.begin_array().value(1).value(-std::numeric_limits<double>::infinity()).end_array();
  EXPECT_EQ(out, "[1,null]");
}

TEST(json, tells_booleans_from_texts) {
  EXPECT_EQ(written(true), "true");
  EXPECT_EQ(written(false), "false");
  EXPECT_EQ(written("true"), "\"true\"");
  EXPECT_EQ(written(std::string("s")), "\"s\"");
}

TEST(json, escapes_what_must_be_escaped) {
  EXPECT_EQ(written("\"\\/"), R"("\"\\/")");
  EXPECT_EQ(written("\n\r\t"), R"("\n\r\t")");
  EXPECT_EQ(written(std::string_view("\0\x1f\x7f", 3)), "\"\\u0000\\u001f\x7f\"");
  std::string out;
  json_writer(out).begin_object().member("a\"b", 1).end_object();
  EXPECT_EQ(out, R"({"a\"b":1})");
}

TEST(json, replaces_what_is_not_utf8) {
  EXPECT_EQ(written("gr\xc3\xbc\xc3\x9f \xe2\x82\xac \xf0\x9f\x8d\xba"),
            "\"gr\xc3\xbc\xc3\x9f \xe2\x82\xac \xf0\x9f\x8d\xba\"");
  EXPECT_EQ(written("\xff"), "\"\xef\xbf\xbd\"");
  EXPECT_EQ(written("a\xc3"), "\"a\xef\xbf\xbd\"");
  EXPECT_EQ(written("\xc0\xaf"), "\"\xef\xbf\xbd\xef\xbf\xbd\"");                  // an overlong slash
  EXPECT_EQ(written("\xed\xa0\x80"), "\"\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\"");  // a surrogate
  EXPECT_EQ(written("\xf4\x90\x80\x80x"), "\"\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbdx\"");
}

// Texts of every length, with what must be escaped at every place: what is collected before it is appended has a size.
TEST(json, writes_texts_of_any_length_whole) {
  for (std::size_t size = 0; size < 600; ++size) {
    std::string text(size, 'x');
    EXPECT_EQ(written(text), '"' + text + '"');
    if (size == 0) continue;
    text[size / 2] = '\n';
    EXPECT_EQ(written(text), '"' + text.substr(0, size / 2) + "\\n" + text.substr(size / 2 + 1) + '"');
    text[size / 2] = '\x01';
    EXPECT_EQ(written(text), '"' + text.substr(0, size / 2) + "\\u0001" + text.substr(size / 2 + 1) + '"');
    std::string out;
    json_writer(out).begin_object().member(std::string(size, 'k'), std::uint64_t{size}).end_object();
    EXPECT_EQ(out, "{\"" + std::string(size, 'k') + "\":" + std::to_string(size) + "}");
  }
}

TEST(json, indents_at_any_depth) {
  constexpr std::size_t depth = 200;
  std::string out, wanted;
  json_writer json(out, json_writer::layout::indented);
  for (std::size_t i = 0; i < depth; ++i) {
    json.begin_array();
    wanted += "[\n" + std::string(2 * (i + 1), ' ');
  }
  json.value(1);
  wanted += "1";
  for (std::size_t i = depth; i-- > 0;) {
    json.end_array();
    wanted += "\n" + std::string(2 * i, ' ') + "]";
  }
  EXPECT_EQ(out, wanted);
}

TEST(json, takes_a_value_that_is_json_already) {
  std::string out;
  json_writer json(out);
  json.begin_array().raw("{\"a\":1}").raw("2").end_array();
  EXPECT_EQ(out, "[{\"a\":1},2]");
}

}  // namespace lastcall::json_test
