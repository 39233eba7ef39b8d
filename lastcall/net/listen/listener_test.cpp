#include "lastcall/net/listen/listener.hpp"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <optional>
#include <stdexcept>
#include <string>
#include <system_error>
#include <thread>
#include <vector>

#include "lastcall/net/connection/line_protocol_test.hpp"
#include "lastcall/net/listen/sock_diag.hpp"

namespace lastcall::net::listener_test {

using namespace std::chrono_literals;
using ::testing::AllOf;
using ::testing::AnyOf;
using ::testing::HasSubstr;

bool has_ipv6() {
  const unique_fd probe(::socket(AF_INET6, SOCK_STREAM | SOCK_CLOEXEC, 0));
  sockaddr_storage name;
  const socklen_t size = endpoint_of("::1", 0).fill(name);
  return probe && ::bind(probe.get(), reinterpret_cast<sockaddr*>(&name), size) == 0;
}

int family_of(const endpoint& where) {
  return where.family() == endpoint::kind::ipv4 ? AF_INET : where.ip() ? AF_INET6 : AF_UNIX;
}

// A client with blocking calls, none of which takes longer than 10 s.
struct client {
  explicit client(const endpoint& where, int flags = 0)
      : fd(::socket(family_of(where), SOCK_STREAM | SOCK_CLOEXEC | flags, 0)) {
    const timeval limit{10, 0};
    ::setsockopt(fd.get(), SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
    ::setsockopt(fd.get(), SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof limit);
    sockaddr_storage name;
    const socklen_t size = where.fill(name);
    const time_point begin = steady().now();
    error = ::connect(fd.get(), reinterpret_cast<sockaddr*>(&name), size) == 0 ? 0 : errno;
    took = steady().now() - begin;
  }
  void say(char c) const { EXPECT_EQ(::send(fd.get(), &c, 1, MSG_NOSIGNAL), 1); }

  // 'x' for an answer, 0 for the end, or -errno.
  int hear() const {
    char c = 0;
    const ssize_t n = ::recv(fd.get(), &c, 1, 0);
    return n > 0 ? c : n == 0 ? 0 : -errno;
  }

  unique_fd fd;
  int error = 0;
  duration took{};
};

std::vector<client> connect_many(const endpoint& where, int n) {
  std::vector<client> all;
  for (int i = 0; i < n; ++i) {
    all.emplace_back(where);
    EXPECT_EQ(all.back().error, 0);
  }
  return all;
}

// Accepts all that is there and sends each an 'x'.
int serve_queue(const listener& from) {
  int served = 0;
  for (;; ++served) {
    auto next = from.accept_one();
    if (!next) {
      EXPECT_EQ(classify_accept(next.error()), accept_error::again) << next.error().message();
      return served;
    }
    EXPECT_EQ(::send(next->fd.get(), "x", 1, MSG_NOSIGNAL), 1);
  }
}

void expect_served(const std::vector<client>& clients) {
  for (const client& c : clients) EXPECT_EQ(c.hear(), 'x');
}

// The kernel then counts a handshake as in flight until the client's first byte: a stand-in for a slow wire.
void hold_handshakes(const listener& l) {
  const int seconds = 10;
  ASSERT_EQ(::setsockopt(l.fd(), IPPROTO_TCP, TCP_DEFER_ACCEPT, &seconds, sizeof seconds), 0);
}

std::string failure(const listener_options& options) {
  try {
    const listener l(options);
  } catch (const std::exception& e) {
    return e.what();
  }
  return "no failure";
}

struct folder {
  folder() {
    char name[] = "/tmp/listener_test.XXXXXX";
    path = ::mkdtemp(name);
  }
  ~folder() { std::filesystem::remove_all(path); }
  endpoint socket(const std::string& name) const { return endpoint_of("unix:" + path + '/' + name, 0); }
  std::string path;
};

struct route {
  const char* listens_on;
  const char* connects_to;
};

class listener_routes : public ::testing::TestWithParam<route> {
 protected:
  void SetUp() override {
    const endpoint where = endpoint_of(GetParam().listens_on, 0);
    if (where.family() == endpoint::kind::ipv6 && !has_ipv6()) GTEST_SKIP() << "no IPv6 here";
    ours.emplace(listener_options{.where = where});
    there = endpoint_of(GetParam().connects_to, ours->local().port());
  }
  std::optional<listener> ours;
  endpoint there;
};

TEST_P(listener_routes, serves_all_who_connected_before_the_unplug_and_refuses_the_rest_at_once) {
  const auto clients = connect_many(there, 20);
  EXPECT_EQ(ours->begin_close(), closing_way::unplug);
  EXPECT_EQ(ours->begin_close(closing_way::plain), closing_way::unplug);  // the first choice stays
  const client late(there);
  EXPECT_EQ(late.error, ECONNREFUSED);
  EXPECT_LT(late.took, 500ms);
  EXPECT_EQ(serve_queue(*ours), 20);
  ours->close();
  expect_served(clients);
  EXPECT_EQ(client(there).error, ECONNREFUSED);
}

TEST_P(listener_routes, finishes_handshakes_in_flight_after_the_unplug) {
  hold_handshakes(*ours);
  const auto clients = connect_many(there, 5);
  EXPECT_EQ(serve_queue(*ours), 0);
  EXPECT_EQ(ours->begin_close(), closing_way::unplug);
  EXPECT_EQ(handshakes_in_flight(ours->local()).value(), 5U);
  for (const client& c : clients) c.say('?');
  EXPECT_EQ(handshakes_in_flight(ours->local()).value(), 0U);
  EXPECT_EQ(serve_queue(*ours), 5);
  ours->close();
  expect_served(clients);
}

TEST_P(listener_routes, tells_who_connected) {
  const client c(there);
  const auto next = ours->accept_one();
  ASSERT_TRUE(next);
  EXPECT_EQ(next->remote.family(), there.family());
  EXPECT_EQ(next->remote.with_port(0), there.with_port(0));
  int no_delay = 0;
  socklen_t size = sizeof no_delay;
  EXPECT_EQ(::getsockopt(next->fd.get(), IPPROTO_TCP, TCP_NODELAY, &no_delay, &size), 0);
  EXPECT_EQ(no_delay, 1);
  EXPECT_NE(::fcntl(next->fd.get(), F_GETFL) & O_NONBLOCK, 0);
  EXPECT_NE(::fcntl(next->fd.get(), F_GETFD) & FD_CLOEXEC, 0);
}

INSTANTIATE_TEST_SUITE_P(listener, listener_routes,
                         ::testing::Values(route{"127.0.0.1", "127.0.0.1"}, route{"0.0.0.0", "127.0.0.1"},
                                           route{"::1", "::1"}, route{"::", "::1"}, route{"::", "127.0.0.1"}));

// What most servers do; this is what the unplug is worth.
TEST(listener, resets_its_queue_when_closed_plainly) {
  listener ours({.where = endpoint_of("127.0.0.1", 0)});
  const auto clients = connect_many(ours.local(), 20);
  EXPECT_EQ(ours.begin_close(closing_way::plain), closing_way::plain);
  ours.close();
  for (const client& c : clients) EXPECT_EQ(c.hear(), -ECONNRESET);
}

TEST(listener, loses_handshakes_in_flight_when_it_only_accepts_until_empty) {
  listener ours({.where = endpoint_of("127.0.0.1", 0)});
  hold_handshakes(ours);
  const auto clients = connect_many(ours.local(), 5);
  EXPECT_EQ(ours.begin_close(closing_way::accept_until_empty), closing_way::accept_until_empty);
  EXPECT_EQ(serve_queue(ours), 0);
  ours.close();
  for (const client& c : clients) {
    c.say('?');
    EXPECT_EQ(c.hear(), -ECONNRESET);
  }
}

TEST(listener, drops_new_handshakes_and_keeps_its_queue_when_filtered) {
  listener ours({.where = endpoint_of("127.0.0.1", 0)});
  const auto clients = connect_many(ours.local(), 20);
  const closing_way way = ours.begin_close(closing_way::filter);
  ASSERT_THAT(way, AnyOf(closing_way::filter, closing_way::accept_until_empty));
  if (way == closing_way::filter) {
    EXPECT_EQ(client(ours.local(), SOCK_NONBLOCK).error, EINPROGRESS);  // on loopback it would have connected by now
  }
  EXPECT_EQ(serve_queue(ours), 20);
  ours.close();
  expect_served(clients);
}

TEST(listener, never_unplugs_what_somebody_else_owns_too) {
  const listener owner({.where = endpoint_of("127.0.0.1", 0)});
  const auto clients = connect_many(owner.local(), 3);
  for (const auto preferred : {closing_way::unplug, closing_way::filter, closing_way::plain}) {
    listener copy({.inherited_fd = ::dup(owner.fd())});
    EXPECT_EQ(copy.local(), owner.local());
    EXPECT_EQ(copy.begin_close(preferred), closing_way::leave);
    copy.close();
  }
  const auto more = connect_many(owner.local(), 3);
  EXPECT_EQ(serve_queue(owner), 6);
  expect_served(clients);
  expect_served(more);
}

/// Without privileges the kernel lets nobody change it a second time.
TEST(listener, is_unplugged_also_when_another_process_has_done_it) {
  const listener both({.where = endpoint_of("127.0.0.1", 0)});
  std::thread([&] {
    ASSERT_TRUE(::geteuid() != 0 || ::syscall(SYS_setresuid, -1, 1234, -1) == 0);  // of this thread alone
    EXPECT_EQ(keep_clients_away(both.fd()), closing_way::unplug);
    EXPECT_EQ(keep_clients_away(both.fd()), closing_way::unplug);
  }).join();
}

TEST(listener, leaves_the_path_of_an_inherited_socket) {
  const folder dir;
  const listener owner({.where = dir.socket("s")});
  {
    listener copy({.inherited_fd = ::dup(owner.fd())});
    EXPECT_EQ(copy.begin_close(), closing_way::leave);
  }
  EXPECT_EQ(client(owner.local()).error, 0);
}

TEST(listener, serves_all_who_connected_before_its_path_went) {
  const folder dir;
  listener ours({.where = dir.socket("s")});
  const auto clients = connect_many(ours.local(), 20);
  EXPECT_EQ(ours.begin_close(), closing_way::remove_path);
  EXPECT_EQ(client(ours.local()).error, ENOENT);
  EXPECT_EQ(serve_queue(ours), 20);
  ours.close();
  expect_served(clients);
}

TEST(listener, replaces_a_path_on_which_nobody_accepts) {
  const folder dir;
  const endpoint there = dir.socket("s");
  {
    const unique_fd crashed(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
    sockaddr_storage name;
    const socklen_t size = there.fill(name);
    ASSERT_EQ(::bind(crashed.get(), reinterpret_cast<sockaddr*>(&name), size), 0);
    ASSERT_EQ(::listen(crashed.get(), 1), 0);
  }
  {
    const listener ours({.where = there});
    EXPECT_EQ(client(there).error, 0);
    EXPECT_THAT(failure({.where = there}), AllOf(HasSubstr(to_text(there)), HasSubstr("another process listens")));
    EXPECT_EQ(client(there).error, 0);
  }
  EXPECT_FALSE(std::filesystem::exists(there.path()));
}

TEST(listener, keeps_its_hands_off_a_file_that_is_no_socket) {
  const folder dir;
  const endpoint there = dir.socket("s");
  std::ofstream(std::string(there.path())) << "precious";
  EXPECT_THAT(failure({.where = there}), HasSubstr("no socket"));
  EXPECT_EQ(std::filesystem::file_size(there.path()), 8U);
}

TEST(listener, removes_its_path_only_while_it_is_its_own) {
  const folder dir;
  const endpoint there = dir.socket("s");
  listener old({.where = there});
  std::filesystem::rename(there.path(), dir.path + "/kept_so_that_its_inode_is_not_used_again");
  const listener successor({.where = there});
  old.close();
  EXPECT_EQ(client(there).error, 0);
}

TEST(listener, gives_its_path_the_mode_asked_for) {
  const folder dir;
  const listener ours({.where = dir.socket("s"), .unix_mode = 0600});
  struct stat entry{};
  ASSERT_EQ(::stat(std::string(ours.local().path()).c_str(), &entry), 0);
  EXPECT_EQ(entry.st_mode & 0777, 0600U);
}

TEST(listener, keeps_its_path_when_moved) {
  const folder dir;
  listener first({.where = dir.socket("s")});
  {
    const listener second(std::move(first));
    EXPECT_EQ(client(second.local()).error, 0);
    first.close();
    EXPECT_EQ(client(second.local()).error, 0);
  }
  EXPECT_TRUE(std::filesystem::is_empty(dir.path));
}

TEST(listener, takes_ipv4_clients_on_the_ipv6_wildcard_unless_told_not_to) {
  if (!has_ipv6()) GTEST_SKIP() << "no IPv6 here";
  const listener v6({.where = endpoint_of("::", 0), .v6_only = true});
  EXPECT_EQ(client(endpoint_of("127.0.0.1", v6.local().port())).error, ECONNREFUSED);
  EXPECT_EQ(client(endpoint_of("::1", v6.local().port())).error, 0);
}

TEST(listener, names_address_reason_and_remedy_when_it_fails) {
  const listener ours({.where = endpoint_of("127.0.0.1", 0)});
  EXPECT_THAT(failure({.where = ours.local()}), AllOf(HasSubstr(to_text(ours.local())), HasSubstr("take another port"),
                                                      HasSubstr("Address already in use")));
  EXPECT_THAT(failure({.where = endpoint_of("192.0.2.1", 0)}),
              AllOf(HasSubstr("192.0.2.1:0"), HasSubstr("no interface")));
  EXPECT_THAT(failure({.where = endpoint_of("unix:/nonexistent/s", 0)}),
              AllOf(HasSubstr("unix:/nonexistent/s"), HasSubstr("directory")));
  EXPECT_THROW(listener({}), std::invalid_argument);
  EXPECT_THROW(listener({.where = endpoint_of("127.0.0.1", 0), .backlog = 0}), std::invalid_argument);
  EXPECT_THROW(listener({.inherited_fd = STDIN_FILENO}), std::invalid_argument);
}

TEST(listener, opens_again_while_its_last_connections_are_in_time_wait) {
  listener ours({.where = endpoint_of("127.0.0.1", 0)});
  const endpoint there = ours.local();
  const auto clients = connect_many(there, 1);
  EXPECT_EQ(serve_queue(ours), 1);  // which closes first, so the waiting is ours
  expect_served(clients);
  EXPECT_EQ(clients[0].hear(), 0);
  ours.close();
  EXPECT_EQ(failure({.where = there}), "no failure");
  EXPECT_EQ(failure({.where = there, .reuse_port = true}), "no failure");
}

TEST(listener, notices_a_second_copy_that_the_kernel_would_let_in) {
  const listener ours({.where = endpoint_of("127.0.0.1", 0), .reuse_port = true});
  EXPECT_THAT(failure({.where = ours.local(), .reuse_port = true}), HasSubstr("Address already in use"));
  EXPECT_EQ(failure({.where = ours.local(), .reuse_port = true, .successor = true}), "no failure");
}

TEST(listener, keeps_its_client_in_the_queue_while_descriptors_are_exhausted) {
  const listener ours({.where = endpoint_of("127.0.0.1", 0)});
  const auto clients = connect_many(ours.local(), 1);
  rlimit limit{};
  ASSERT_EQ(::getrlimit(RLIMIT_NOFILE, &limit), 0);
  const rlimit none{0, limit.rlim_max};
  ASSERT_EQ(::setrlimit(RLIMIT_NOFILE, &none), 0);
  const auto refused = ours.accept_one();
  ASSERT_EQ(::setrlimit(RLIMIT_NOFILE, &limit), 0);
  ASSERT_FALSE(refused);
  EXPECT_EQ(classify_accept(refused.error()), accept_error::exhausted);
  EXPECT_EQ(serve_queue(ours), 1);
  expect_served(clients);
}

TEST(listener, tells_the_errors_of_accept_apart) {
  const auto classify = [](int error) { return classify_accept({error, std::generic_category()}); };
  EXPECT_EQ(classify(EAGAIN), accept_error::again);
  for (const int error : {ECONNABORTED, EPROTO, ENETDOWN, EHOSTUNREACH, EPERM, ETIMEDOUT})
    EXPECT_EQ(classify(error), accept_error::aborted) << error;
  for (const int error : {EMFILE, ENFILE, ENOBUFS, ENOMEM})
    EXPECT_EQ(classify(error), accept_error::exhausted) << error;
  for (const int error : {EBADF, EINVAL, ENOTSOCK}) EXPECT_EQ(classify(error), accept_error::fatal) << error;
}

TEST(listener, gives_its_address_back_although_a_forked_child_has_a_copy_of_the_descriptor) {
  std::optional<listener> ours(std::in_place, listener_options{.where = endpoint_of("127.0.0.1", 0)});
  const endpoint where = ours->local();
  const unique_fd of_the_child(::fcntl(ours->fd(), F_DUPFD_CLOEXEC, 0));
  ours->begin_close();
  ours.reset();
  EXPECT_NO_THROW(ours.emplace(listener_options{.where = where}));
}

TEST(listener, goes_on_for_others_when_it_is_only_left) {
  std::optional<listener> ours(std::in_place, listener_options{.where = endpoint_of("127.0.0.1", 0)});
  const endpoint where = ours->local();
  const unique_fd of_another(::fcntl(ours->fd(), F_DUPFD_CLOEXEC, 0));
  ours->begin_close(closing_way::leave);
  ours.reset();
  EXPECT_EQ(testing_net::client(where).error(), 0);
}

}  // namespace lastcall::net::listener_test
