#include "lastcall/core/log/log_line.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <array>
#include <random>
#include <string>
#include <vector>

#include "lastcall/core/utf8.hpp"

namespace lastcall::log_line_test {

using namespace std::chrono_literals;
using ::testing::EndsWith;
using ::testing::StartsWith;

const auto moment = std::chrono::sys_days(std::chrono::year(2026) / 11 / 22) + 10h + 11min + 12s + 345ms;

std::string line(std::string_view text, std::vector<log_field> fields = {}, log_level level = log_level::info) {
  std::array<char, log_line_bytes> buffer;
  return std::string(format_log_line(buffer, moment, {level, "http", text, fields}));
}

// The part after the text of an otherwise plain line with one field.
std::string written(std::string_view value) {
  const std::string all = line("t", {{"k", value}});
  const std::string before = "2026-11-22T10:11:12.345Z info  http: t k=";
  EXPECT_THAT(all, StartsWith(before));
  EXPECT_EQ(all.back(), '\n');
  return all.substr(before.size(), all.size() - before.size() - 1);
}

TEST(log_line, has_time_level_component_text_and_fields) {
  EXPECT_EQ(line("text", {{"key", "value"}, {"other", "quoted value"}}),
            "2026-11-22T10:11:12.345Z info  http: text key=value other=\"quoted value\"\n");
  EXPECT_EQ(line("text", {}, log_level::warning), "2026-11-22T10:11:12.345Z warn  http: text\n");
  EXPECT_EQ(line("text", {}, log_level::error), "2026-11-22T10:11:12.345Z error http: text\n");
}

TEST(log_line, quotes_what_could_be_misread) {
  EXPECT_EQ(written("plain-1.2:3/4"), "plain-1.2:3/4");
  EXPECT_EQ(written(""), "\"\"");
  EXPECT_EQ(written("a b"), "\"a b\"");
  EXPECT_EQ(written("a=b"), "\"a=b\"");
  EXPECT_EQ(written("say \"hi\""), "\"say \\\"hi\\\"\"");
  EXPECT_EQ(written("back\\slash"), "\"back\\\\slash\"");
}

TEST(log_line, lets_no_value_begin_a_line_or_steer_a_terminal) {
  EXPECT_EQ(written("a\nb\r\tc"), "\"a\\nb\\r\\tc\"");
  EXPECT_EQ(written("\x1b[31m"), "\"\\x1b[31m\"");
  EXPECT_EQ(written(std::string_view("\0\x7f", 2)), "\"\\x00\\x7f\"");
  EXPECT_EQ(written("\xc2\x9b"
                    "31m"),
            "\"\\xc2\\x9b31m\"");  // the same as ESC [, in one character
}

TEST(log_line, escapes_text_component_and_keys_too) {
  std::array<char, log_line_bytes> buffer;
  const log_field field{"k y=", "v"};
  const std::string_view all = format_log_line(buffer, moment, {log_level::info, "a\nb", "c\nd", {&field, 1}});
  EXPECT_THAT(std::string(all), EndsWith("info  a\\nb: c\\nd k\\ y\\==v\n"));
}

TEST(log_line, keeps_valid_utf8_and_escapes_what_is_none) {
  EXPECT_EQ(written("gr\xc3\xbc\xc3\x9f"), "\"gr\xc3\xbc\xc3\x9f\"");
  EXPECT_EQ(written("\xf0\x9f\x8d\xba"), "\"\xf0\x9f\x8d\xba\"");
  EXPECT_EQ(written("\xff"), "\"\\xff\"");
  EXPECT_EQ(written("\xc3"), "\"\\xc3\"");
  EXPECT_EQ(written("\xed\xa0\x80"), "\"\\xed\\xa0\\x80\"");  // a surrogate
}

TEST(log_line, cuts_what_does_not_fit_and_shows_it) {
  const std::string long_text = line(std::string(5000, 'x'));
  EXPECT_EQ(long_text.size(), log_line_bytes);
  EXPECT_THAT(long_text, EndsWith("xxx...\n"));
  EXPECT_THAT(line("t", {{"k", std::string(1'000'000, '\n')}}), EndsWith("\\n...\n"));
}

TEST(log_line, never_cuts_a_character_in_two) {
  for (std::size_t ahead = 4000; ahead < 4100; ++ahead) {
    std::string all = line(std::string(ahead, 'x') + std::string("\xf0\x9f\x8d\xba\xf0\x9f\x8d\xba"));
    for (std::string_view rest = all; !rest.empty();) {
      const std::size_t length = detail::utf8_length(rest);
      ASSERT_GT(length, 0u) << ahead;
      rest.remove_prefix(length);
    }
  }
}

TEST(log_line, is_one_bounded_line_whatever_comes_in) {
  const auto seed = std::random_device{}();
  SCOPED_TRACE("seed " + std::to_string(seed));
  std::mt19937 random(seed);
  const auto garbage = [&] {
    std::string text(random() % (random() % 10 == 0 ? 5000 : 40), '\0');
    for (char& byte : text) byte = static_cast<char>(random());
    return text;
  };
  for (int i = 0; i < 3000; ++i) {
    const std::string text = garbage(), key = garbage(), value = garbage();
    const std::string all = line(text, {{key, value}});
    ASSERT_LE(all.size(), log_line_bytes);
    ASSERT_EQ(all.find('\n'), all.size() - 1);
    for (std::string_view rest = all; !rest.empty();) {
      const std::size_t length = detail::utf8_length(rest);
      ASSERT_GT(length, 0u);
      ASSERT_TRUE(length > 1 || rest.size() == 1 || (rest[0] >= 0x20 && rest[0] < 0x7f));
      rest.remove_prefix(length);
    }
  }
}

std::string json(std::string_view text, std::vector<log_field> fields = {}, std::size_t room = log_line_bytes) {
  std::vector<char> buffer(room);
  return std::string(format_log_json(buffer, moment, {log_level::info, "http", text, fields}));
}
constexpr std::string_view json_head = R"({"time":"2026-11-22T10:11:12.345Z","level":"info","component":"http",)";

TEST(log_json, is_an_object_for_each_line) {
  EXPECT_EQ(json("ready"), std::string(json_head) + "\"text\":\"ready\"}\n");
  EXPECT_EQ(json("ready", {{"key", "value"}, {"other", "a \"b\" \\ c"}}),
            std::string(json_head) + R"("text":"ready","fields":{"key":"value","other":"a \"b\" \\ c"}})" + "\n");
}

TEST(log_json, lets_no_value_begin_a_line_or_steer_a_terminal_and_is_utf8) {
  EXPECT_EQ(json("a\nb\x1b[31m\x7f"), std::string(json_head) + R"("text":"a\nb\u001b[31m\u007f"})" + "\n");
  EXPECT_EQ(json("gr\xc3\xbc\xff"), std::string(json_head) + "\"text\":\"gr\xc3\xbc\xEF\xBF\xBD\"}\n");
}

TEST(log_json, is_json_also_where_it_is_cut) {
  for (std::size_t room = 128; room < 260; ++room) {
    const std::string line =
        json("text", {{"first", std::string(50, 'x')}, {"second", "\"\"\"\"\"\"\"\"\"\""}, {"third", "1"}}, room);
    EXPECT_LE(line.size(), room);
    EXPECT_EQ(line.back(), '\n');
    // Of this text a value ends where a quote stands behind no backslash, and each brace that opens is closed.
    std::size_t open = 0;
    bool quoted = false;
    for (std::size_t at = 0; at < line.size(); ++at) {
      if (quoted && line[at] == '\\') {
        ++at;
      } else if (line[at] == '"') {
        quoted = !quoted;
      } else if (!quoted) {
        open += line[at] == '{' ? 1 : 0;
        open -= line[at] == '}' ? 1 : 0;
      }
    }
    EXPECT_FALSE(quoted) << line;
    EXPECT_EQ(open, 0U) << line;
  }
  const std::string whole = json("text", {{"first", "1"}}, 128);
  EXPECT_EQ(whole, std::string(json_head) + R"("text":"text","fields":{"first":"1"}})" + "\n");
}

}  // namespace lastcall::log_line_test
