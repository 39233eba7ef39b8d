// Sockets of this process, found by their addresses.
#include "lastcall/adapters/grpc/our_sockets.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/resource.h>
#include <sys/socket.h>

#include <array>

#include "lastcall/net/listen/listener.hpp"

namespace lastcall::grpc::our_sockets_test {

using detail::is_at;
using detail::wanted_address;

net::endpoint at(const char* address, std::uint16_t port) { return *net::parse_address(address, port); }

TEST(our_sockets, are_those_of_the_address_that_the_builder_was_given) {
  EXPECT_TRUE(is_at(at("127.0.0.1", 80), {.text = "127.0.0.1:80", .port = 80}));
  EXPECT_TRUE(is_at(at("127.0.0.1", 81), {.text = "127.0.0.1:0", .port = 81}));
  EXPECT_TRUE(is_at(at("::ffff:127.0.0.1", 80), {.text = "127.0.0.1:80", .port = 80}));
  EXPECT_TRUE(is_at(at("::", 80), {.text = "0.0.0.0:80", .port = 80}));
  EXPECT_TRUE(is_at(at("::1", 80), {.text = "localhost:80", .port = 80}));
  EXPECT_TRUE(is_at(at("unix:/run/a", 0), {.text = "unix:/run/a", .port = 1}));
  EXPECT_TRUE(is_at(at("unix:/run/a", 0), {.text = "unix:///run/a"}));
  EXPECT_TRUE(is_at(at("unix:///run/a", 0), {.text = "unix:///run/a"}));
  EXPECT_TRUE(is_at(at("unix:a", 0), {.text = "unix:a"}));
  EXPECT_TRUE(is_at(at("unix:@a", 0), {.text = "unix-abstract:a"}));
  EXPECT_FALSE(is_at(at("unix:a", 0), {.text = "unix-abstract:a"}));
  EXPECT_FALSE(is_at(at("127.0.0.1", 81), {.text = "127.0.0.1:80", .port = 80}));
  EXPECT_FALSE(is_at(at("127.0.0.2", 80), {.text = "127.0.0.1:80", .port = 80})) << "another server's, same port";
  EXPECT_FALSE(is_at(at("unix:/run/b", 0), {.text = "unix:/run/a", .port = 1}));
  EXPECT_FALSE(is_at(at("unix:/run/b", 0), {.text = "127.0.0.1:80", .port = 80}));
  EXPECT_FALSE(is_at(at("127.0.0.1", 1), {.text = "unix:/run/a", .port = 1}));
}

TEST(our_sockets, have_the_port_of_a_text) {
  EXPECT_EQ(detail::port_in("[::]:50051"), 50051);
  EXPECT_EQ(detail::port_in("localhost:80"), 80);
  EXPECT_EQ(detail::port_in("localhost:0"), 0);
  EXPECT_EQ(detail::port_in("localhost:http"), 0);
  EXPECT_EQ(detail::port_in("localhost:"), 0);
  EXPECT_EQ(detail::port_in("65536"), 0);
  EXPECT_EQ(detail::port_in(""), 0);
}

TEST(our_sockets, that_listen_and_those_that_they_have_accepted_are_found) {
  const detail::descriptor_list all("grpc");
  const net::listener listening({.where = at("127.0.0.1", 0)});
  const net::listener other({.where = at("127.0.0.1", 0)});
  const std::uint16_t port = listening.local().port();
  const std::array wanted{wanted_address{.text = "127.0.0.1:0", .port = port}};
  const auto found = detail::listeners_at(all, wanted);
  ASSERT_EQ(found.size(), 1U);
  EXPECT_EQ(found[0].fd, listening.fd());

  const std::array listeners{found[0].local};
  EXPECT_EQ(detail::look_at_connections(all, listeners).open, 0U);
  const net::unique_fd client(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  sockaddr_storage name;
  const socklen_t size = listening.local().fill(name);
  ASSERT_EQ(::connect(client.get(), reinterpret_cast<sockaddr*>(&name), size), 0);
  EXPECT_EQ(detail::look_at_connections(all, listeners).open, 0U) << "it waits in the queue";
  auto taken = listening.accept_one();
  for (const deadline by(std::chrono::seconds(20)); !taken && !by.passed(steady().now());)
    taken = listening.accept_one();
  ASSERT_TRUE(taken);
  const auto seen = detail::look_at_connections(all, listeners);
  EXPECT_EQ(seen.open, 1U);
  EXPECT_GT(seen.round_trip, duration::zero());
  EXPECT_LT(seen.quiet, std::chrono::minutes(5));

  const std::string answer(1 << 22, 'x');  // more than the client's buffer takes
  EXPECT_GT(::send(taken->fd.get(), answer.data(), answer.size(), MSG_DONTWAIT | MSG_NOSIGNAL), 0);
  EXPECT_EQ(detail::look_at_connections(all, listeners).quiet, duration::zero()) << "an answer is on its way";
}

TEST(our_sockets, of_another_address_with_the_same_port_are_not_ours) {
  const detail::descriptor_list all("grpc");
  const net::listener one({.where = at("127.0.0.1", 0)});
  const net::listener two({.where = at("127.0.0.2", one.local().port())});
  const std::array wanted{wanted_address{.text = to_text(two.local()), .port = two.local().port()}};
  const auto found = detail::listeners_at(all, wanted);
  ASSERT_EQ(found.size(), 1U);
  EXPECT_EQ(found[0].fd, two.fd());
}

/// Until it goes, this process opens nothing more.
struct no_descriptor_left {
  no_descriptor_left() {
    ::getrlimit(RLIMIT_NOFILE, &before);
    const rlimit none{.rlim_cur = 0, .rlim_max = before.rlim_max};
    ::setrlimit(RLIMIT_NOFILE, &none);
  }
  ~no_descriptor_left() { ::setrlimit(RLIMIT_NOFILE, &before); }
  no_descriptor_left& operator=(no_descriptor_left&&) = delete;
  rlimit before{};
};

TEST(our_sockets, are_found_also_when_no_descriptor_is_left) {
  const detail::descriptor_list all("grpc");
  const net::listener listening({.where = at("127.0.0.1", 0)});
  const std::array wanted{wanted_address{.text = "127.0.0.1:0", .port = listening.local().port()}};
  const no_descriptor_left none;
  EXPECT_EQ(detail::listeners_at(all, wanted).size(), 1U);
  EXPECT_THAT([] { const detail::descriptor_list late("rpc"); },
              testing::ThrowsMessage<std::runtime_error>(testing::HasSubstr("rpc: can't read /proc/self/fd")));
}

}  // namespace lastcall::grpc::our_sockets_test
