#include "lastcall/http/ws/ws_handshake.hpp"

#include <gmock/gmock.h>

#include "lastcall/http/h1/h1_parser.hpp"
#include "lastcall/http/message/limits.hpp"
#include "lastcall/http/ws/websocket.hpp"

namespace lastcall::ws::detail::ws_handshake_test {

TEST(ws_handshake, answers_a_key_as_the_rfc_does) {
  EXPECT_EQ(accept_for("dGhlIHNhbXBsZSBub25jZQ=="), "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=");
  EXPECT_EQ(accept_for("x3JJHMbDL1EzLkh9GBhXDw=="), "HSmrc0sMlYUkAGmm5OPpG2HaGWk=");
}

const std::string sound =
    "Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
    "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n";

handshake read(const std::string& headers, const stream_options& o = {}, const std::string& verb = "GET") {
  const std::string head = verb + " /chat HTTP/1.1\r\nHost: a\r\n" + headers + "\r\n";
  http::request r;
  http::detail::message_info info;
  std::size_t scanned = 0;
  EXPECT_EQ(http::detail::parse_head(head, scanned, {}, r, info).what, http::detail::head_result::kind::done) << head;
  return read_handshake(r, o);
}

std::string without(const std::string& name) {
  std::string some = sound;
  const auto from = some.find(name + ":");
  return some.erase(from, some.find("\r\n", from) + 2 - from);
}

TEST(ws_handshake, agrees_to_what_is_sound) {
  EXPECT_EQ(read(sound).status, 101);
  EXPECT_EQ(read(sound).accept, "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=");
  EXPECT_EQ(read(without("Connection") + "Connection: keep-alive, upgrade\r\n").status, 101);
  EXPECT_EQ(read(without("Connection") + "Connection: keep-alive\r\nConnection: UPGRADE\r\n").status, 101);
  EXPECT_EQ(read(without("Upgrade") + "Upgrade: h2c, WebSocket\r\n").status, 101);
}

TEST(ws_handshake, says_what_is_missing_or_wrong) {
  const std::string key = without("Sec-WebSocket-Key") + "Sec-WebSocket-Key: ";
  EXPECT_EQ(read("").status, 426) << "a plain GET";
  EXPECT_EQ(read(sound, {}, "HEAD").status, 426);
  EXPECT_EQ(read(without("Upgrade")).status, 426);
  EXPECT_EQ(read(without("Upgrade") + "Upgrade: h2c\r\n").status, 426);
  EXPECT_EQ(read(without("Connection")).status, 400);
  EXPECT_EQ(read(without("Connection") + "Connection: keep-alive\r\n").status, 400);
  EXPECT_EQ(read(without("Sec-WebSocket-Version")).status, 400);
  EXPECT_EQ(read(without("Sec-WebSocket-Version") + "Sec-WebSocket-Version: 8\r\n").status, 426);
  EXPECT_EQ(read(sound + "Sec-WebSocket-Version: 13\r\n").status, 400);
  EXPECT_EQ(read(without("Sec-WebSocket-Key")).status, 400);
  EXPECT_EQ(read(sound + "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n").status, 400) << "two";
  EXPECT_EQ(read(key + "\r\n").status, 400);
  EXPECT_EQ(read(key + "dGhlIHNhbXBsZSBub25j\r\n").status, 400) << "15 bytes";
  EXPECT_EQ(read(key + "dGhlIHNhbXBsZSBub25jZWE=\r\n").status, 400) << "17 bytes";
  EXPECT_EQ(read(key + "dGhlIHNhbXBsZSBub25jZR==\r\n").status, 400) << "bits that fill are not zero";
  EXPECT_EQ(read(key + "dGhlIHNhbXBsZSBub25!ZQ==\r\n").status, 400);
  EXPECT_EQ(read(sound + "Transfer-Encoding: chunked\r\n").status, 400);
}

TEST(ws_handshake, agrees_on_our_first_subprotocol_that_is_offered) {
  const stream_options o{.subprotocols = {"v2", "v1"}};
  EXPECT_EQ(read(sound, o).subprotocol, "");
  EXPECT_EQ(read(sound + "Sec-WebSocket-Protocol: v1\r\n", o).subprotocol, "v1");
  EXPECT_EQ(read(sound + "Sec-WebSocket-Protocol: v1, v2\r\n", o).subprotocol, "v2");
  EXPECT_EQ(read(sound + "Sec-WebSocket-Protocol: v1\r\nSec-WebSocket-Protocol: v2\r\n", o).subprotocol, "v2");
  EXPECT_EQ(read(sound + "Sec-WebSocket-Protocol: V2\r\n", o).subprotocol, "") << "the case counts";
  EXPECT_EQ(read(sound + "Sec-WebSocket-Protocol: v3\r\n", o).status, 101);
  EXPECT_EQ(read(sound + "Sec-WebSocket-Protocol: a b\r\n", o).status, 400);
}

TEST(ws_handshake, lets_pages_in_by_their_origin) {
  const stream_options o{.origins = {"https://example.org"}};
  EXPECT_EQ(read(sound, o).status, 101) << "no browser";
  EXPECT_EQ(read(sound + "Origin: https://example.org\r\n", o).status, 101);
  EXPECT_EQ(read(sound + "Origin: https://example.org:8443\r\n", o).status, 403);
  EXPECT_EQ(read(sound + "Origin: null\r\n", o).status, 403);
  EXPECT_EQ(read(sound + "Origin: https://evil.example\r\n").status, 101) << "any";
}

}  // namespace lastcall::ws::detail::ws_handshake_test
