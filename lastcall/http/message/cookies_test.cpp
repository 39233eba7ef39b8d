#include "lastcall/http/message/cookies.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <stdexcept>
#include <string>

#include "lastcall/http/h1/h1_parser.hpp"
#include "lastcall/http/message/limits.hpp"
#include "lastcall/http/message/message_info.hpp"
#include "lastcall/http/message/request.hpp"
#include "lastcall/http/message/response.hpp"

namespace lastcall::http::cookies_test {

using namespace std::chrono_literals;
using ::testing::HasSubstr;

struct received {
  explicit received(const std::string& headers) : head("GET / HTTP/1.1\r\nHost: h\r\n" + headers + "\r\n") {
    std::size_t scanned = 0;
    EXPECT_EQ(detail::parse_head(head, scanned, {}, r, info).what, detail::head_result::kind::done) << head;
  }
  std::string head;
  request r;
  detail::message_info info;
};

TEST(cookies, are_found_in_each_line_as_they_were_sent) {
  const received q("Cookie: a=1; b=x=y; c=; a=2;d=\"quoted\"\r\ncookie: e=5\r\nX: z=1\r\n");
  EXPECT_EQ(cookie(q.r, "a"), "1");
  EXPECT_EQ(cookie(q.r, "b"), "x=y");
  EXPECT_EQ(cookie(q.r, "c"), "");
  EXPECT_EQ(cookie(q.r, "d"), "\"quoted\"");
  EXPECT_EQ(cookie(q.r, "e"), "5");
  EXPECT_EQ(cookie(q.r, "A"), std::nullopt);
  EXPECT_EQ(cookie(q.r, "z"), std::nullopt);
  EXPECT_EQ(cookie(received("Cookie: a\r\n").r, "a"), std::nullopt) << "no value";
}

std::string set(std::string_view name, std::string_view value, const cookie_options& o = {}) {
  response r;
  set_cookie(r, name, value, o);
  return std::string(r.header("Set-Cookie"));
}

TEST(cookies, are_set_safely_unless_the_program_says_otherwise) {
  EXPECT_EQ(set("id", "abc"), "id=abc; Path=/; Secure; HttpOnly; SameSite=Lax");
  EXPECT_EQ(set("id", "", {.max_age = 0s}), "id=; Path=/; Max-Age=0; Secure; HttpOnly; SameSite=Lax");
  EXPECT_EQ(set("id", "1",
                {.path = "/a",
                 .domain = "example.org",
                 .max_age = 60s,
                 .secure = false,
                 .http_only = false,
                 .same_site = same_site::strict}),
            "id=1; Path=/a; Domain=example.org; Max-Age=60; SameSite=Strict");
}

TEST(cookies, that_would_break_the_header_are_refused_by_name) {
  const auto refusal = [](const auto& call) {
    try {
      call();
    } catch (const std::invalid_argument& e) {
      return std::string(e.what());
    }
    return std::string("accepted");
  };
  for (const char* value : {"a b", "a;b", "a,b", "a\"b", "a\\b", "a\r\nX: 1", "\x7f", "\xC3\xA9"})
    EXPECT_THAT(refusal([&] { set("id", value); }), HasSubstr("cookie \"id\"")) << value;
  EXPECT_THAT(refusal([] { set("i d", "1"); }), HasSubstr("no token"));
  EXPECT_THAT(refusal([] { set("", "1"); }), HasSubstr("no token"));
  EXPECT_THAT(refusal([] { set("id", "1", {.path = "/;Domain=x"}); }), HasSubstr("path"));
  EXPECT_THAT(refusal([] { set("id", "1", {.domain = "a\r\nb"}); }), HasSubstr("domain"));
  EXPECT_THAT(refusal([] { set("id", "1", {.secure = false, .same_site = same_site::none}); }), HasSubstr("secure"));
}

}  // namespace lastcall::http::cookies_test
