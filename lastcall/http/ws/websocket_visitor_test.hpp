// For tests: a WebSocket client that says and hears frames one by one.
#pragma once

#include <gtest/gtest.h>

#include <string>
#include <string_view>

#include "lastcall/http/server/serving_test.hpp"
#include "lastcall/http/ws/ws_frame.hpp"

namespace lastcall::inline v0::ws {

struct visitor {
  explicit visitor(http::serving_test& of, std::string_view path = "/ws", std::string_view more = "",
                   int receive_buffer = 0)
      : c(of.enters(receive_buffer)) {
    c.say(handshake(path, more));
    answer = http::next_reply(c);
  }

  static std::string handshake(std::string_view path, std::string_view more = "") {
    return http::request_for(path, std::string("Upgrade: websocket\r\nConnection: Upgrade\r\n"
                                               "Sec-WebSocket-Version: 13\r\n"
                                               "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n")
                                       .append(more));
  }
  static std::string frame(int first, std::string payload) {
    const char mask[4] = {1, 2, 3, 4};
    std::string all;
    char head[detail::most_head_bytes];
    const std::size_t size = detail::write_frame_head(head, detail::opcode::text, payload.size());
    head[0] = static_cast<char>(first);
    head[1] = static_cast<char>(head[1] | 0x80);
    detail::apply_mask(payload.data(), payload.size(), mask, 0);
    return all.append(head, size).append(mask, 4).append(payload);
  }
  static std::string close(int code) {
    return frame(0x88, {static_cast<char>(code >> 8), static_cast<char>(code & 0xff)});
  }
  void say(std::string_view text) { c.say(frame(0x81, std::string(text))); }

  /// The next frame in words: "T text", "B bytes", "ping", "pong data", "close 1001", "close"; "end" after the last.
  std::string hear() {
    std::string head = c.hear_bytes(2);
    if (head.size() < 2) return c.heard_error() == 0 ? "end" : "reset";
    const unsigned small = head[1] & 0x7f;
    if (small >= 126) head += c.hear_bytes(small == 126 ? 2 : 8);
    detail::frame_head read;
    if (detail::parse_frame_head(head, read).bytes == 0 || read.masked || !read.fin) return "broken";
    const std::string body = read.length > 0 ? c.hear_bytes(read.length) : "";
    switch (read.code) {
      case detail::opcode::text:
        return "T " + body;
      case detail::opcode::binary:
        return "B " + body;
      case detail::opcode::ping:
        return "ping" + body;
      case detail::opcode::pong:
        return "pong " + body;
      case detail::opcode::close:
        if (body.size() < 2) return "close";
        return "close " +
               std::to_string(static_cast<unsigned char>(body[0]) << 8 | static_cast<unsigned char>(body[1]));
      default:
        return "what?";
    }
  }

  testing_net::client c;
  http::reply answer;
};

}  // namespace lastcall::inline v0::ws
