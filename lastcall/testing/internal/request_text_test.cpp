#include "lastcall/testing/internal/request_text.hpp"

#include <gmock/gmock.h>

#include <stdexcept>

namespace lastcall::testing::request_text_test {

using ::testing::HasSubstr;
using ::testing::ThrowsMessage;

const server_address server = parse_server_address("http://127.0.0.1:80");

std::string text(const char* load, const request_options& o = {}) {
  check(o);
  return request_text(parse_load(load), server, o);
}

TEST(request_text, is_that_of_a_plain_client) {
  const std::string rest = " HTTP/1.1\r\nHost: " + server.host + "\r\nUser-Agent: lastcall-probe\r\nAccept: */*\r\n";
  EXPECT_EQ(text("busy,path=/a"), "GET /a" + rest + "\r\n");
  EXPECT_EQ(text("fresh,path=/a"), "GET /a" + rest + "Connection: close\r\n\r\n");
  EXPECT_EQ(text("upload,path=/a,bytes=9"),
            "POST /a" + rest + "Content-Type: application/octet-stream\r\nContent-Length: 9\r\n\r\n");
}

TEST(request_text, has_the_headers_the_method_and_the_body_that_were_asked_for) {
  const request_options json{.headers = {"host: b", "X-Key: a: b", "Content-Type: application/json"}, .body = "{}"};
  EXPECT_EQ(text("busy,path=/a", json),
            "POST /a HTTP/1.1\r\nUser-Agent: lastcall-probe\r\nAccept: */*\r\nhost: b\r\nX-Key: a: b\r\n"
            "Content-Type: application/json\r\nContent-Length: 2\r\n\r\n{}");
  EXPECT_THAT(text("busy", {.method = "PUT", .body = "x"}), HasSubstr("PUT /"));
  EXPECT_THAT(text("busy", {.method = "DELETE"}), ::testing::Not(HasSubstr("Content-Length")));
  const std::string upload = text("upload,path=/a,bytes=9", json);
  EXPECT_THAT(upload, HasSubstr("application/json\r\nContent-Length: 9\r\n"));
  EXPECT_THAT(upload, ::testing::EndsWith("\r\n\r\n"));
}

TEST(request_text, refuses_what_would_be_no_request) {
  const auto refusal = [](const request_options& o, const char* why) {
    EXPECT_THAT([&] { check(o); }, ThrowsMessage<std::invalid_argument>(HasSubstr(why)));
  };
  for (const char* header : {"", "X-Key", ": a", "a b: c", "a: b\r\nc: d"}) {
    refusal({.headers = {header}}, "give 'Name: value'");
  }
  refusal({.headers = {"content-length: 5"}}, "the client says this itself");
  refusal({.method = "GET /"}, "method 'GET /': give GET");
  refusal({.method = "CONNECT"}, "method 'CONNECT'");
}

}  // namespace lastcall::testing::request_text_test
