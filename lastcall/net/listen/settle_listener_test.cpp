#include "lastcall/net/listen/settle_listener.hpp"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <filesystem>
#include <future>
#include <optional>
#include <stdexcept>
#include <thread>
#include <vector>

namespace lastcall::net::settle_listener_test {

using namespace std::chrono_literals;

// 0 once it is connected, or the errno.
int connect_to(const endpoint& where, const unique_fd& client) {
  sockaddr_storage name;
  const socklen_t size = where.fill(name);
  return ::connect(client.get(), reinterpret_cast<sockaddr*>(&name), size) == 0 ? 0 : errno;
}
unique_fd new_client(const endpoint& where) {
  return unique_fd(::socket(where.ip() ? AF_INET : AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
}

// A program's own socket: blocking, and none of ours.
struct program_socket {
  explicit program_socket(const endpoint& where)
      : fd(::socket(where.ip() ? AF_INET : AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    sockaddr_storage name;
    socklen_t size = where.fill(name);
    if (::bind(fd.get(), reinterpret_cast<sockaddr*>(&name), size) != 0 || ::listen(fd.get(), 64) != 0)
      throw std::runtime_error("no listening socket");
    size = sizeof name;
    ::getsockname(fd.get(), reinterpret_cast<sockaddr*>(&name), &size);
    local = endpoint::from_sockaddr(name, size);
  }
  unique_fd fd;
  endpoint local;
};

context_source draining_for(duration time) {
  context_source ends;
  ends.begin_drain(steady().now() + time);
  return ends;
}

TEST(settle_listener, returns_once_the_program_has_accepted_all_that_were_waiting) {
  const program_socket mine(endpoint_of("127.0.0.1", 0));
  std::vector<unique_fd> clients;
  for (int i = 0; i < 10; ++i) {
    clients.push_back(new_client(mine.local));
    ASSERT_EQ(connect_to(mine.local, clients.back()), 0);
  }
  const context_source ends = draining_for(30s);
  auto settled = std::async(std::launch::async, [&] { return settle_listener(mine.fd.get(), ends.get()); });

  const time_point limit = steady().now() + 20s;
  for (int error = 0; error != ECONNREFUSED;) {  // until it is unplugged
    ASSERT_LT(steady().now(), limit);
    clients.push_back(new_client(mine.local));
    error = connect_to(mine.local, clients.back());
  }
  EXPECT_EQ(settled.wait_for(50ms), std::future_status::timeout) << "ten are still waiting";

  std::size_t accepted = 0;
  ASSERT_EQ(::fcntl(mine.fd.get(), F_GETFL) & O_NONBLOCK, 0) << "the program's socket stays as it was";
  for (; accepted + 1 < clients.size(); ++accepted)
    ASSERT_TRUE(unique_fd(::accept4(mine.fd.get(), nullptr, nullptr, SOCK_CLOEXEC)));
  const settled_listener end = settled.get();
  EXPECT_GE(accepted, 10U);
  EXPECT_EQ(end.way, closing_way::unplug);
  EXPECT_EQ(end.end, settle_end::settled);
  EXPECT_EQ(end.given_up, 0U);
}

TEST(settle_listener, of_a_program_that_accepts_no_more_ends_with_the_drain) {
  const program_socket mine(endpoint_of("127.0.0.1", 0));
  const unique_fd client = new_client(mine.local);
  ASSERT_EQ(connect_to(mine.local, client), 0);
  const context_source ends = draining_for(50ms);
  EXPECT_EQ(settle_listener(mine.fd.get(), ends.get()).end, settle_end::stuck);
}

TEST(settle_listener, ends_when_it_is_forced) {
  const program_socket mine(endpoint_of("127.0.0.1", 0));
  const unique_fd client = new_client(mine.local);
  ASSERT_EQ(connect_to(mine.local, client), 0);
  context_source ends = draining_for(1h);
  auto settled = std::async(std::launch::async, [&] { return settle_listener(mine.fd.get(), ends.get()); });
  ends.force();
  EXPECT_EQ(settled.get().end, settle_end::stuck);
}

TEST(settle_listener, without_a_drain_waits_no_longer_than_its_cap) {
  const program_socket mine(endpoint_of("127.0.0.1", 0));
  const unique_fd client = new_client(mine.local);
  ASSERT_EQ(connect_to(mine.local, client), 0);
  EXPECT_EQ(settle_listener(mine.fd.get(), {}, {.cap = 50ms}).end, settle_end::stuck);
}

TEST(settle_listener, waits_for_the_queue_of_a_unix_domain_socket) {
  const std::string path = std::filesystem::temp_directory_path() / ("lastcall-settle-" + std::to_string(::getpid()));
  const auto where = parse_endpoint("unix:" + path);
  ASSERT_TRUE(where);
  const program_socket mine(*where);
  const unique_fd client = new_client(mine.local);
  ASSERT_EQ(connect_to(mine.local, client), 0);
  std::filesystem::remove(path);
  const context_source ends = draining_for(30s);
  auto settled = std::async(std::launch::async, [&] { return settle_listener(mine.fd.get(), ends.get()); });
  EXPECT_EQ(settled.wait_for(50ms), std::future_status::timeout);
  ASSERT_TRUE(unique_fd(::accept4(mine.fd.get(), nullptr, nullptr, SOCK_CLOEXEC)));
  EXPECT_EQ(settled.get().end, settle_end::settled);
}

TEST(settle_listener, refuses_what_does_not_listen) {
  const unique_fd no_listener(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  EXPECT_THROW(settle_listener(no_listener.get(), {}), std::invalid_argument);
}

}  // namespace lastcall::net::settle_listener_test
