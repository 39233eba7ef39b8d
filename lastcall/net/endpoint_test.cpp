#include "lastcall/net/endpoint.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/un.h>

#include <cstdint>
#include <stdexcept>

namespace lastcall::net::endpoint_test {

using ::testing::AllOf;
using ::testing::HasSubstr;

static_assert(sizeof(endpoint) <= 40, "one is kept for each connection");

std::string refusal(std::string_view address, std::uint16_t port = 0) {
  try {
    endpoint_of(address, port);
  } catch (const std::invalid_argument& e) {
    return e.what();
  }
  return "accepted";
}

TEST(endpoint, is_written_as_it_is_read) {
  for (const std::string text : {"127.0.0.1:8080", "0.0.0.0:0", "[::1]:8080", "[::]:65535", "[fe80::1%7]:80",
                                 "[::ffff:10.0.0.1]:1", "unix:/run/app.sock", "unix:relative.sock"}) {
    const auto parsed = parse_endpoint(text);
    ASSERT_TRUE(parsed) << text;
    EXPECT_EQ(to_text(*parsed), text);
  }
}

TEST(endpoint, takes_ipv6_with_and_without_brackets) {
  EXPECT_EQ(endpoint_of("::1", 80), endpoint_of("[::1]", 80));
  EXPECT_EQ(endpoint_of("::1", 80).family(), endpoint::kind::ipv6);
  EXPECT_EQ(to_text(endpoint_of("fe80::1%lo", 80)), "[fe80::1%1]:80");
}

TEST(endpoint, survives_the_way_through_a_socket_address) {
  for (const std::string text : {"127.0.0.1:8080", "[::1]:8080", "[fe80::1%7]:80", "unix:/run/app.sock"}) {
    const auto parsed = parse_endpoint(text);
    ASSERT_TRUE(parsed);
    sockaddr_storage address;
    const socklen_t size = parsed->fill(address);
    EXPECT_EQ(endpoint::from_sockaddr(address, size), *parsed);
  }
}

TEST(endpoint, takes_the_longest_path_and_refuses_one_byte_more) {
  const std::string longest = "unix:/" + std::string(sizeof(sockaddr_un::sun_path) - 2, 'x');
  const auto parsed = parse_address(longest, 0);
  ASSERT_TRUE(parsed);
  sockaddr_storage address;
  const socklen_t size = parsed->fill(address);
  EXPECT_EQ(size, sizeof(sockaddr_un));
  EXPECT_EQ(to_text(endpoint::from_sockaddr(address, size)), longest);
  EXPECT_EQ(parse_address(longest + 'x', 0).error(), std::errc::filename_too_long);
}

TEST(endpoint, knows_an_unnamed_remote_and_a_path_without_its_end) {
  sockaddr_storage address{};
  address.ss_family = AF_UNIX;
  const auto unnamed = endpoint::from_sockaddr(address, sizeof(sa_family_t));
  EXPECT_EQ(unnamed.family(), endpoint::kind::unix_path);
  EXPECT_EQ(to_text(unnamed), "unix:");
  auto& un = reinterpret_cast<sockaddr_un&>(address);
  un.sun_path[0] = '/';
  un.sun_path[1] = 'a';
  un.sun_path[2] = 'b';
  EXPECT_EQ(endpoint::from_sockaddr(address, offsetof(sockaddr_un, sun_path) + 2).path(), "/a");
}

TEST(endpoint, shows_a_dual_stack_remote_as_ipv4) {
  const auto mapped = endpoint_of("::ffff:10.1.2.3", 99);
  EXPECT_TRUE(mapped.mapped());
  EXPECT_EQ(mapped.unmapped(), endpoint_of("10.1.2.3", 99));
  EXPECT_EQ(endpoint_of("::1", 99).unmapped(), endpoint_of("::1", 99));
}

TEST(endpoint, knows_the_wildcards) {
  EXPECT_TRUE(endpoint_of("0.0.0.0", 0).wildcard());
  EXPECT_TRUE(endpoint_of("::", 0).wildcard());
  EXPECT_FALSE(endpoint_of("127.0.0.1", 0).wildcard());
  EXPECT_FALSE(endpoint_of("unix:/x", 0).wildcard());
  EXPECT_FALSE(endpoint().wildcard());
}

TEST(endpoint, differs_by_address_port_scope_and_path) {
  EXPECT_NE(endpoint_of("127.0.0.1", 1), endpoint_of("127.0.0.2", 1));
  EXPECT_NE(endpoint_of("127.0.0.1", 1), endpoint_of("127.0.0.1", 1).with_port(2));
  EXPECT_NE(endpoint_of("fe80::1%1", 1), endpoint_of("fe80::1%2", 1));
  EXPECT_NE(endpoint_of("unix:/a", 0), endpoint_of("unix:/b", 0));
  EXPECT_EQ(endpoint_of("unix:/a", 0), endpoint_of("unix:/a", 0));
}

TEST(endpoint, refuses_what_is_no_address_and_says_why) {
  EXPECT_THAT(refusal("localhost"), AllOf(HasSubstr("\"localhost\""), HasSubstr("not looked up")));
  EXPECT_THAT(refusal(""), HasSubstr("not an IP address"));
  EXPECT_THAT(refusal("127.0.0.1:80"), HasSubstr("127.0.0.1:80"));
  EXPECT_THAT(refusal("1.2.3"), HasSubstr("not an IP address"));
  EXPECT_THAT(refusal("[::1"), HasSubstr("not an IP address"));
  EXPECT_THAT(refusal("[127.0.0.1]"), HasSubstr("not an IP address"));
  EXPECT_THAT(refusal("fe80::1%no_such_interface"), HasSubstr("not an IP address"));
  EXPECT_FALSE(parse_address(std::string_view("127.0.0.1\0x", 11), 0));
  EXPECT_THAT(refusal("unix:"), HasSubstr("no path"));
  EXPECT_THAT(refusal("unix:/x", 80), HasSubstr("port 80"));
  EXPECT_THAT(refusal("unix:/" + std::string(200, 'x')), HasSubstr("107 bytes"));
}

TEST(endpoint, refuses_text_without_a_clear_port) {
  for (const char* text : {"", ":", "127.0.0.1", "127.0.0.1:", "127.0.0.1:x", "127.0.0.1:65536", "127.0.0.1:-1",
                           "127.0.0.1: 1", "::1:80", "[::1]", "[::1]80", "unix:"})
    EXPECT_FALSE(parse_endpoint(text)) << text;
}

TEST(endpoint, names_abstract_unix_sockets_behind_an_at_sign) {
  const endpoint where = endpoint_of("unix:@shop", 0);
  EXPECT_TRUE(where.abstract());
  EXPECT_EQ(where.path(), std::string_view("\0shop", 5));
  EXPECT_EQ(to_text(where), "unix:@shop");
  EXPECT_EQ(*parse_endpoint("unix:@shop"), where);
  sockaddr_storage name;
  const socklen_t size = where.fill(name);
  EXPECT_EQ(size, sizeof(sa_family_t) + 5) << "unix(7): all bytes count, without a null at the end";
  EXPECT_EQ(endpoint::from_sockaddr(name, size), where);
  EXPECT_FALSE(parse_address("unix:@", 0));
  EXPECT_FALSE(endpoint_of("unix:./@shop", 0).abstract());
}

}  // namespace lastcall::net::endpoint_test
