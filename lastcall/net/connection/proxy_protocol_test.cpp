#include "lastcall/net/connection/proxy_protocol.hpp"

#include <gmock/gmock.h>

#include <string>

namespace lastcall::net::proxy_protocol_test {

using kind = proxy_header::kind;

const std::string signature("\r\n\r\n\0\r\nQUIT\n", 12);

std::string header(char command, char family, const std::string& rest) {
  const auto size = static_cast<unsigned>(rest.size());
  return signature + command + family + static_cast<char>(size >> 8) + static_cast<char>(size & 255) + rest;
}
const std::string four("\xC0\x00\x02\x07\x7F\x00\x00\x01\xD4\x31\x01\xBB", 12);

TEST(proxy_protocol, knows_an_ipv4_client) {
  const std::string all = header('\x21', '\x11', four);
  const auto found = parse_proxy_header(all + "GET /");
  ASSERT_EQ(found.what, kind::complete);
  EXPECT_EQ(found.bytes, all.size());
  EXPECT_EQ(to_text(*found.client), "192.0.2.7:54321");
}

TEST(proxy_protocol, knows_an_ipv6_client_and_a_mapped_one) {
  std::string six("\x20\x01\x0d\xb8\0\0\0\0\0\0\0\0\0\0\0\1", 16);
  six += std::string(15, '\0') + '\1' + std::string("\x1F\x90\x01\xBB", 4);
  EXPECT_EQ(to_text(*parse_proxy_header(header('\x21', '\x21', six)).client), "[2001:db8::1]:8080");
  six.replace(0, 16, std::string("\0\0\0\0\0\0\0\0\0\0\xff\xff\xC0\x00\x02\x07", 16));
  EXPECT_EQ(to_text(*parse_proxy_header(header('\x21', '\x21', six)).client), "192.0.2.7:8080");
}

TEST(proxy_protocol, knows_a_client_on_a_path) {
  std::string paths = "/run/client" + std::string(216 - 11, '\0');
  EXPECT_EQ(to_text(*parse_proxy_header(header('\x21', '\x31', paths)).client), "unix:/run/client");
  paths.assign(216, 'p');  // without an end
  EXPECT_EQ(parse_proxy_header(header('\x21', '\x31', paths)).client->path().size(), 107u);
  EXPECT_EQ(to_text(*parse_proxy_header(header('\x21', '\x31', std::string(216, '\0'))).client), "unix:");
}

TEST(proxy_protocol, leaves_the_remote_as_it_is_when_the_proxy_speaks_for_itself) {
  for (const std::string& all :
       {header('\x20', '\x00', ""), header('\x20', '\x11', four), header('\x20', '\x7f', "xyz"),
        header('\x21', '\x00', ""), header('\x21', '\x00', "anything")}) {
    const auto found = parse_proxy_header(all);
    EXPECT_EQ(found.what, kind::complete);
    EXPECT_EQ(found.bytes, all.size());
    EXPECT_FALSE(found.client);
  }
}

TEST(proxy_protocol, asks_for_what_is_missing_and_for_no_more) {
  const std::string all = header('\x21', '\x11', four);
  for (std::size_t size = 0; size < all.size(); ++size) {
    const auto found = parse_proxy_header(all.substr(0, size));
    EXPECT_EQ(found.what, kind::incomplete) << size;
    EXPECT_EQ(found.bytes, size < 16 ? 16 : all.size()) << size;
  }
}

TEST(proxy_protocol, passes_over_extensions_that_are_whole) {
  const std::string ours("\x01\x00\x02h2\x04\x00\x00", 8);
  EXPECT_EQ(parse_proxy_header(header('\x21', '\x11', four + ours)).what, kind::complete);
  EXPECT_EQ(parse_proxy_header(header('\x21', '\x11', four + ours.substr(0, 4))).what, kind::malformed);
  EXPECT_EQ(parse_proxy_header(header('\x21', '\x11', four + "x")).what, kind::malformed);
}

TEST(proxy_protocol, refuses_what_is_none) {
  for (const std::string& all :
       {std::string("GET / HTTP/1.1"), std::string("PROXY TCP4 1.2.3.4 1.2.3.4 1 2\r\n"), std::string("\r\n\r\n\1"),
        header('\x11', '\x11', four), header('\x22', '\x11', four), header('\x21', '\x41', four),
        header('\x21', '\x13', four), header('\x21', '\x12', four), header('\x21', '\x11', four.substr(1)),
        header('\x21', '\x21', four), header('\x21', '\x11', four + std::string(5000, '\0'))}) {
    const auto found = parse_proxy_header(all);
    EXPECT_EQ(found.what, kind::malformed);
    EXPECT_STRNE(found.why, "");
  }
}

}  // namespace lastcall::net::proxy_protocol_test
