#include "lastcall/net/listen/sock_diag.hpp"

#include <gtest/gtest.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

#include <cerrno>
#include <cstdint>
#include <thread>
#include <vector>

#include "lastcall/net/unique_fd.hpp"

namespace lastcall::net::sock_diag_test {

using namespace std::chrono_literals;

bool has_ipv6() {
  const unique_fd probe(::socket(AF_INET6, SOCK_STREAM | SOCK_CLOEXEC, 0));
  sockaddr_storage name;
  const socklen_t size = endpoint_of("::1", 0).fill(name);
  return probe && ::bind(probe.get(), reinterpret_cast<sockaddr*>(&name), size) == 0;
}

// With TCP_DEFER_ACCEPT the kernel keeps a handshake in flight until the client's first byte: a stand-in for a slow
// wire.
struct held_listener {
  explicit held_listener(const char* address) {
    const endpoint where = endpoint_of(address, 0);
    const int family = where.family() == endpoint::kind::ipv4 ? AF_INET : AF_INET6;
    fd.reset(::socket(family, SOCK_STREAM | SOCK_CLOEXEC, 0));
    sockaddr_storage name;
    socklen_t size = where.fill(name);
    const int seconds = 10;
    EXPECT_EQ(::bind(fd.get(), reinterpret_cast<sockaddr*>(&name), size), 0);
    EXPECT_EQ(::setsockopt(fd.get(), IPPROTO_TCP, TCP_DEFER_ACCEPT, &seconds, sizeof seconds), 0);
    EXPECT_EQ(::listen(fd.get(), 16), 0);
    size = sizeof name;
    EXPECT_EQ(::getsockname(fd.get(), reinterpret_cast<sockaddr*>(&name), &size), 0);
    local = endpoint::from_sockaddr(name, size);
  }
  unique_fd fd;
  endpoint local;
};

unique_fd connect_to(const char* address, std::uint16_t port) {
  const endpoint where = endpoint_of(address, port);
  unique_fd fd(::socket(where.family() == endpoint::kind::ipv4 ? AF_INET : AF_INET6, SOCK_STREAM | SOCK_CLOEXEC, 0));
  sockaddr_storage name;
  const socklen_t size = where.fill(name);
  EXPECT_EQ(::connect(fd.get(), reinterpret_cast<sockaddr*>(&name), size), 0);
  return fd;
}

struct path {
  const char* listens_on;
  const char* connects_to;
};

class sock_diag_paths : public ::testing::TestWithParam<path> {};

TEST_P(sock_diag_paths, counts_the_handshakes_that_have_not_ended) {
  if (endpoint_of(GetParam().listens_on, 0).family() == endpoint::kind::ipv6 && !has_ipv6())
    GTEST_SKIP() << "no IPv6 here";
  const held_listener listener(GetParam().listens_on);
  EXPECT_EQ(handshakes_in_flight(listener.local).value(), 0U);
  std::vector<unique_fd> clients;
  for (int i = 0; i < 3; ++i) clients.push_back(connect_to(GetParam().connects_to, listener.local.port()));
  EXPECT_EQ(handshakes_in_flight(listener.local).value(), 3U);
  EXPECT_EQ(::send(clients[0].get(), "x", 1, MSG_NOSIGNAL), 1);  // which ends its handshake
  EXPECT_EQ(handshakes_in_flight(listener.local).value(), 2U);
}

INSTANTIATE_TEST_SUITE_P(sock_diag, sock_diag_paths,
                         ::testing::Values(path{"127.0.0.1", "127.0.0.1"}, path{"0.0.0.0", "127.0.0.2"},
                                           path{"::1", "::1"}, path{"::", "::1"}, path{"::", "127.0.0.1"},
                                           path{"::ffff:127.0.0.1", "127.0.0.1"}));

TEST(sock_diag, counts_neither_another_port_nor_another_address) {
  const held_listener listener("127.0.0.1");
  const auto client = connect_to("127.0.0.1", listener.local.port());
  const auto port = listener.local.port();
  EXPECT_EQ(handshakes_in_flight(endpoint_of("127.0.0.1", port)).value(), 1U);
  EXPECT_EQ(handshakes_in_flight(endpoint_of("127.0.0.2", port)).value(), 0U);
  EXPECT_EQ(handshakes_in_flight(endpoint_of("127.0.0.1", static_cast<std::uint16_t>(port ^ 1))).value(), 0U);
  EXPECT_EQ(handshakes_in_flight(endpoint_of("::1", port)).value(), 0U);
}

TEST(sock_diag, refuses_what_has_no_port) {
  EXPECT_EQ(handshakes_in_flight(endpoint_of("unix:/x", 0)).error(), std::errc::invalid_argument);
  EXPECT_EQ(handshakes_in_flight(endpoint_of("127.0.0.1", 0)).error(), std::errc::invalid_argument);
  EXPECT_EQ(handshakes_in_flight(endpoint()).error(), std::errc::invalid_argument);
}

}  // namespace lastcall::net::sock_diag_test
