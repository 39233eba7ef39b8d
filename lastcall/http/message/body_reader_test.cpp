#include "lastcall/http/message/body_reader.hpp"

#include <gmock/gmock.h>

#include <cstdint>
#include <random>
#include <string>
#include <string_view>

namespace lastcall::http::detail::body_reader_test {

using kind = body_result::kind;

message_info sized(std::uint64_t n) {
  message_info i;
  i.content_length = n;
  i.has_body = n > 0;
  return i;
}

message_info chunked() {
  message_info i;
  i.chunked = i.has_body = true;
  return i;
}

/// "done BODY (rest REST)", "more BODY", or "400 why".
std::string read(const message_info& info, std::string_view input, std::size_t piece = SIZE_MAX,
                 std::uint64_t limit = 1000) {
  body_reader reader(info, limit);
  std::string out;
  body_result r = reader.feed({}, out);
  std::size_t at = 0;
  while (r.what == kind::need_more && at < input.size()) {
    const auto part = input.substr(at, piece);
    r = reader.feed(part, out);
    EXPECT_LE(r.consumed, part.size());
    if (r.what == kind::need_more) {
      EXPECT_EQ(r.consumed, part.size());
    }
    at += r.consumed;
  }
  if (r.what == kind::error) return std::to_string(r.status) + ' ' + r.why;
  if (r.what == kind::need_more) return "more " + out;
  EXPECT_EQ(reader.feed("next", out).consumed, 0u);
  return "done " + out + " (rest " + std::string(input.substr(at)) + ')';
}

TEST(body_reader, a_message_without_a_body_is_done_at_once) {
  EXPECT_EQ(read({}, "GET"), "done  (rest GET)");
  EXPECT_EQ(read(sized(0), "GET"), "done  (rest GET)");
}

TEST(body_reader, reads_as_much_as_content_length_says) {
  EXPECT_EQ(read(sized(5), "hello"), "done hello (rest )");
  EXPECT_EQ(read(sized(5), "helloGET"), "done hello (rest GET)");
  EXPECT_EQ(read(sized(5), "hell"), "more hell");
  EXPECT_EQ(read(sized(5), "helloGET", 2), "done hello (rest GET)");
}

TEST(body_reader, refuses_a_large_body_before_it_comes) {
  EXPECT_EQ(read(sized(1000), ""), "more ");
  EXPECT_EQ(read(sized(1001), ""), "413 body too large");
  EXPECT_EQ(read(sized(UINT64_MAX), ""), "413 body too large");
  EXPECT_EQ(read(chunked(), "3e9\r"), "413 body too large");
  EXPECT_EQ(read(chunked(), "3e8\r\n"), "more ");
  EXPECT_EQ(read(chunked(), "2\r\nab\r\n2\r\ncd\r\n", SIZE_MAX, 3), "413 body too large");
  EXPECT_EQ(read(chunked(), "2\r\nab\r\n1\r\nc\r\n0\r\n\r\n", SIZE_MAX, 3), "done abc (rest )");
  EXPECT_EQ(read(chunked(), "0\r\n\r\n", SIZE_MAX, 0), "done  (rest )");
  EXPECT_EQ(read(chunked(), "ffffffffffffffff\r\n"), "413 body too large");
}

TEST(body_reader, decodes_chunks_wherever_they_are_split) {
  const std::pair<std::string, std::string> cases[] = {
      {"0\r\n\r\n", "done  (rest )"},
      {"5\r\nhello\r\n0\r\n\r\nGET", "done hello (rest GET)"},
      {"5\r\nhello\r\n6\r\n world\r\n0\r\n\r\n", "done hello world (rest )"},
      {"A\r\n0123456789\r\n0a\r\n0123456789\r\n00\r\n\r\n", "done 01234567890123456789 (rest )"},
      {"2;name=value;q=\"q;\\\"\"\r\n\r\n\r\n0;x\r\n\r\n", "done \r\n (rest )"},
      {"1; a\t= b ;\tc = \"d\" ;e\r\nx\r\n0;f=\"\t\xff\"\r\n\r\n", "done x (rest )"},
      {"1\r\nx\r\n0\r\nTrailer: value\r\nOther:\r\n\r\nGET", "done x (rest GET)"},
      {"5\r\nhello\r\n0\r\n", "more hello"},
      {"5\r\nhel", "more hel"},
      {"0000000000000001\r\nx\r\n0\r\n\r\n", "done x (rest )"},
  };
  for (const auto& [input, expected] : cases) {
    for (std::size_t piece = 1; piece <= input.size(); ++piece) {
      EXPECT_EQ(read(chunked(), input, piece), expected) << input << " in pieces of " << piece;
    }
  }
}

TEST(body_reader, refuses_malformed_chunks_wherever_they_are_split) {
  const std::string cases[] = {
      "\r\n",
      "g\r\n",
      " 1\r\nx\r\n",
      "1 \r\nx\r\n",
      "1 ;a\r\nx\r\n",
      "-1\r\n",
      "+1\r\n",
      "0x1\r\n",
      "1\nx\r\n",
      "1\rx",
      "1\r\nx\n",
      "1\r\nxy\r\n",
      "1\r\nx\rz",
      "1\r\nx\r\n\r\n",
      "00000000000000001\r\n",
      "10000000000000000\r\n",
      "1;a\nx\r\n",
      "1;\r\nx\r\n",
      "1;=\r\nx\r\n",
      "1;=b\r\nx\r\n",
      "1;a=\r\nx\r\n",
      "1;a= \r\nx\r\n",
      "1;a=\"x\r\nx\r\n",
      "1;a=\"x\\\r\nx\r\n",
      "1;a=\"b\"c\r\nx\r\n",
      "1;a=\"b\" c\r\nx\r\n",
      "1;a=b\"\r\nx\r\n",
      "1;a=b=c\r\nx\r\n",
      "1;a b\r\nx\r\n",
      "1;a=b c\r\nx\r\n",
      "1;a \r\nx\r\n",
      "1;a=b \r\nx\r\n",
      "1;\"a\"\r\nx\r\n",
      "1;a;\r\nx\r\n",
      "1;;a\r\nx\r\n",
      "1;a,b\r\nx\r\n",
      "1;a\rb\r\nx",
      std::string("1;\0\r\nx", 6),
      "0\r\n\n",
      "0\r\n\r\r",
      "0\r\nA\r\n",
      "0\r\nA :b\r\n",
      "0\r\n: b\r\n",
      "0\r\nA: b\n",
      "0\r\nA: b\rc",
      "0\r\nA: \x01",
      "0\r\n A: b\r\n",
      "0\r\nA: b\r\n c\r\n\r\n",
  };
  for (const auto& input : cases) {
    for (std::size_t piece = 1; piece <= input.size(); ++piece) {
      EXPECT_EQ(read(chunked(), input, piece).substr(0, 4), "400 ") << input << " in pieces of " << piece;
    }
  }
}

TEST(body_reader, bounds_what_it_reads_only_to_drop) {
  const std::string most(body_reader::ignored_bytes - 1, 'x');
  EXPECT_EQ(read(chunked(), "1;" + most + "x\r\nx\r\n0\r\n\r\n"), "done x (rest )");
  EXPECT_EQ(read(chunked(), "1;" + most + "xx\r\nx\r\n0\r\n\r\n"), "400 chunk extensions and trailers too large");
  EXPECT_EQ(read(chunked(), "0\r\n" + most + "xx: "), "400 chunk extensions and trailers too large");
  std::string many;
  for (std::size_t i = 0; i < body_reader::ignored_bytes / 2; ++i) many += "1;ab\r\nx\r\n";
  EXPECT_EQ(read(chunked(), many + "1;a", SIZE_MAX, 1 << 20), "400 chunk extensions and trailers too large");
}

TEST(body_reader, stays_refused) {
  body_reader reader(chunked(), 10);
  std::string out;
  EXPECT_EQ(reader.feed("x", out).status, 400);
  const auto again = reader.feed("0\r\n\r\n", out);
  EXPECT_EQ(again.what, kind::error);
  EXPECT_EQ(again.status, 400);
  EXPECT_STREQ(again.why, "malformed chunk size");
}

TEST(body_reader, gives_back_any_body_cut_into_any_chunks_and_pieces) {
  const auto seed = std::random_device{}();
  std::mt19937 random(seed);
  for (int n = 0; n < 500; ++n) {
    std::string body, wire;
    for (auto chunks = random() % 6; chunks > 0; --chunks) {
      std::string chunk(random() % 40 + 1, ' ');
      for (char& c : chunk) c = static_cast<char>(random());
      char size[8];
      std::snprintf(size, sizeof size, "%zx", chunk.size());
      body += chunk;
      wire.append(size).append("\r\n").append(chunk).append("\r\n");
    }
    wire += "0\r\n\r\nrest";
    ASSERT_EQ(read(chunked(), wire, random() % 50 + 1), "done " + body + " (rest rest)") << "seed " << seed;
  }
}

}  // namespace lastcall::http::detail::body_reader_test
