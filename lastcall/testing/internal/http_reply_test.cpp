#include "lastcall/testing/internal/http_reply.hpp"

#include <gtest/gtest.h>

#include <string>

namespace lastcall::testing::http_reply_test {

constexpr std::string_view hello = "HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\nhello\n";
constexpr std::string_view chunked =
    "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5;x=y\r\nhello\r\nA\r\n0123456789\r\n0\r\nX: y\r\n\r\n";

http_reply read(std::string_view text, bool head_request = false) {
  http_reply reply;
  reply.begin(head_request);
  reply.take(text);
  return reply;
}

const char* fault_of(std::string_view text) {
  const auto reply = read(text);
  return reply.malformed() ? reply.fault() : "";
}

TEST(http_reply, reads_a_response_with_a_length) {
  const auto reply = read(hello);
  EXPECT_TRUE(reply.complete());
  EXPECT_EQ(reply.status(), 200);
  EXPECT_EQ(reply.body_bytes(), 6u);
  EXPECT_EQ(reply.body_start(), "hello\n");
  EXPECT_FALSE(reply.closes());
}

TEST(http_reply, reads_the_same_however_it_is_sliced) {
  for (const auto whole : {hello, chunked}) {
    for (std::size_t cut = 0; cut <= whole.size(); ++cut) {
      http_reply reply;
      reply.begin();
      EXPECT_EQ(reply.take(whole.substr(0, cut)), cut);
      EXPECT_EQ(reply.complete(), cut == whole.size()) << cut;
      EXPECT_EQ(reply.take(whole.substr(cut)), whole.size() - cut);
      EXPECT_TRUE(reply.complete()) << cut << ": " << (reply.malformed() ? reply.fault() : "");
    }
    http_reply reply;
    reply.begin();
    for (const char c : whole) EXPECT_EQ(reply.take({&c, 1}), 1u);
    EXPECT_TRUE(reply.complete());
  }
  EXPECT_EQ(read(chunked).body_bytes(), 15u);
}

TEST(http_reply, leaves_what_follows_the_response) {
  http_reply reply;
  reply.begin();
  EXPECT_EQ(reply.take(std::string(hello) + "HTTP/1.1 200 OK\r\n"), hello.size());
  EXPECT_TRUE(reply.complete());
}

TEST(http_reply, completes_a_body_without_length_at_the_end_of_the_connection_only) {
  auto reply = read("HTTP/1.1 200 OK\r\n\r\nsome");
  EXPECT_FALSE(reply.complete());
  EXPECT_TRUE(reply.closes());
  reply.take_end();
  EXPECT_TRUE(reply.complete());
  EXPECT_EQ(reply.body_bytes(), 4u);

  auto cut = read("HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\nhell");
  cut.take_end();
  EXPECT_FALSE(cut.complete());
  auto cut_head = read("HTTP/1.1 200 OK\r\nConte");
  cut_head.take_end();
  EXPECT_FALSE(cut_head.complete());
  auto cut_chunks = read(chunked.substr(0, chunked.size() - 2));
  cut_chunks.take_end();
  EXPECT_FALSE(cut_chunks.complete());
}

TEST(http_reply, knows_the_responses_without_a_body) {
  EXPECT_TRUE(read("HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\n", true).complete());
  EXPECT_TRUE(read("HTTP/1.1 204 No Content\r\n\r\n").complete());
  EXPECT_TRUE(read("HTTP/1.1 304 Not Modified\r\nContent-Length: 6\r\n\r\n").complete());
  EXPECT_TRUE(read("HTTP/1.1 200 OK\r\ncontent-length:0\r\n\r\n").complete());
}

TEST(http_reply, hears_that_the_connection_closes) {
  EXPECT_TRUE(read("HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 0\r\n\r\n").closes());
  EXPECT_TRUE(read("HTTP/1.1 200 OK\r\nconnection: foo , CLOSE\r\nContent-Length: 0\r\n\r\n").closes());
  EXPECT_FALSE(read("HTTP/1.1 200 OK\r\nConnection: keep-alive\r\nContent-Length: 0\r\n\r\n").closes());
  EXPECT_TRUE(read("HTTP/1.0 200 OK\r\nContent-Length: 0\r\n\r\n").closes());
  EXPECT_FALSE(read("HTTP/1.0 200 OK\r\nConnection: keep-alive\r\nContent-Length: 0\r\n\r\n").closes());
}

TEST(http_reply, reads_past_interim_responses) {
  const auto reply =
      read("HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: a\r\n\r\n" + std::string(hello));
  EXPECT_TRUE(reply.complete());
  EXPECT_EQ(reply.status(), 200);
}

TEST(http_reply, refuses_what_a_careful_client_would_not_trust) {
  EXPECT_STREQ(fault_of("hello\n"), "a line ends without CR");
  EXPECT_STREQ(fault_of("hello"), "not a status line");
  EXPECT_STREQ(fault_of("HTTP/2 200\r\n"), "not a status line");
  EXPECT_STREQ(fault_of("HTTP/1.1 2000 OK\r\n"), "not a status line");
  EXPECT_STREQ(fault_of("HTTP/1.1 099 OK\r\n"), "not a status line");
  EXPECT_STREQ(fault_of("HTTP/1.1 \r\n"), "not a status line");
  EXPECT_STREQ(fault_of("HTTP/1.1 200 OK\n"), "a line ends without CR");
  EXPECT_STREQ(fault_of("HTTP/1.1 101 Switch\r\n\r\n"), "101: nobody asked to switch protocols");
  const std::string ok = "HTTP/1.1 200 OK\r\n";
  EXPECT_STREQ(fault_of(ok + "Content-Length: 1\r\nContent-Length: 2\r\n"), "two different Content-Length fields");
  EXPECT_STREQ(fault_of(ok + "Content-Length: -1\r\n"), "Content-Length is not a number");
  EXPECT_STREQ(fault_of(ok + "Content-Length: \r\n"), "Content-Length is not a number");
  EXPECT_STREQ(fault_of(ok + "Content-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n"),
               "Content-Length beside Transfer-Encoding");
  EXPECT_STREQ(fault_of(ok + "Transfer-Encoding: gzip, chunked\r\n"), "a Transfer-Encoding other than chunked");
  EXPECT_STREQ(fault_of(ok + "A: b\r\n folded\r\n"), "a field without a proper name");
  EXPECT_STREQ(fault_of(ok + "A : b\r\n"), "a field without a proper name");
  EXPECT_STREQ(fault_of(ok + "Transfer-Encoding: chunked\r\n\r\nxyz\r\n"), "a chunk size is not a number");
  EXPECT_STREQ(fault_of(ok + "Transfer-Encoding: chunked\r\n\r\n1\r\nab\r\n"), "a chunk is longer than its size");
  EXPECT_STREQ(fault_of(ok + "A: " + std::string(70000, 'x')), "the head is longer than 64 KiB");
}

TEST(http_reply, begins_anew_for_the_next_request) {
  http_reply reply;
  reply.begin();
  EXPECT_FALSE(reply.begun());
  reply.take("HTTP/1.1 500 No\r\nConnection: close\r\nContent-Length: 1\r\n\r\nx");
  reply.begin();
  EXPECT_FALSE(reply.begun());
  EXPECT_FALSE(reply.closes());
  reply.take(hello);
  EXPECT_EQ(reply.status(), 200);
  EXPECT_EQ(reply.body_bytes(), 6u);
}

}  // namespace lastcall::testing::http_reply_test
