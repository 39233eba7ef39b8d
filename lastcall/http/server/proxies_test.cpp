// Connections that come through our own load balancers, with a PROXY header before the client's bytes.
#include <gmock/gmock.h>

#include <cstdint>
#include <string>

#include "lastcall/core/metrics.hpp"
#include "lastcall/http/server/serving_test.hpp"
#include "lastcall/net/tls/tls_client_test.hpp"

namespace lastcall::http::proxies_test {

using namespace std::chrono_literals;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::StartsWith;
using testing_net::authority;
using testing_net::tls_client;

const std::string signature("\r\n\r\n\0\r\nQUIT\n", 12);

/// Of a client 192.0.2.`last`, port 54321.
std::string header_for(char last) {
  return signature + std::string("\x21\x11\0\x0c\xC0\x00\x02", 7) + last + std::string("\x7F\0\0\1\xD4\x31\x01\xBB", 8);
}
const std::string local = signature + std::string("\x20\0\0\0", 4);

server_options options(net::trusted_networks from) {
  router r;
  r.get("/", [](const request& q) { return text(q.remote()); });
  server_options o{.routes = std::move(r)};
  o.proxies = std::move(from);
  return o;
}

std::int64_t field(const serving_test& of, std::string_view name) {
  component_report r;
  of.it.account(r);
  for (const auto& [key, value] : r.fields)
    if (key == name) return std::get<std::int64_t>(value);
  return -1;
}

TEST(proxies, takes_the_client_from_the_header) {
  serving_test s(options({"127.0.0.0/8"}));
  auto whole = s.enters();
  whole.say(header_for(7) + request_for("/"));
  EXPECT_EQ(next_reply(whole).body, "192.0.2.7:54321");
  auto bytewise = s.enters();
  for (const char byte : header_for(8)) {
    bytewise.say(std::string(1, byte));
    std::this_thread::yield();
  }
  bytewise.say(request_for("/"));
  EXPECT_EQ(next_reply(bytewise).body, "192.0.2.8:54321");
  bytewise.say(request_for("/"));
  EXPECT_EQ(next_reply(bytewise).body, "192.0.2.8:54321");
  EXPECT_EQ(field(s, "proxied"), 2);
}

TEST(proxies, keeps_the_remote_of_a_proxy_that_speaks_for_itself) {
  serving_test s(options({"127.0.0.1"}));
  auto c = s.enters();
  c.say(local + request_for("/"));
  EXPECT_THAT(next_reply(c).body, StartsWith("127.0.0.1:"));
}

TEST(proxies, ends_a_connection_of_a_proxy_that_says_nothing_or_nonsense) {
  serving_test s(options({"127.0.0.1"}));
  for (const std::string& said :
       {request_for("/"), signature + "\x31\x11" + std::string(2, '\0'), std::string("PROXY TCP4 1.2.3.4\r\n")}) {
    auto c = s.enters();
    c.say(said);
    EXPECT_THAT(c.hear_all(), IsEmpty());
    EXPECT_EQ(c.heard_error(), 0);
  }
  auto leaves = s.enters();
  leaves.say(signature);
  leaves.close();
  s.enters().close();  // only looks whether somebody listens
  EXPECT_TRUE(s.eventually([&] { return field(s, "bad_proxy_headers") == 4; }));
  EXPECT_EQ(s.it.requests().begun, 0u);
}

TEST(proxies, believes_nobody_else) {
  for (net::trusted_networks from : {net::trusted_networks{}, net::trusted_networks{"10.0.0.0/8"}}) {
    serving_test s(options(from));
    EXPECT_THAT(s.get("/").body, StartsWith("127.0.0.1:"));
    auto c = s.enters();
    c.say(header_for(7) + request_for("/"));
    EXPECT_EQ(next_reply(c).status, 400);
  }
}

TEST(proxies, counts_connections_by_their_client) {
  auto o = options({"127.0.0.1"});
  o.limits.max_connections_per_address = 2;
  serving_test s(std::move(o));
  const auto come = [&](char client) {
    auto c = s.enters();
    c.say(header_for(client) + request_for("/"));
    return std::pair(next_reply(c).status, std::move(c));
  };
  auto a = come(1), b = come(1), other = come(2), third = come(1);
  EXPECT_EQ(a.first, 200);
  EXPECT_EQ(b.first, 200);
  EXPECT_EQ(other.first, 200);
  EXPECT_EQ(third.first, 503);
  a.second.close();
  b.second.close();
  third.second.close();
  ASSERT_TRUE(s.eventually([&] { return s.it.connections().closed_by_remote + s.it.connections().closed_clean >= 3; }));
  EXPECT_EQ(come(1).first, 200);
  // The proxy's own connections never were counted to the end of it.
  for (char i = 10; i < 20; ++i) EXPECT_EQ(come(i).first, 200);
}

TEST(proxies, stand_before_tls_too) {
  authority ca;
  const auto keys = ca.issue({}, "server");
  auto o = options({"127.0.0.1"});
  o.tls_port = 0;
  o.tls.certificates = {{keys.chain, keys.key, {}}};
  serving_test s(std::move(o));
  tls_client c(s.it.tls_address(), {.ca_file = ca.ca_file()});
  c.say_raw(header_for(9));
  ASSERT_TRUE(c.shake_hands());
  c.say(request_for("/"));
  EXPECT_EQ(next_reply(c).body, "192.0.2.9:54321");
  tls_client without(s.it.tls_address(), {.ca_file = ca.ca_file()});
  EXPECT_FALSE(without.shake_hands());
}

TEST(proxies, are_drained_when_their_header_does_not_come) {
  serving_test s(options({"127.0.0.1"}));
  auto silent = s.enters(), half = s.enters();
  half.say(signature);
  ASSERT_TRUE(s.eventually([&] { return s.it.connections().accepted == 2; }));
  s.drain();
  EXPECT_THAT(silent.hear_all() + half.hear_all(), IsEmpty());
  silent.close();
  half.close();
  EXPECT_TRUE(s.wait_drained());
  EXPECT_EQ(s.it.connections().closed_clean, 2u);
}

}  // namespace lastcall::http::proxies_test
