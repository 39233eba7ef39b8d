#include "lastcall/http/message/request.hpp"

#include <gmock/gmock.h>

#include <algorithm>
#include <string>
#include <string_view>

#include "lastcall/http/h1/h1_parser.hpp"
#include "lastcall/http/message/limits.hpp"
#include "lastcall/http/message/request_access.hpp"
#include "lastcall/net/endpoint.hpp"

namespace lastcall::http::request_test {

using access = detail::request_access;

struct received {
  explicit received(std::string_view line, std::string_view headers = "")
      : head(std::string(line) + " HTTP/1.1\r\nHost: h\r\n" + std::string(headers) + "\r\n") {
    std::size_t scanned = 0;
    EXPECT_EQ(detail::parse_head(head, scanned, {}, r, info).what, detail::head_result::kind::done) << head;
  }
  std::string head;
  request r;
  detail::message_info info;
};

TEST(request, an_empty_one_has_empty_views) {
  const request r;
  EXPECT_EQ(r.method(), "");
  EXPECT_EQ(r.verb(), method::other);
  EXPECT_EQ(r.path(), "");
  EXPECT_EQ(r.header("Host"), "");
  EXPECT_EQ(r.query("a"), std::nullopt);
  EXPECT_EQ(r.param("a"), "");
  EXPECT_EQ(r.remote(), "");
  EXPECT_EQ(r.headers().size(), 0u);
  EXPECT_TRUE(r.headers().begin() == r.headers().end());
}

TEST(request, query_values_are_decoded_as_forms_are) {
  const received q("GET /p?a=1&b=x+y%26z&c&d=&a=2&&=e&%66=g&h=%zz%4&i=a=b");
  EXPECT_EQ(q.r.query("a"), "1");
  EXPECT_EQ(q.r.query("b"), "x y&z");
  EXPECT_EQ(q.r.query("c"), "");
  EXPECT_EQ(q.r.query("d"), "");
  EXPECT_EQ(q.r.query(""), "e");
  EXPECT_EQ(q.r.query("f"), "g");
  EXPECT_EQ(q.r.query("h"), "%zz%4");
  EXPECT_EQ(q.r.query("i"), "a=b");
  EXPECT_EQ(q.r.query("A"), std::nullopt);
  EXPECT_EQ(q.r.query("none"), std::nullopt);
  EXPECT_EQ(received("GET /p?").r.query(""), std::nullopt);
  EXPECT_EQ(received("GET /p?a%00b=%00").r.query(std::string_view("a\0b", 3)), std::string(1, '\0'));
}

TEST(request, has_all_values_of_a_name_in_the_query) {
  const received q("GET /p?a=1&b=2&%61=x+y&a&ab=3");
  EXPECT_THAT(q.r.query_all("a"), ::testing::ElementsAre("1", "x y", ""));
  EXPECT_THAT(q.r.query_all("c"), ::testing::IsEmpty());
}

TEST(request, headers_are_found_in_any_case_and_the_first_counts) {
  const received h("GET /", "X-One: 1\r\nx-one: 2\r\nEmpty:\r\n");
  EXPECT_EQ(h.r.header("x-ONE"), "1");
  EXPECT_TRUE(h.r.has_header("EMPTY"));
  EXPECT_EQ(h.r.header("Empty"), "");
  EXPECT_FALSE(h.r.has_header("X-On"));
  std::string all;
  for (const auto& [name, value] : h.r.headers()) all += std::string(name) + '=' + std::string(value) + ' ';
  EXPECT_EQ(all, "Host=h X-One=1 x-one=2 Empty= ");
}

TEST(request, follows_its_head_when_the_session_moves_it) {
  received m("GET /path?q=1", "X: y\r\n");
  const std::string moved = m.head;
  std::fill(m.head.begin(), m.head.end(), '!');
  access::move_head(m.r, moved.data());
  EXPECT_EQ(m.r.method(), "GET");
  EXPECT_EQ(m.r.path(), "/path");
  EXPECT_EQ(m.r.query("q"), "1");
  EXPECT_EQ(m.r.header("x"), "y");
  EXPECT_EQ(m.r.host(), "h");
}

TEST(request, tells_its_remote) {
  received m("GET /");
  const auto where = net::parse_endpoint("127.0.0.1:54321");
  ASSERT_TRUE(where.has_value());
  access::remote(m.r, &*where);
  EXPECT_EQ(m.r.remote(), "127.0.0.1:54321");
  access::begin(m.r, "");
  EXPECT_EQ(m.r.remote(), "127.0.0.1:54321") << "a remote stays for all requests of its connection";
}

}  // namespace lastcall::http::request_test
