// WebSockets over TLS: what the remote hears and what is delivered is the same, and nothing passes beside TLS.
#include <gmock/gmock.h>

#include <atomic>
#include <memory>
#include <string>
#include <utility>

#include "lastcall/core/countdown.hpp"
#include "lastcall/http/websocket.hpp"
#include "lastcall/http/websocket_visitor_test.hpp"
#include "lastcall/net/tls_client_test.hpp"
#include "lastcall/net/wait.hpp"

namespace lastcall::ws {
namespace {

using namespace std::chrono_literals;
using http::serving_test;
using testing_net::authority;
using testing_net::generous;
using testing_net::tls_client;

struct websocket_tls : ::testing::Test {
  http::server_options serving(handler h) {
    http::router r;
    r.websocket("/ws", std::move(h));
    return {
        .routes = std::move(r), .jitter = 0ms, .tls_port = 0, .tls = {.certificates = {{keys.chain, keys.key, {}}}}};
  }
  /// One whose handshakes are over.
  tls_client enters(const serving_test& to) {
    tls_client c(to.it.tls_address(), {.ca_file = ca.ca_file()});
    EXPECT_TRUE(c.shake_hands());
    c.say(visitor::handshake("/ws"));
    EXPECT_EQ(http::next_reply(c).status, 101);
    return c;
  }

  authority ca;
  authority::files keys = ca.issue({}, "server");
};

TEST_F(websocket_tls, says_its_last_words_within_tls) {
  serving_test s(serving([](stream ws) -> task<> {
    while (!ws.life().forced()) co_await net::wait_until_forced_for(ws.life(), 1h);
  }));
  auto c = enters(s);
  c.say(visitor::frame(0x89, "1"));
  EXPECT_EQ(c.hear_bytes(3),
            "\x8a\x01"
            "1");
  s.drain();
  s.it.force();
  EXPECT_EQ(c.hear_all(), "\x88\x02\x03\xe9");
  EXPECT_EQ(c.reason(), 0) << "no bytes that are none of TLS";
  EXPECT_FALSE(c.told_of_the_end()) << "it was cut, and looks like it";
  EXPECT_TRUE(s.wait_drained());
}

}  // namespace
}  // namespace lastcall::ws
