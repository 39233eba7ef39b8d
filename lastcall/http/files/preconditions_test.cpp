#include "lastcall/http/files/preconditions.hpp"

#include <gmock/gmock.h>

#include <string>

#include "lastcall/http/h1/h1_parser.hpp"
#include "lastcall/http/message/limits.hpp"
#include "lastcall/http/message/request.hpp"

namespace lastcall::http::detail::preconditions_test {

constexpr std::time_t modified = 784111777;  // Sun, 06 Nov 1994 08:49:37 GMT
constexpr std::time_t now = 1795428000;      // 2026-11-23
const std::string at = "Sun, 06 Nov 1994 08:49:37 GMT", before = "Sun, 06 Nov 1994 08:49:36 GMT",
                  after = "Sun, 06 Nov 1994 08:49:38 GMT";

const validators both{"\"a\"", modified};
const validators weak{"W/\"a\"", modified};
const validators only_date{{}, modified};
const validators only_etag{"\"a\"", {}};

std::string asked(const std::string& method, const std::string& lines, const validators& current = both) {
  const std::string head = method + " / HTTP/1.1\r\nHost: h\r\n" + lines + "\r\n";
  request r;
  message_info i;
  std::size_t scanned = 0;
  EXPECT_EQ(parse_head(head, scanned, {}, r, i).what, head_result::kind::done) << head;
  switch (evaluate_preconditions(r, current, now)) {
    case precondition::proceed:
      return "proceed";
    case precondition::ignore_range:
      return "all";
    case precondition::not_modified:
      return "304";
    case precondition::failed:
      return "412";
  }
  return {};
}

std::string get(const std::string& lines, const validators& current = both) { return asked("GET", lines, current); }

TEST(preconditions, without_any_a_request_proceeds) {
  EXPECT_EQ(get(""), "proceed");
  EXPECT_EQ(get("", {}), "proceed");
}

TEST(preconditions, if_match_compares_strongly) {
  EXPECT_EQ(get("If-Match: \"a\"\r\n"), "proceed");
  EXPECT_EQ(get("If-Match: *\r\n", {}), "proceed");
  EXPECT_EQ(get("If-Match: \"b\"\r\n"), "412");
  EXPECT_EQ(asked("PUT", "If-Match: \"b\"\r\n"), "412");
  EXPECT_EQ(get("If-Match: W/\"a\"\r\n"), "412");
  EXPECT_EQ(get("If-Match: W/\"a\"\r\n", weak), "412");
  EXPECT_EQ(get("If-Match: \"a\"\r\n", weak), "412");
  EXPECT_EQ(get("If-Match: \"a\"\r\n", only_date), "412");
  EXPECT_EQ(get("If-Match:\r\n", only_date), "412");
}

TEST(preconditions, if_none_match_compares_weakly) {
  EXPECT_EQ(get("If-None-Match: \"a\"\r\n"), "304");
  EXPECT_EQ(get("If-None-Match: W/\"a\"\r\n"), "304");
  EXPECT_EQ(get("If-None-Match: \"a\"\r\n", weak), "304");
  EXPECT_EQ(asked("HEAD", "If-None-Match: \"a\"\r\n"), "304");
  EXPECT_EQ(asked("DELETE", "If-None-Match: \"a\"\r\n"), "412");
  EXPECT_EQ(get("If-None-Match: *\r\n", {}), "304");
  EXPECT_EQ(asked("PUT", "If-None-Match: *\r\n"), "412");
  EXPECT_EQ(get("If-None-Match: \"b\"\r\n"), "proceed");
  EXPECT_EQ(get("If-None-Match: \"\"\r\n", only_date), "proceed");
  EXPECT_EQ(get("If-None-Match: a\r\n"), "proceed");
}

TEST(preconditions, lists_may_be_long_and_in_several_lines) {
  EXPECT_EQ(get("If-None-Match: \"x\" , ,W/\"y,\",\"a\"\r\n"), "304");
  EXPECT_EQ(get("If-None-Match: \"x\"\r\nIf-None-Match: \"a\"\r\n"), "304");
  EXPECT_EQ(get("If-Match: \"x\"\r\nif-match:\"y\", \"a\",\r\n"), "proceed");
  EXPECT_EQ(get("If-Match: \"x\" \"a\"\r\n"), "412");
  EXPECT_EQ(get("If-Match: \"x\", w/\"a\", \"a\"\r\n"), "412");
  EXPECT_EQ(get("If-Match: \"a\r\n"), "412");
  EXPECT_EQ(get("If-Match: *, \"x\"\r\n"), "412");
}

TEST(preconditions, if_modified_since_is_for_reading_only) {
  EXPECT_EQ(get("If-Modified-Since: " + at + "\r\n"), "304");
  EXPECT_EQ(get("If-Modified-Since: " + after + "\r\n"), "304");
  EXPECT_EQ(get("If-Modified-Since: " + before + "\r\n"), "proceed");
  EXPECT_EQ(asked("HEAD", "If-Modified-Since: " + at + "\r\n"), "304");
  EXPECT_EQ(asked("POST", "If-Modified-Since: " + at + "\r\n"), "proceed");
  EXPECT_EQ(get("If-Modified-Since: Sunday, 06-Nov-94 08:49:37 GMT\r\n"), "304");
  EXPECT_EQ(get("If-Modified-Since: " + at + "\r\n", only_etag), "proceed");
}

TEST(preconditions, if_unmodified_since_is_for_every_method) {
  EXPECT_EQ(get("If-Unmodified-Since: " + before + "\r\n"), "412");
  EXPECT_EQ(asked("PUT", "If-Unmodified-Since: " + before + "\r\n"), "412");
  EXPECT_EQ(get("If-Unmodified-Since: " + at + "\r\n"), "proceed");
  EXPECT_EQ(get("If-Unmodified-Since: " + before + "\r\n", only_etag), "proceed");
}

TEST(preconditions, a_date_that_is_none_or_comes_twice_is_as_if_absent) {
  EXPECT_EQ(get("If-Modified-Since: yesterday\r\n"), "proceed");
  EXPECT_EQ(get("If-Unmodified-Since: 0\r\n"), "proceed");
  EXPECT_EQ(get("If-Modified-Since: " + at + "\r\nIf-Modified-Since: " + at + "\r\n"), "proceed");
}

TEST(preconditions, tags_beat_dates) {
  EXPECT_EQ(get("If-Match: \"a\"\r\nIf-Unmodified-Since: " + before + "\r\n"), "proceed");
  EXPECT_EQ(get("If-None-Match: \"b\"\r\nIf-Modified-Since: " + at + "\r\n"), "proceed");
}

TEST(preconditions, a_failed_one_beats_not_modified_and_both_beat_the_range) {
  EXPECT_EQ(get("If-None-Match: \"a\"\r\nIf-Match: \"b\"\r\n"), "412");
  EXPECT_EQ(get("If-None-Match: \"a\"\r\nIf-Match: \"a\"\r\n"), "304");
  EXPECT_EQ(get("Range: bytes=0-1\r\nIf-Range: \"b\"\r\nIf-None-Match: \"a\"\r\n"), "304");
}

TEST(preconditions, if_range_wants_exactly_this_state) {
  const auto range = [](const std::string& value, const validators& current) {
    return get("Range: bytes=0-1\r\nIf-Range: " + value + "\r\n", current);
  };
  EXPECT_EQ(range("\"a\"", both), "proceed");
  EXPECT_EQ(range("\"b\"", both), "all");
  EXPECT_EQ(range("W/\"a\"", weak), "all");
  EXPECT_EQ(range("\"a\", \"b\"", both), "all");
  EXPECT_EQ(range(at, both), "proceed");
  EXPECT_EQ(range(after, both), "all");
  EXPECT_EQ(range(before, both), "all");
  EXPECT_EQ(range(at, only_etag), "all");
  EXPECT_EQ(range("nonsense", {}), "all");
  const validators just_now{{}, now}, a_second_ago{{}, now - 1};
  EXPECT_EQ(get("Range: bytes=0-1\r\nIf-Range: Mon, 23 Nov 2026 10:00:00 GMT\r\n", just_now), "all");
  EXPECT_EQ(get("Range: bytes=0-1\r\nIf-Range: Mon, 23 Nov 2026 09:59:59 GMT\r\n", a_second_ago), "proceed");
  EXPECT_EQ(get("Range: bytes=0-1\r\nIf-Range: \"a\"\r\nIf-Range: \"b\"\r\n"), "all");
  EXPECT_EQ(get("Range: bytes=0-1\r\nRange: bytes=2-3\r\n"), "all");
  EXPECT_EQ(get("If-Range: \"b\"\r\n"), "proceed");
  EXPECT_EQ(asked("HEAD", "Range: bytes=0-1\r\nIf-Range: \"b\"\r\n"), "proceed");
}

TEST(preconditions, methods_that_select_nothing_have_none) {
  EXPECT_EQ(asked("OPTIONS", "If-Match: \"b\"\r\n"), "proceed");
  EXPECT_EQ(asked("TRACE", "If-None-Match: *\r\n"), "proceed");
}

}  // namespace lastcall::http::detail::preconditions_test
