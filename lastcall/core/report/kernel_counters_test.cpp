#include "lastcall/core/report/kernel_counters.hpp"

#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <filesystem>
#include <initializer_list>
#include <string>
#include <utility>

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

/// A /proc of these processes, each with its network namespace; number 7 is this one. Empty: it may not be looked at.
class fake_proc {
 public:
  explicit fake_proc(std::initializer_list<std::pair<const char*, const char*>> processes) {
    std::filesystem::remove_all(path_);
    for (const auto& [number, net] : processes) {
      std::filesystem::create_directories(path_ / number / "ns");
      if (*net == '\0') {
        std::filesystem::create_directory(path_ / number / "ns/net");  // its link can't be read
      } else {
        std::filesystem::create_symlink(net, path_ / number / "ns/net");
      }
    }
    std::filesystem::create_symlink("7", path_ / "self");
    std::filesystem::create_directory(path_ / "sys");
  }
  ~fake_proc() { std::filesystem::remove_all(path_); }
  fake_proc& operator=(fake_proc&&) = delete;
  bool ours_alone() const { return network_namespace_is_ours_alone(path_.c_str()); }
  const std::filesystem::path& path() const { return path_; }

 private:
  const std::filesystem::path path_ = testing::TempDir() + "lastcall_proc." + std::to_string(getpid());
};

TEST(kernel_counters, are_ours_alone_where_no_other_process_shares_the_namespace) {
  EXPECT_TRUE(fake_proc({{"7", "net:[1]"}}).ours_alone());
  EXPECT_TRUE(fake_proc({{"1", "net:[2]"}, {"7", "net:[1]"}, {"77", "net:[12]"}}).ours_alone());
  EXPECT_FALSE(fake_proc({{"1", "net:[1]"}, {"7", "net:[1]"}}).ours_alone());
  EXPECT_FALSE(fake_proc({{"1", "net:[2]"}, {"7", "net:[1]"}, {"8", "net:[1]"}}).ours_alone());
}

TEST(kernel_counters, are_not_ours_alone_where_that_is_unknown) {
  EXPECT_FALSE(network_namespace_is_ours_alone("/nowhere"));
  EXPECT_FALSE(fake_proc({{"7", "net:[1]"}, {"8", ""}}).ours_alone()) << "it may not be looked at";
  EXPECT_FALSE(fake_proc({{"7", ""}}).ours_alone());
  const fake_proc ended({{"7", "net:[1]"}});
  std::filesystem::create_directory(ended.path() / "8");
  EXPECT_TRUE(ended.ours_alone()) << "8 has ended";
}

TEST(kernel_counters, are_not_ours_alone_where_there_are_too_many_processes) {
  const fake_proc crowd({{"7", "net:[1]"}});
  for (int i = 100; i < 1101; ++i) std::filesystem::create_directory(crowd.path() / std::to_string(i));
  EXPECT_FALSE(crowd.ours_alone());
}

TEST(kernel_counters, are_not_ours_alone_beside_a_child_process) {
  const pid_t child = ::fork();
  if (child == 0) {
    ::prctl(PR_SET_PDEATHSIG, SIGKILL);
    ::pause();
    ::_exit(0);
  }
  ASSERT_GT(child, 0);
  EXPECT_FALSE(network_namespace_is_ours_alone());
  ::kill(child, SIGKILL);
  EXPECT_EQ(::waitpid(child, nullptr, 0), child);
}

}  // namespace lastcall::kernel_counters_test
