// An answer to a request whose body is still on its way. Many clients write first and read afterwards: the answer must
// wait for them, although it says that the connection closes.
#include <gtest/gtest.h>

#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include "lastcall/http/server/tls_serving_test.hpp"
#include "lastcall/http/ws/websocket.hpp"

namespace lastcall::http::early_answer_test {

using namespace std::chrono_literals;

struct early_answer : testing_tls::tls_serving {
  server_options refusing() {
    server_options o = options();
    o.routes.post("/collected", handler([](const request&) { return text("all of it"); }).max_body(1000));
    o.routes.post("/streamed",
                  [](const request&, body_stream) -> task<response> { co_return text("who are you?", 401); });
    return o;
  }
  /// Sends head and body slowly, more slowly than `linger_acknowledged`, and reads only then.
  template <class Client> int answer_to(Client& c, std::string_view head) {
    c.say(head);
    for (int i = 0; i < 6; ++i) {
      std::this_thread::sleep_for(200ms);
      EXPECT_TRUE(static_cast<bool>(c.say("1388\r\n" + std::string(5000, 'x') + "\r\n"))) << i;
    }
    c.say("0\r\n\r\n");
    return next_reply(c).status;
  }
};

constexpr std::string_view sized = "Host: a\r\nContent-Length: 30053\r\n\r\n";
constexpr std::string_view chunked = "Host: a\r\nTransfer-Encoding: chunked\r\n\r\n";

TEST_F(early_answer, reaches_clients_that_write_first) {
  serving_test s(refusing());
  std::vector<std::thread> clients;
  const auto expect = [&](const std::string& path, std::string_view fields, int status) {
    const std::string head = "POST " + path + " HTTP/1.1\r\n" + std::string(fields);
    clients.emplace_back([&s, this, head, status] {
      auto c = s.enters();
      EXPECT_EQ(answer_to(c, head), status) << head;
    });
    clients.emplace_back([&s, this, head, status] {
      auto c = enters(s);
      EXPECT_TRUE(c.shake_hands());
      EXPECT_EQ(answer_to(c, head), status) << "TLS: " << head;
    });
  };
  for (const std::string_view fields : {sized, chunked}) {
    expect("/collected", fields, 413);
    expect("/streamed", fields, 401);
    expect("/nowhere", fields, 404);
  }
  for (auto& each : clients) each.join();
}

TEST_F(early_answer, of_a_websocket_reaches_a_client_that_sends_on) {
  server_options o = options();
  o.routes.websocket("/ws", [](ws::stream s) -> task<> {
    while (co_await s.read()) {}
  });
  serving_test s(std::move(o));
  auto c = s.enters();
  c.say(
      "GET /ws HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n"
      "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n");
  EXPECT_TRUE(c.hear_until("\r\n\r\n").starts_with("HTTP/1.1 101"));
  c.say("\x81\x05hello");  // not masked
  for (int i = 0; i < 4; ++i) {
    std::this_thread::sleep_for(400ms);  // as a slow sender
    EXPECT_EQ(c.say("\x82\x85____hello"), 11U) << i;
  }
  EXPECT_EQ(c.hear_all().substr(0, 4), std::string("\x88 \x03\xea")) << "1002";
  EXPECT_EQ(c.heard_error(), 0);
}

TEST_F(early_answer, holds_a_drain_only_until_its_end) {
  serving_test s(refusing());
  auto c = s.enters();
  c.say("POST /streamed HTTP/1.1\r\n" + std::string(sized));
  EXPECT_EQ(next_reply(c).status, 401);
  s.drain(500ms);
  const time_point begin = steady().now();
  while (c.say("more") > 0 && steady().now() - begin < 20s) std::this_thread::sleep_for(1ms);
  EXPECT_TRUE(s.wait_drained());
  EXPECT_LT(steady().now() - begin, 10s);
  EXPECT_EQ(s.it.connections().forced, 0U);
}

}  // namespace lastcall::http::early_answer_test
