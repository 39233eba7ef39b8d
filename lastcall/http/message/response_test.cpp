#include "lastcall/http/message/response.hpp"

#include <gmock/gmock.h>

#include <functional>
#include <stdexcept>
#include <string>
#include <utility>

namespace lastcall::http::response_test {

using ::testing::HasSubstr;

std::string refusal(const std::function<void()>& f) {
  try {
    f();
  } catch (const std::invalid_argument& e) {
    return e.what();
  }
  return "accepted";
}

TEST(response, factories_set_status_type_and_body) {
  const auto r = text("hello\n", 201);
  EXPECT_EQ(r.status(), 201);
  EXPECT_EQ(r.header_lines(), "Content-Type: text/plain; charset=utf-8\r\n");
  EXPECT_EQ(r.body(), "hello\n");
  EXPECT_EQ(html("").header("content-type"), "text/html; charset=utf-8");
  EXPECT_EQ(json("{}").header("Content-Type"), "application/json");
  EXPECT_EQ(status_only(204).header_lines(), "");
}

TEST(response, header_replaces_and_add_header_adds) {
  auto r =
      text("a,b\n").header("content-type", "text/csv").add_header("Set-Cookie", "a=1").add_header("Set-Cookie", "b=2");
  EXPECT_EQ(r.header_lines(), "content-type: text/csv\r\nSet-Cookie: a=1\r\nSet-Cookie: b=2\r\n");
  EXPECT_EQ(r.header("set-cookie"), "a=1");
  r.header("SET-COOKIE", "c=3");
  EXPECT_EQ(r.header_lines(), "content-type: text/csv\r\nSET-COOKIE: c=3\r\n");
}

TEST(response, a_header_is_found_by_its_whole_name_only) {
  const auto r = response().header("X-Long", "1").header("X", "2").header("Empty", "");
  EXPECT_EQ(r.header("X"), "2");
  EXPECT_EQ(r.header("X-Lon"), "");
  EXPECT_EQ(r.header("Empty"), "");
  EXPECT_EQ(r.header("1"), "");
  EXPECT_EQ(r.header(""), "");
}

TEST(response, a_header_can_be_set_to_its_own_value) {
  auto r = response().header("A", "first value").header("B", "2");
  r.header("A", r.header("A"));
  EXPECT_EQ(r.header_lines(), "B: 2\r\nA: first value\r\n");
}

TEST(response, a_header_can_be_set_from_another_ones_text_while_they_grow) {
  auto r = response().header("A", "name-and-value-of-others");
  const std::string text(r.header("A"));
  std::string expected = "A: " + text + "\r\n";
  for (int i = 0; i < 40; ++i) {
    r.add_header(r.header("A"), r.header("A"));
    expected += text + ": " + text + "\r\n";
    ASSERT_EQ(r.header_lines(), expected);
    r.header(std::string("B-") + std::to_string(i), r.header(text));
    expected += "B-" + std::to_string(i) + ": " + text + "\r\n";
    ASSERT_EQ(r.header_lines(), expected);
  }
  r.header(r.header("A"), r.header("A"));
  EXPECT_EQ(r.header(text), text);
}

TEST(response, headers_survive_growth_copy_and_move) {
  auto r = response();
  std::string expected;
  for (int i = 0; i < 40; ++i) {
    const auto name = "X-" + std::to_string(i);
    const std::string value(static_cast<std::size_t>(i), 'v');
    r.header(name, value);
    expected += name + ": " + value + "\r\n";
    ASSERT_EQ(r.header_lines(), expected);
    auto copy = r;
    ASSERT_EQ(copy.header_lines(), expected);
    r = std::move(copy);
    ASSERT_EQ(r.header_lines(), expected);
    ASSERT_EQ(r.header(name), value);
  }
  for (int i = 0; i < 40; ++i) r.header("X-" + std::to_string(i), "");
  EXPECT_EQ(r.header("X-0"), "");
  EXPECT_EQ(r.header_lines().size(), 10 * 7u + 30 * 8u);
}

TEST(response, headers_fill_the_inline_space_to_the_last_byte) {
  for (std::size_t size = 150; size < 170; ++size) {
    auto r = response().header("N", std::string(size - 5, 'v'));
    ASSERT_EQ(r.header_lines().size(), size);
    r.header("N", "w");
    ASSERT_EQ(r.header_lines(), "N: w\r\n");
    r.header("M", "");
    ASSERT_EQ(r.header_lines(), "N: w\r\nM: \r\n");
  }
}

TEST(response, splitting_is_impossible) {
  for (const std::string& bad : {std::string("a\r\nX: y"), std::string("a\n"), std::string("\r"), std::string("\0", 1),
                                 std::string("\x7f"), std::string("\x1b[2J")}) {
    EXPECT_THAT(refusal([&] { response().header("Location", bad); }), HasSubstr("\"Location\": its value")) << bad;
    EXPECT_THAT(refusal([&] { response().add_header("Location", bad); }), HasSubstr("control character"));
  }
  for (const char* bad : {"", "a b", "a:", "a\r\n", "\x80"}) {
    EXPECT_THAT(refusal([&] { response().header(bad, "v"); }), HasSubstr("not a token")) << bad;
  }
  EXPECT_EQ(response().header("X", "tab\tand \xc3\xa9").header("X"), "tab\tand \xc3\xa9");
}

TEST(response, framing_headers_are_the_servers) {
  for (const char* name : {"Connection", "content-length", "Date", "Keep-Alive", "Proxy-Connection", "TE", "Trailer",
                           "Transfer-Encoding", "UPGRADE"}) {
    EXPECT_THAT(refusal([&] { response().header(name, "1"); }), HasSubstr("the server sets it"));
    EXPECT_THAT(refusal([&] { response().add_header(name, "1"); }), HasSubstr(name));
  }
}

TEST(response, only_final_statuses_are_accepted) {
  for (const int status : {-1, 0, 100, 101, 199, 600}) EXPECT_THROW(response{status}, std::invalid_argument);
  EXPECT_EQ(refusal([] { response(99); }), "response status 99: give 200 to 599");
  EXPECT_EQ(response(599).status(), 599);
}

}  // namespace lastcall::http::response_test
