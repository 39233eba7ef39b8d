// What a route for WebSockets refuses when it is added.
#include <gtest/gtest.h>

#include <stdexcept>
#include <string>

#include "lastcall/http/routing/router.hpp"
#include "lastcall/http/ws/websocket.hpp"

namespace lastcall::ws::ws_route_test {

using namespace std::chrono_literals;

task<> echo(stream s) {
  while (const auto said = co_await s.read()) co_await s.write(*said);
}

TEST(ws_route, refuses_options_that_make_no_sense) {
  http::router r;
  EXPECT_THROW(r.websocket("/a", echo, {.pong_time = -1s}), std::invalid_argument);
  EXPECT_THROW(r.websocket("/a", echo, {.drain_code = 1006}), std::invalid_argument);
  EXPECT_THROW(r.websocket("/a", echo, {.max_message_bytes = 0}), std::invalid_argument);
}

TEST(ws_route, refuses_subprotocols_and_origins_that_can_never_match) {
  http::router r;
  for (const char* bad : {"", "a b", "a,b", "a\r\nX: y", "caf\xC3\xA9", "a/b"})
    EXPECT_THROW(r.websocket("/a", echo, {.subprotocols = {"chat", bad}}), std::invalid_argument) << bad;
  EXPECT_THROW(r.websocket("/a", echo, {.subprotocols = {"chat", "v1", "chat"}}), std::invalid_argument);
  for (const char* bad : {"",
                          "*",
                          "example.org",
                          "https://",
                          "https://example.org/",
                          "https://example.org/chat",
                          "https://a@example.org",
                          "https://example.org:443",
                          "http://example.org:80",
                          "HTTPS://example.org:443",
                          "wss://example.org",
                          "://a",
                          "https://example.org\r\nX: y",
                          "https://exam ple.org",
                          " https://example.org",
                          "https://b\xC3\xBC.de",
                          "https://example.org:",
                          "https://:8080",
                          "https://a:0",
                          "https://a:08080",
                          "https://a:65536",
                          "1s://a",
                          "https://a https://b",
                          "https://*.example.org"})
    EXPECT_THROW(r.websocket("/a", echo, {.origins = {"https://a", bad}}), std::invalid_argument) << bad;
  int n = 0;
  for (const char* good :
       {"null", "https://example.org", "http://localhost:8080", "https://example.org:80", "http://[::1]:3000",
        "https://xn--b-eha.de", "http://[::1]", "https://a:65535", "chrome-extension://abc", "app://x", "file://y"})
    EXPECT_NO_THROW(r.websocket("/b" + std::to_string(n++), echo, {.subprotocols = {"v1"}, .origins = {good}})) << good;
}

}  // namespace lastcall::ws::ws_route_test
