#include "lastcall/net/listen/drain_of_listener.hpp"

#include <gtest/gtest.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

#include "lastcall/core/app/app.hpp"
#include "lastcall/net/listen/listener.hpp"

namespace lastcall::net::drain_of_listener_test {

using namespace std::chrono_literals;

/// A program's own server: a blocking accept loop, which the end of the listening ends.
struct accept_loop {
  explicit accept_loop(const endpoint& where) {
    sockaddr_storage name;
    socklen_t size = where.fill(name);
    fd.reset(::socket(name.ss_family, SOCK_STREAM | SOCK_CLOEXEC, 0));
    if (::bind(fd.get(), reinterpret_cast<sockaddr*>(&name), size) != 0 || ::listen(fd.get(), 64) != 0)
      throw std::runtime_error("no listening socket");
    local = *listening_at(fd.get());
  }
  void run() {
    for (;;) {
      const unique_fd client(::accept4(fd.get(), nullptr, nullptr, SOCK_CLOEXEC));
      if (!client) {
        error = errno;
        return;
      }
      ++accepted;
    }
  }
  unique_fd fd;
  endpoint local;
  int accepted = 0;
  int error = 0;
};

int connects(const endpoint& to, unique_fd& fd) {
  sockaddr_storage name;
  const socklen_t size = to.fill(name);
  fd.reset(::socket(name.ss_family, SOCK_STREAM | SOCK_CLOEXEC, 0));
  return ::connect(fd.get(), reinterpret_cast<sockaddr*>(&name), size) == 0 ? 0 : errno;
}

context draining() {
  context_source ends;
  ends.begin_drain(steady().now() + 30s);
  return ends.get();
}

TEST(drain_of_listener, has_a_blocking_loop_accept_all_that_connected_and_return) {
  for (const std::string& where : {std::string("127.0.0.1"), "unix:@lastcall-drain-" + std::to_string(::getpid())}) {
    accept_loop server(endpoint_of(where, 0));
    std::vector<unique_fd> clients(20);
    for (unique_fd& each : clients) ASSERT_EQ(connects(server.local, each), 0);
    std::thread running([&] { server.run(); });
    drain_of_listener(server.fd.get())(draining());
    running.join();
    EXPECT_EQ(server.accepted, 20);
    EXPECT_EQ(server.error, EINVAL);
    unique_fd late;
    EXPECT_EQ(connects(server.local, late), ECONNREFUSED);
  }
}

TEST(drain_of_listener, calls_what_ends_the_server_when_nobody_is_in_flight) {
  accept_loop server(endpoint_of("127.0.0.1", 0));
  std::vector<unique_fd> clients(20);
  for (unique_fd& each : clients) ASSERT_EQ(connects(server.local, each), 0);
  std::thread running([&] { server.run(); });
  int called = 0;
  auto drain = drain_of_listener([&] { return server.fd.get(); },
                                 [&] {
                                   ++called;
                                   ::shutdown(server.fd.get(), SHUT_RDWR);
                                 });
  drain(draining());
  running.join();
  EXPECT_EQ(called, 1);
  EXPECT_EQ(server.accepted, 20);
}

TEST(drain_of_listener, is_the_drain_of_a_component) {
  accept_loop server(endpoint_of("127.0.0.1", 0));
  app a({.signals = {}, .log = log_level::none});
  a.add("foreign", {.run = [&] { server.run(); }, .drain = drain_of_listener(server.fd.get())});
  a.start();
  unique_fd client;
  ASSERT_EQ(connects(server.local, client), 0);
  EXPECT_EQ(a.shutdown(deadline(20s)).exit_code, 0);
  EXPECT_EQ(server.accepted, 1);
}

TEST(drain_of_listener, refuses_what_does_not_listen) {
  const unique_fd other(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  EXPECT_THROW(drain_of_listener(other.get())(draining()), std::invalid_argument);
}

}  // namespace lastcall::net::drain_of_listener_test
