#include "lastcall/http/h1/h1_writer.hpp"

#include <gmock/gmock.h>

#include <string>

#include "lastcall/http/message/response.hpp"

namespace lastcall::http::detail::h1_writer_test {

const framing plain{.date = "D"};

std::string written(const response& r, const framing& f = plain) {
  std::string out;
  write_response(out, r, f);
  return out;
}

TEST(h1_writer, writes_status_date_length_headers_and_body) {
  EXPECT_EQ(
      written(text("hello\n")),
      "HTTP/1.1 200 OK\r\nDate: D\r\nContent-Length: 6\r\nContent-Type: text/plain; charset=utf-8\r\n\r\nhello\n");
  EXPECT_EQ(written(status_only(404)), "HTTP/1.1 404 Not Found\r\nDate: D\r\nContent-Length: 0\r\n\r\n");
  EXPECT_EQ(written(status_only(299)), "HTTP/1.1 299 \r\nDate: D\r\nContent-Length: 0\r\n\r\n");
}

TEST(h1_writer, head_gets_the_length_and_not_the_body) {
  EXPECT_EQ(written(response().body("12345"), {.date = "D", .head = true}),
            "HTTP/1.1 200 OK\r\nDate: D\r\nContent-Length: 5\r\n\r\n");
}

TEST(h1_writer, a_status_without_a_body_is_written_without_one_whatever_the_handler_set) {
  EXPECT_EQ(written(response(204).body("x")), "HTTP/1.1 204 No Content\r\nDate: D\r\n\r\n");
  EXPECT_EQ(written(response(304).body("x").header("ETag", "\"1\"")),
            "HTTP/1.1 304 Not Modified\r\nDate: D\r\nETag: \"1\"\r\n\r\n");
  EXPECT_EQ(written(response(205).body("x")), "HTTP/1.1 205 Reset Content\r\nDate: D\r\nContent-Length: 0\r\n\r\n");
}

TEST(h1_writer, says_what_becomes_of_the_connection_only_where_it_must) {
  const auto r = status_only(204);
  EXPECT_EQ(written(r, {.date = "D", .close = true}),
            "HTTP/1.1 204 No Content\r\nDate: D\r\nConnection: close\r\n\r\n");
  EXPECT_EQ(written(r, {.date = "D", .http_1_0 = true}),
            "HTTP/1.1 204 No Content\r\nDate: D\r\nConnection: keep-alive\r\n\r\n");
  EXPECT_EQ(written(r, {.date = "D", .close = true, .http_1_0 = true}),
            "HTTP/1.1 204 No Content\r\nDate: D\r\nConnection: close\r\n\r\n");
}

TEST(h1_writer, a_buffered_response_can_be_made_the_last) {
  for (const bool http_1_0 : {false, true}) {
    for (const char* body : {"", "Connection: close\r\n", "some body"}) {
      const auto r = response(201).header("X", "y").body(body);
      std::string out;
      write_response(out, text("before"), plain);
      const auto before = out;
      const auto at = write_response(out, r, {.date = "D", .http_1_0 = http_1_0});
      mark_close(out, at);
      const auto expected = before + written(r, {.date = "D", .close = true, .http_1_0 = http_1_0});
      EXPECT_EQ(out, expected);
      mark_close(out, at);
      EXPECT_EQ(out, expected) << "twice is once";
    }
  }
}

TEST(h1_writer, a_handlers_header_that_looks_like_the_servers_is_not_taken_for_it) {
  const auto r = response(204).header("Connection-Close", "no");
  std::string out;
  mark_close(out, write_response(out, r, plain));
  EXPECT_EQ(out, "HTTP/1.1 204 No Content\r\nDate: D\r\nConnection: close\r\nConnection-Close: no\r\n\r\n");
}

TEST(h1_writer, says_that_a_205_has_no_body_whatever_was_to_follow) {
  for (const body_framing by : {body_framing::length, body_framing::chunked, body_framing::until_close}) {
    std::string out;
    write_head(out, response(205), plain, by, 5);
    EXPECT_EQ(out, "HTTP/1.1 205 Reset Content\r\nDate: D\r\nContent-Length: 0\r\n\r\n");
  }
}

}  // namespace lastcall::http::detail::h1_writer_test
