#include "lastcall/http/h1/h1_parser.hpp"

#include <gmock/gmock.h>

#include <cstdint>
#include <cstring>
#include <memory>
#include <random>
#include <string>
#include <string_view>
#include <vector>

#include "lastcall/http/message/limits.hpp"
#include "lastcall/http/message/request.hpp"

namespace lastcall::http::detail::h1_parser_test {

using kind = head_result::kind;
using namespace std::string_literals;

/// The verdict and all that the head said, as one text, to be compared whole.
std::string told(const head_result& h, const request& r, const message_info& i) {
  if (h.what == kind::need_more) return "more";
  if (h.what == kind::error) return std::to_string(h.status) + ' ' + h.why;
  std::string s = std::string(r.method()) + ' ' + std::string(r.target()) + " path=" + std::string(r.path()) +
                  " query=" + std::string(r.query_text()) + " host=" + std::string(r.host());
  for (const auto& f : r.headers()) s += " [" + std::string(f.name) + "=" + std::string(f.value) + ']';
  if (i.content_length) s += " length=" + std::to_string(*i.content_length);
  for (const auto& [set, name] : {std::pair{i.keep_alive, " keep"},
                                  {i.http_1_0, " 1.0"},
                                  {i.has_body, " body"},
                                  {i.chunked, " chunked"},
                                  {i.expect_continue, " expect"}}) {
    if (set) s += name;
  }
  return s;
}

/// Parses a copy that ends exactly where the input ends, so that a sanitizer sees a read beyond it.
std::string parsed(std::string_view input, const limits& l = {}) {
  const auto copy = std::make_unique<char[]>(input.size());
  std::memcpy(copy.get(), input.data(), input.size());
  request r;
  message_info i;
  std::size_t scanned = 0;
  const auto h = parse_head({copy.get(), input.size()}, scanned, l, r, i);
  return told(h, r, i);
}

/// The same, the bytes arriving as `sizes` says (the last one over and over).
std::string parsed_in_pieces(std::string_view input, std::vector<std::size_t> sizes, const limits& l = {}) {
  request r;
  message_info i;
  std::size_t scanned = 0, have = 0;
  for (std::size_t n = 0; have < input.size(); ++n) {
    have = std::min(input.size(), have + sizes[std::min(n, sizes.size() - 1)]);
    const auto copy = std::make_unique<char[]>(have);
    std::memcpy(copy.get(), input.data(), have);
    const auto h = parse_head({copy.get(), have}, scanned, l, r, i);
    EXPECT_LE(scanned, have);
    if (h.what != kind::need_more) return told(h, r, i);
  }
  return "more";
}

std::string with(const std::string& headers) { return parsed("POST / HTTP/1.1\r\nHost: h\r\n" + headers + "\r\n"); }

int status_of(const std::string& verdict) {
  return verdict.size() > 3 && verdict[3] == ' ' && verdict[0] >= '4' && verdict[0] <= '5' ? std::stoi(verdict) : 0;
}

const std::vector<std::string> sound = {
    "GET / HTTP/1.1\r\nHost: h\r\n\r\n",
    "\r\n\r\nGET /a%20b?x=1&y HTTP/1.1\r\nHost: example.com:8080\r\nAccept:*/*\r\nX-Empty:\r\n\r\n",
    "POST /up HTTP/1.1\r\nHost: h\r\nContent-Length: 5\r\n\r\n",
    "PUT /up HTTP/1.1\r\nhost: h\r\ntransfer-encoding: Chunked\r\nExpect: 100-continue\r\n\r\n",
    "GET / HTTP/1.0\r\n\r\n",
    "GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n",
    "OPTIONS * HTTP/1.1\r\nHost: h\r\n\r\n",
    "GET http://other:81/p?q HTTP/1.1\r\nHost: h\r\n\r\n",
    "CONNECT h:443 HTTP/1.1\r\nHost: h:443\r\n\r\n",
};

TEST(h1_parser, tells_what_a_sound_head_says) {
  const std::vector<std::string> expected = {
      "GET / path=/ query= host=h [Host=h] keep",
      "GET /a%20b?x=1&y path=/a%20b query=x=1&y host=example.com:8080 [Host=example.com:8080] [Accept=*/*] [X-Empty=] "
      "keep",
      "POST /up path=/up query= host=h [Host=h] [Content-Length=5] length=5 keep body",
      "PUT /up path=/up query= host=h [host=h] [transfer-encoding=Chunked] [Expect=100-continue] keep body chunked "
      "expect",
      "GET / path=/ query= host= 1.0",
      "GET / path=/ query= host= [Connection=keep-alive] keep 1.0",
      "OPTIONS * path=* query= host=h [Host=h] keep",
      "GET http://other:81/p?q path=/p query=q host=other:81 [Host=h] keep",
      "CONNECT h:443 path= query= host=h:443 [Host=h:443] keep",
  };
  for (std::size_t i = 0; i < sound.size(); ++i) EXPECT_EQ(parsed(sound[i]), expected[i]);
}

TEST(h1_parser, says_the_same_wherever_the_input_is_split) {
  std::vector<std::string> inputs = sound;
  inputs.insert(inputs.end(), {
                                  "GET / HTTP/1.1\r\n\r\n",
                                  "GET / HTTP/1.1\nHost: h\n\n",
                                  "GET / HTTP/1.1\r\nHost: h\r\n folded\r\n\r\n",
                                  "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
                                  "POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 1\r\nContent-Length: 1\r\n\r\n",
                                  "\r\n\r\n\r\nGET / HTTP/1.1\r\nHost: h\r\n\r\n",
                              });
  for (const auto& input : inputs) {
    const auto whole = parsed(input);
    EXPECT_EQ(parsed_in_pieces(input, {1}), whole) << input;
    for (std::size_t at = 1; at < input.size(); ++at) {
      EXPECT_EQ(parsed_in_pieces(input, {at, input.size()}), whole) << input << " at " << at;
    }
  }
}

TEST(h1_parser, says_the_same_whatever_follows_the_head) {
  std::vector<std::string> inputs = sound;
  inputs.insert(inputs.end(),
                {"GET / X\r\n\r\n", "GET / HTTP/1.1\r\n\r\n", "GET\r\n\r\n", "GET / HTTP/1.1\r\nX\r\n\r\n"});
  for (const auto& input : inputs) {
    for (const char* next : {"\n", "\0", " x: y\r\n\r\n", "GET / HTTP/1.1\r\nHost: h\r\n\r\n"}) {
      EXPECT_EQ(parsed(input + next), parsed(input)) << input << next;
    }
  }
}

TEST(h1_parser, tells_a_bare_line_feed_before_the_head_is_complete) {
  EXPECT_EQ(parsed("GET / HTTP/1.1\n"), "400 line feed without carriage return");
  EXPECT_EQ(parsed("GET / HTTP/2.0\r\n(\r\nA\n"), "400 line feed without carriage return");
  EXPECT_EQ(parsed("GET / HTTP/2.0\r\n(\r\nA"), "more");
}

TEST(h1_parser, asks_for_more_until_the_last_byte_of_the_head) {
  for (const auto& input : sound) {
    for (std::size_t size = 0; size < input.size(); ++size) {
      EXPECT_EQ(parsed(std::string_view(input).substr(0, size)), "more") << input << " of " << size;
    }
  }
}

TEST(h1_parser, consumes_one_head_and_leaves_what_follows) {
  const std::string first = "\r\nPOST /1 HTTP/1.1\r\nHost: h\r\nContent-Length: 3\r\n\r\n";
  const std::string input = first + "abcGET /2 HTTP/1.1\r\nHost: h\r\n\r\n";
  request r;
  message_info i;
  std::size_t scanned = 0;
  const auto h = parse_head(input, scanned, {}, r, i);
  EXPECT_EQ(h.what, kind::done);
  EXPECT_EQ(h.consumed, first.size());
  EXPECT_EQ(r.path(), "/1");
}

TEST(h1_parser, tells_blank_lines_from_the_beginning_of_a_request) {
  for (const auto& [input, blank] : {std::pair{""s, 0u},
                                     {"\r"s, 0u},
                                     {"\r\n"s, 2u},
                                     {"\r\n\r"s, 2u},
                                     {"\r\n\r\n"s, 4u},
                                     {"\r\n\r\nG"s, 4u},
                                     {"G"s, 0u}}) {
    request r;
    message_info i;
    std::size_t scanned = 0;
    const auto h = parse_head(input, scanned, {}, r, i);
    EXPECT_EQ(h.what, kind::need_more) << input;
    EXPECT_EQ(h.consumed, blank) << input;
  }
  EXPECT_EQ(status_of(parsed("\r\n\r\n\r\n")), 400);
  EXPECT_EQ(status_of(parsed("\n")), 400);
}

TEST(h1_parser, refuses_what_is_no_http_with_the_first_byte) {
  EXPECT_EQ(parsed("\x16\x03\x01"), "400 malformed method");
  EXPECT_EQ(parsed(" "), "400 malformed method");
  EXPECT_EQ(parsed("\0"s), "400 malformed method");
}

TEST(h1_parser, refuses_malformed_request_lines) {
  const std::pair<std::string, int> lines[] = {
      {"GET /", 400},
      {"GET / ", 400},
      {"GET", 400},
      {"GET  / HTTP/1.1", 400},
      {"GET /  HTTP/1.1", 400},
      {"GET / HTTP/1.1 ", 400},
      {"GET\t/ HTTP/1.1", 400},
      {"GET /\tHTTP/1.1", 400},
      {"G(T / HTTP/1.1", 400},
      {"G\xc3\x89T / HTTP/1.1", 400},
      {"GET / http/1.1", 400},
      {"GET / HTTP/1", 400},
      {"GET / HTTP/11", 400},
      {"GET / HTTP/1.10", 400},
      {"GET / HTTP/01.1", 400},
      {"GET / HTTQ/1.1", 400},
      {"GET / HTTP/1,1", 400},
      {"GET / HTTP/1.2", 505},
      {"GET / HTTP/0.9", 505},
      {"GET / HTTP/2.0", 505},
      {"PRI * HTTP/2.0", 505},
      {"GET / HTTP/9.9", 505},
      {"GET  HTTP/1.1", 400},
      {"GET a HTTP/1.1", 400},
      {"GET * HTTP/1.1", 400},
      {"GET h:80 HTTP/1.1", 400},
      {"GET ? HTTP/1.1", 400},
      {"GET /a b HTTP/1.1", 400},
      {"GET /a\x01 HTTP/1.1", 400},
      {"GET /a\x7f HTTP/1.1", 400},
      {"GET /\xc3\xa9 HTTP/1.1", 400},
      {"GET /\x80 HTTP/1.1", 400},
      {"GET /a#b HTTP/1.1", 400},
      {"GET /\0 HTTP/1.1"s, 400},
      {"GET ftp://h/ HTTP/1.1", 400},
      {"GET http:// HTTP/1.1", 400},
      {"GET http:///a HTTP/1.1", 400},
      {"GET http://:80/ HTTP/1.1", 400},
      {"GET http://u@h/ HTTP/1.1", 400},
      {"GET http:/h HTTP/1.1", 400},
      {"GET http HTTP/1.1", 400},
      {"OPTIONS ** HTTP/1.1", 400},
      {"CONNECT / HTTP/1.1", 400},
      {"CONNECT h HTTP/1.1", 400},
      {"CONNECT h: HTTP/1.1", 400},
      {"CONNECT :80 HTTP/1.1", 400},
      {"CONNECT http://h/ HTTP/1.1", 400},
  };
  for (const auto& [line, status] : lines) {
    const auto verdict = parsed(line + "\r\nHost: h\r\n\r\n");
    EXPECT_EQ(status_of(verdict), status) << line << ": " << verdict;
  }
}

TEST(h1_parser, accepts_every_form_of_target_that_is_one) {
  for (const char* line : {"GET http://h HTTP/1.1", "GET HTTPS://h:443?q HTTP/1.1", "OPTIONS http://h HTTP/1.1",
                           "GET http://[::1]:80/ HTTP/1.1", "GET //x HTTP/1.1", "GET /a|{b}\"<> HTTP/1.1",
                           "GET /% HTTP/1.1", "CONNECT [::1]:443 HTTP/1.1", "M-SEARCH * HTTP/1.1"}) {
    const auto verdict = parsed(std::string(line) + "\r\nHost: h\r\n\r\n");
    EXPECT_EQ(status_of(verdict), std::string_view(line).starts_with("M-") ? 400 : 0) << line << ": " << verdict;
  }
  EXPECT_EQ(parsed("GET http://h?q HTTP/1.1\r\nHost: x\r\n\r\n"), "GET http://h?q path=/ query=q host=h [Host=x] keep");
}

TEST(h1_parser, wants_exactly_one_sound_host) {
  EXPECT_EQ(parsed("GET / HTTP/1.1\r\n\r\n"), "400 no Host");
  EXPECT_EQ(parsed("GET http://h/ HTTP/1.1\r\n\r\n"), "400 no Host");
  EXPECT_EQ(parsed("GET / HTTP/1.1\r\nHost: h\r\nHost: h\r\n\r\n"), "400 more than one Host");
  EXPECT_EQ(parsed("GET / HTTP/1.0\r\nHost: a\r\nhost: b\r\n\r\n"), "400 more than one Host");
  for (const char* bad :
       {"a b", "a,b", "u@h", "h/", "h:x", "h:80:81", "[::1", "::1", "h:123456", "h?", "\xc3\xa9", "[]"}) {
    EXPECT_EQ(status_of(parsed("GET / HTTP/1.1\r\nHost: "s + bad + "\r\n\r\n")), 400) << bad;
  }
  for (const char* good : {"", "h", "h:", "h:80", "127.0.0.1:1", "[::1]", "[fe80::1%25eth0]:8080", "a_b.c-d", "x%20"}) {
    EXPECT_EQ(status_of(parsed("GET / HTTP/1.1\r\nHost: "s + good + "\r\n\r\n")), 0) << good;
  }
}

TEST(h1_parser, refuses_what_two_parsers_could_read_differently) {
  const std::pair<std::string, int> headers[] = {
      {"Content-Length: 5\r\nContent-Length: 5\r\n", 400},
      {"Content-Length: 5\r\nContent-Length: 6\r\n", 400},
      {"Content-Length: 5, 5\r\n", 400},
      {"Content-Length: 5,\r\n", 400},
      {"Content-Length: \r\n", 400},
      {"Content-Length: -1\r\n", 400},
      {"Content-Length: +1\r\n", 400},
      {"Content-Length: 0x10\r\n", 400},
      {"Content-Length: 1 2\r\n", 400},
      {"Content-Length: 5a\r\n", 400},
      {"Content-Length: 18446744073709551616\r\n", 400},
      {"Content-Length: 99999999999999999999999\r\n", 400},
      {"Content-Length : 5\r\n", 400},
      {"Content-Length\t: 5\r\n", 400},
      {"Transfer-Encoding: chunked\r\nContent-Length: 5\r\n", 400},
      {"Content-Length: 5\r\nTransfer-Encoding: chunked\r\n", 400},
      {"Content-Length: 0\r\nTransfer-Encoding: chunked\r\n", 400},
      {"Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n", 400},
      {"Transfer-Encoding: gzip\r\n", 501},
      {"Transfer-Encoding: gzip, chunked\r\n", 501},
      {"Transfer-Encoding: chunked, gzip\r\n", 501},
      {"Transfer-Encoding: chunked, chunked\r\n", 501},
      {"Transfer-Encoding: xchunked\r\n", 501},
      {"Transfer-Encoding: chunked;q=1\r\n", 501},
      {"Transfer-Encoding: \"chunked\"\r\n", 501},
      {"Transfer-Encoding: identity\r\n", 501},
      {"Transfer-Encoding:\r\n", 501},
      {"Transfer-Encoding: ,chunked\r\n", 501},
      {"Transfer-Encoding: \x0b"
       "chunked\r\n",
       400},
      {"Transfer-Encoding\r\n: chunked\r\n", 400},
      {"X: a\r\n b\r\n", 400},
      {"X: a\r\n\tb\r\n", 400},
      {"X: a\r\n \r\n", 400},
      {"Expect:\r\n 100-continue\r\n", 400},
      {"X: a\nY: b\r\n", 400},
      {"X: a\rY: b\r\n", 400},
      {"X: a\r\r\n", 400},
      {"X: a\0b\r\n"s, 400},
      {"X: a\x01\r\n", 400},
      {"X: a\x7f\r\n", 400},
      {"X : a\r\n", 400},
      {"X\r\n", 400},
      {": a\r\n", 400},
      {" X: a\r\n", 400},
      {"X Y: a\r\n", 400},
      {"X(: a\r\n", 400},
      {"X\xc3\xa9: a\r\n", 400},
      {"Expect: 200-ok\r\n", 417},
      {"Connection: keep-alive close\r\n", 400},
      {"Connection: close;q=1\r\n", 400},
      {"Connection: \"close\"\r\n", 400},
      {"Proxy-Connection: a b\r\n", 400},
  };
  for (const auto& [lines, status] : headers) {
    const auto verdict = with(lines);
    EXPECT_EQ(status_of(verdict), status) << lines << ": " << verdict;
  }
  EXPECT_EQ(status_of(parsed("POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n")), 400);
  EXPECT_EQ(status_of(parsed("GET / HTTP/1.1\r\n Host: h\r\n\r\n")), 400);
}

TEST(h1_parser, accepts_what_is_unusual_but_clear) {
  EXPECT_THAT(with("Content-Length: 18446744073709551615\r\n"), testing::HasSubstr("length=18446744073709551615"));
  EXPECT_THAT(with("Content-Length: 007\r\n"), testing::HasSubstr("length=7"));
  EXPECT_THAT(with("Content-Length: \t 7 \t\r\n"), testing::HasSubstr("length=7"));
  EXPECT_THAT(with("Content-Length: 0\r\n"), testing::Not(testing::HasSubstr(" body")));
  EXPECT_THAT(with("X: \xc3\xa9\ta\r\n"), testing::HasSubstr("[X=\xc3\xa9\ta]"));
  EXPECT_THAT(with("X:a\r\nx: b\r\n"), testing::HasSubstr("[X=a] [x=b]"));
  EXPECT_THAT(with("!#$%&'*+-.^_`|~09: v\r\n"), testing::HasSubstr("[!#$%&'*+-.^_`|~09=v]"));
}

TEST(h1_parser, tells_whether_the_connection_goes_on) {
  const auto keeps = [](const std::string& version, const std::string& connection) {
    const auto lines = connection.empty() ? "" : "Connection: " + connection + "\r\n";
    const auto verdict = parsed("GET / HTTP/" + version + "\r\nHost: h\r\n" + lines + "\r\n");
    EXPECT_EQ(status_of(verdict), 0) << verdict;
    return verdict.find(" keep") != std::string::npos;
  };
  EXPECT_TRUE(keeps("1.1", ""));
  EXPECT_TRUE(keeps("1.1", "keep-alive"));
  EXPECT_FALSE(keeps("1.1", "close"));
  EXPECT_FALSE(keeps("1.1", "Keep-Alive , CLOSE"));
  EXPECT_FALSE(keeps("1.1", "x\r\nConnection: close"));
  EXPECT_FALSE(keeps("1.1", ",, close\t,"));
  EXPECT_TRUE(keeps("1.1", "closed"));
  EXPECT_TRUE(keeps("1.1", "x\r\nProxy-Connection: close"));
  EXPECT_FALSE(keeps("1.0", ""));
  EXPECT_TRUE(keeps("1.0", "Keep-Alive"));
  EXPECT_FALSE(keeps("1.0", "keep-alive, close"));
}

TEST(h1_parser, holds_its_limits_to_the_byte) {
  const std::string head = "GET / HTTP/1.1\r\nHost: h\r\nX: " + std::string(200, 'x') + "\r\n\r\n";
  EXPECT_EQ(status_of(parsed(head, {.head_bytes = head.size()})), 0);
  EXPECT_EQ(parsed(head, {.head_bytes = head.size() - 1}), "431 head too large");
  EXPECT_EQ(parsed_in_pieces(head, {1}, {.head_bytes = head.size() - 1}), "431 head too large");
  EXPECT_EQ(status_of(parsed("\r\n\r\n" + head, {.head_bytes = head.size()})), 0);

  EXPECT_EQ(parsed(head + "\n", {.head_bytes = head.size() - 1}), "431 head too large");
  EXPECT_EQ(parsed(head.substr(0, 40) + "\n" + head, {.head_bytes = 40}), "431 head too large");
  EXPECT_EQ(parsed(head.substr(0, 40) + "\n" + head, {.head_bytes = 41}), "400 line feed without carriage return");

  const std::string line = "GET /" + std::string(200, 'x');
  EXPECT_EQ(parsed(line, {.head_bytes = 100}), "414 target too long");
  EXPECT_EQ(parsed_in_pieces(line, {1}, {.head_bytes = 100}), "414 target too long");
  EXPECT_EQ(parsed(std::string(20'000, 'G')), "414 target too long");

  const auto headers = [](int n) {
    std::string s = "GET / HTTP/1.1\r\nHost: h\r\n";
    for (int i = 1; i < n; ++i) s += "a:\r\n";
    return s + "\r\n";
  };
  EXPECT_EQ(status_of(parsed(headers(100))), 0);
  EXPECT_EQ(parsed(headers(101)), "431 too many header fields");
}

TEST(h1_parser, a_head_of_the_largest_size_is_parsed_when_limits_say_so) {
  const std::string head = "GET /" + std::string(900'000, 'x') + " HTTP/1.1\r\nHost: h\r\n\r\n";
  EXPECT_EQ(status_of(parsed(head, {.head_bytes = 1 << 20})), 0);
}

TEST(h1_parser, the_same_request_object_is_used_again_without_a_trace) {
  request r;
  message_info i;
  std::size_t scanned = 0;
  const std::string first =
      "POST /a?b HTTP/1.1\r\nHost: h\r\nX: 1\r\nContent-Length: 9\r\nExpect: 100-continue\r\n\r\n";
  ASSERT_EQ(parse_head(first, scanned, {}, r, i).what, kind::done);
  scanned = 0;
  const std::string second = "GET / HTTP/1.0\r\n\r\n";
  ASSERT_EQ(parse_head(second, scanned, {}, r, i).what, kind::done);
  EXPECT_EQ(told({kind::done, 0, 0, ""}, r, i), "GET / path=/ query= host= 1.0");
}

TEST(h1_parser, damaged_heads_never_make_it_crash_or_change_its_mind) {
  const auto seed = std::random_device{}();
  std::mt19937 random(seed);
  const std::string interesting = "\r\n\t :/?#%\0,;@[]HTP1.0"s;
  for (int n = 0; n < 20'000; ++n) {
    std::string input = sound[random() % sound.size()];
    for (auto damage = random() % 4 + 1; damage > 0; --damage) {
      const auto at = random() % input.size();
      const char c = random() % 2 ? interesting[random() % interesting.size()] : static_cast<char>(random());
      switch (random() % 3) {
        case 0:
          input[at] = c;
          break;
        case 1:
          input.insert(at, 1, c);
          break;
        default:
          input.erase(at, 1);
          break;
      }
      if (input.empty()) input = "G";
    }
    const auto whole = parsed(input);
    ASSERT_EQ(parsed_in_pieces(input, {random() % input.size() + 1, 1}), whole) << "seed " << seed << ": " << input;
  }
}

}  // namespace lastcall::http::detail::h1_parser_test
