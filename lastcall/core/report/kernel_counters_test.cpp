#include "lastcall/core/report/kernel_counters.hpp"

#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <sys/socket.h>
#include <unistd.h>

namespace lastcall::kernel_counters_test {

TEST(kernel_counters, are_found_by_name_wherever_they_stand) {
  constexpr std::string_view text =
      "TcpExt: SyncookiesSent ListenDrops TCPAbortOnData TCPAbortOnClose\n"
      "TcpExt: 7 18446744073709551615 2 3\n"
      "IpExt: InNoRoutes\n"
      "IpExt: 9\n";
  const auto found = parse_kernel_counters(text);
  ASSERT_TRUE(found);
  EXPECT_EQ(*found, (kernel_counters{.reset_on_close = 3, .reset_on_data = 2, .not_accepted = UINT64_MAX}));
  EXPECT_EQ(parse_kernel_counters("IpExt: A\nIpExt: 1\nTcpExt: ListenDrops\nTcpExt: 5\n")->not_accepted, 5U);
}

TEST(kernel_counters, are_absent_where_the_text_is_none) {
  EXPECT_FALSE(parse_kernel_counters(""));
  EXPECT_FALSE(parse_kernel_counters("TcpExt: ListenDrops\n"));
  EXPECT_FALSE(parse_kernel_counters("TcpExt: ListenDrops\nIpExt: 5\n"));
  EXPECT_FALSE(parse_kernel_counters("TcpExt: ListenDrops\nTcpExt: many\n"));
  EXPECT_EQ(parse_kernel_counters("TcpExt: Other\nTcpExt: 5\n"), kernel_counters{});
}

TEST(kernel_counters, a_difference_never_is_below_zero) {
  const kernel_counters before{.reset_on_close = 1, .reset_on_data = 5, .not_accepted = 2};
  const kernel_counters after{.reset_on_close = 4, .reset_on_data = 3, .not_accepted = 2};
  EXPECT_EQ(after - before, kernel_counters{.reset_on_close = 3});
}

TEST(kernel_counters, see_a_connection_that_is_closed_with_unread_bytes) {
  const auto before = read_kernel_counters();
  ASSERT_TRUE(before);
  const int listener = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in at{};
  at.sin_family = AF_INET;
  at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof at;
  ASSERT_EQ(::bind(listener, reinterpret_cast<sockaddr*>(&at), size), 0);
  ASSERT_EQ(::listen(listener, 1), 0);
  ASSERT_EQ(::getsockname(listener, reinterpret_cast<sockaddr*>(&at), &size), 0);
  const int client = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  ASSERT_EQ(::connect(client, reinterpret_cast<sockaddr*>(&at), size), 0);
  const int ours = ::accept(listener, nullptr, nullptr);
  ASSERT_EQ(::send(client, "x", 1, MSG_NOSIGNAL), 1);
  char first;
  ASSERT_EQ(::recv(ours, &first, 1, MSG_PEEK), 1);  // it is here, and stays unread
  ::close(ours);
  ::close(client);
  ::close(listener);
  EXPECT_GE((*read_kernel_counters() - *before).resets(), 1U);
}

}  // namespace lastcall::kernel_counters_test
