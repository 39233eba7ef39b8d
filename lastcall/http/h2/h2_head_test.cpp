#include "lastcall/http/h2/h2_head.hpp"

#include <gtest/gtest.h>

#include <array>
#include <utility>
#include <vector>

#include "lastcall/http/message/limits.hpp"
#include "lastcall/http/message/request.hpp"

namespace lastcall::http::detail::h2_head_test {

using fields = std::vector<std::pair<std::string, std::string>>;
using kind = h2_verdict::kind;

struct read_head {
  explicit read_head(const fields& all, const limits& l = {}, bool ended = true)
      : memory(2 * l.head_bytes), head(memory, r, l) {
    for (const auto& [name, value] : all) head.add(name, value);
    verdict = head.finish(ended, info);
  }
  std::vector<char> memory;
  request r;
  message_info info;
  h2_head head;
  h2_verdict verdict;
};

fields usual(const fields& more = {}) {
  fields all{{":method", "GET"}, {":scheme", "http"}, {":path", "/a/b?c=d"}, {":authority", "host:80"}};
  all.insert(all.end(), more.begin(), more.end());
  return all;
}

TEST(h2_head, reads_as_a_request_of_http_1_would) {
  const read_head h(usual({{"x", "y"}, {"accept", "*/*"}}));
  ASSERT_EQ(h.verdict.what, kind::sound) << h.verdict.why;
  EXPECT_EQ(h.r.method(), "GET");
  EXPECT_EQ(h.r.verb(), method::get);
  EXPECT_EQ(h.r.target(), "/a/b?c=d");
  EXPECT_EQ(h.r.path(), "/a/b");
  EXPECT_EQ(h.r.query_text(), "c=d");
  EXPECT_EQ(h.r.host(), "host:80");
  EXPECT_EQ(h.r.header("X"), "y");
  EXPECT_EQ(h.r.header("Host"), "host:80") << "handlers know no HTTP version";
  EXPECT_EQ(h.r.headers().size(), 3U);
  EXPECT_FALSE(h.info.has_body);
}

TEST(h2_head, takes_host_where_there_is_no_authority) {
  const read_head h({{":method", "GET"}, {":scheme", "http"}, {":path", "/"}, {"host", "b"}});
  ASSERT_EQ(h.verdict.what, kind::sound);
  EXPECT_EQ(h.r.host(), "b");
  EXPECT_EQ(h.r.headers().size(), 1U);
}

TEST(h2_head, joins_cookies) {
  const read_head h(usual({{"cookie", "a=b"}, {"x", "y"}, {"cookie", "c=d"}, {"cookie", "e"}}));
  ASSERT_EQ(h.verdict.what, kind::sound);
  EXPECT_EQ(h.r.header("Cookie"), "a=b; c=d; e");
}

TEST(h2_head, knows_length_and_expectation) {
  const read_head h(usual({{"content-length", "17"}, {"expect", "100-Continue"}}), {}, false);
  ASSERT_EQ(h.verdict.what, kind::sound);
  EXPECT_EQ(h.info.content_length, 17U);
  EXPECT_TRUE(h.info.expect_continue);
  EXPECT_TRUE(h.info.has_body);
}

TEST(h2_head, of_connect_is_an_authority) {
  const read_head h({{":method", "CONNECT"}, {":authority", "a:443"}});
  ASSERT_EQ(h.verdict.what, kind::sound);
  EXPECT_EQ(h.r.target(), "a:443");
  EXPECT_EQ(h.r.path(), "");
}

TEST(h2_head, refuses_what_http_1_would_refuse) {
  const auto status = [](const fields& all, const limits& l = {}) {
    const read_head h(all, l);
    EXPECT_EQ(h.verdict.what, kind::refused);
    return h.verdict.status;
  };
  const auto path = [](const std::string& p) {
    return fields{{":method", "GET"}, {":scheme", "http"}, {":path", p}, {":authority", "a"}};
  };
  EXPECT_EQ(status(path("a")), 400);
  EXPECT_EQ(status(path("")), 400);
  EXPECT_EQ(status(path("*")), 400);
  EXPECT_EQ(status(path("/#")), 400);
  EXPECT_EQ(status(path("/ b")), 400);
  EXPECT_EQ(status(path("/\xff")), 400);
  EXPECT_EQ(status({{":method", "GET"}, {":scheme", "ftp"}, {":path", "/"}, {":authority", "a"}}), 400);
  EXPECT_EQ(status({{":method", "GET"}, {":scheme", "http"}, {":path", "/"}, {":authority", "u@a"}}), 400);
  EXPECT_EQ(status({{":method", "GET"}, {":scheme", "http"}, {":path", "/"}}), 400);
  EXPECT_EQ(status({{":method", "CONNECT"}, {":authority", "a"}}), 400);
  EXPECT_EQ(status(usual({{"expect", "wonders"}})), 417);
  limits few;
  few.header_count = 2;
  EXPECT_EQ(status(usual({{"a", ""}, {"b", ""}, {"c", ""}}), few), 431);
  limits small;
  small.head_bytes = 300;
  EXPECT_EQ(status(usual({{"a", std::string(300, 'x')}}), small), 431);
  EXPECT_EQ(status(path("/" + std::string(300, 'x')), small), 414);
}

TEST(h2_head, finds_malformed_what_two_might_read_differently) {
  const auto malformed = [](const fields& all) { return read_head(all).verdict.what == kind::malformed; };
  EXPECT_TRUE(malformed(usual({{"host", "other"}})));
  EXPECT_TRUE(malformed(usual({{"content-length", "1"}, {"content-length", "1"}})));
  EXPECT_TRUE(malformed(usual({{"content-length", "1x"}})));
  EXPECT_TRUE(malformed(usual({{"content-length", ""}})));
  EXPECT_TRUE(malformed(usual({{"content-length", "99999999999999999999"}})));
  EXPECT_TRUE(malformed(usual({{":status", "200"}})));
  EXPECT_TRUE(malformed({{":method", "G T"}, {":scheme", "http"}, {":path", "/"}, {":authority", "a"}}));
  EXPECT_FALSE(malformed(usual({{"host", "HOST:80"}})));
}

TEST(h2_head, never_leaves_its_memory) {
  limits l;
  l.head_bytes = 200;
  for (std::size_t size = 0; size < 250; ++size) {
    const read_head h({{":method", "GET"}, {":scheme", "http"}, {":path", "/"}, {":authority", std::string(size, 'a')}},
                      l);
    EXPECT_LE(h.head.size(), h.memory.size());
  }
}

}  // namespace lastcall::http::detail::h2_head_test
