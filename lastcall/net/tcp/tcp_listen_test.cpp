// How a server's listeners are opened and left: listen_options, from the outside.
#include <gmock/gmock.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstdint>
#include <memory>
#include <stdexcept>
#include <string>
#include <system_error>
#include <thread>
#include <vector>

#include "lastcall/net/connection/line_protocol_test.hpp"
#include "lastcall/net/listen/listener.hpp"
#include "lastcall/net/tcp/tcp_echo_test.hpp"
#include "lastcall/net/tcp/tcp_server.hpp"

namespace lastcall::net::tcp_listen_test {

using namespace std::chrono_literals;
using ::testing::HasSubstr;
using testing_net::client;

tcp_server_options at(std::uint16_t port, listen_options listen, bool on_each = false) {
  tcp_server_options o = testing_net::local_tcp();
  o.port = port;
  o.listen = listen;
  o.listener_per_thread = on_each;
  return o;
}

tcp_server_options at_path(std::string path, listen_options listen = {}) {
  tcp_server_options o = at(0, listen);
  o.address = "";
  o.unix_path = std::move(path);
  return o;
}

std::unique_ptr<tcp_server> started(tcp_server_options o) {
  auto made = std::make_unique<tcp_server>(std::move(o));
  made->start();
  return made;
}

void echoes(const endpoint& where) {
  client c(where);
  c.say("a\n");
  EXPECT_EQ(c.hear_until("\n"), "a\n");
  c.close();
}

std::string name(const char* of) { return "lastcall-listen-" + std::string(of) + "-" + std::to_string(::getpid()); }

TEST(tcp_listen, on_an_abstract_unix_socket_leaves_no_file) {
  const auto it = started(at_path("@" + name("abstract")));
  EXPECT_EQ(to_text(it->addresses().at(0)), "unix:@" + name("abstract"));
  echoes(it->addresses().at(0));
  EXPECT_EQ(it->shutdown(deadline(20s)).outcome, outcome::graceful);
  EXPECT_EQ(client(it->addresses().at(0)).error(), ECONNREFUSED);
}

TEST(tcp_listen, on_a_path_gives_it_the_permissions_that_were_asked_for) {
  const std::string path = "/tmp/" + name("mode");
  const auto it = started(at_path(path, {.unix_mode = 0620}));
  struct stat entry;
  ASSERT_EQ(::stat(path.c_str(), &entry), 0);
  EXPECT_EQ(entry.st_mode & 07777U, 0620u);
  echoes(it->addresses().at(0));
}

TEST(tcp_listen, on_an_inherited_socket_leaves_its_queue_to_the_owner) {
  listener owner({.where = endpoint_of("127.0.0.1", 0)});
  {
    const auto it = started(at(0, {.inherited_fd = ::dup(owner.fd())}));
    EXPECT_EQ(it->addresses(), std::vector{owner.local()});
    echoes(owner.local());
    EXPECT_EQ(it->shutdown(deadline(20s)).outcome, outcome::graceful);
  }
  const client waits(owner.local());
  EXPECT_EQ(waits.error(), 0) << "never unplugged";
  EXPECT_TRUE(owner.accept_one());
  const unique_fd no_listener(::socket(AF_INET, SOCK_STREAM, 0));
  try {
    started(at(0, {.inherited_fd = ::dup(no_listener.get())}));
    FAIL() << "it does not listen";
  } catch (const std::invalid_argument& error) {
    EXPECT_THAT(error.what(),
                HasSubstr("is not a listening stream socket; systemd gives the first of LISTEN_FDS as 3"));
  }
}

TEST(tcp_listen, as_a_successor_joins_a_program_of_another_library) {
  const listener foreign({.where = endpoint_of("127.0.0.1", 0), .reuse_port = true});
  const std::uint16_t port = foreign.local().port();
  try {
    started(at(port, {}));
    FAIL() << "it did not ask for it";
  } catch (const std::system_error& error) {
    EXPECT_THAT(error.what(), HasSubstr("another socket listens there; stop its process or take another port"));
  }
  const auto it = started(at(port, {.successor = true}));
  EXPECT_EQ(it->addresses().at(0), foreign.local());
}

TEST(tcp_listen, overlaps_with_the_next_server_for_which_its_clients_wait) {
  for (const bool on_each : {false, true}) {
    auto now = started(at(0, {.overlap = true}, on_each));
    const std::uint16_t port = now->addresses().at(0).port();
    for (int i = 0; i < 5; ++i) {
      auto next = started(at(port, {.overlap = true}, on_each));
      client stays(next->addresses().at(0));  // of either
      stays.say("a\n");
      EXPECT_EQ(stays.hear_until("\n"), "a\n");
      std::thread leaving([&] {
        stays.say("b\n");
        stays.hear_until("\n");
        stays.close();
      });
      EXPECT_EQ(now->shutdown(deadline(20s)).outcome, outcome::graceful);
      leaving.join();
      for (int n = 0; n < 10; ++n) echoes(next->addresses().at(0));
      now = std::move(next);
    }
    const endpoint where = now->addresses().at(0);
    EXPECT_EQ(now->shutdown(deadline(20s)).outcome, outcome::graceful);
    EXPECT_EQ(client(where).error(), ECONNREFUSED);
  }
}

/// What is not drained, but closed at once, leaves the queue to the other, too.
TEST(tcp_listen, overlaps_also_with_one_that_closes_at_once) {
  const auto first = started(at(0, {.overlap = true}));
  const auto second = started(at(first->addresses().at(0).port(), {.overlap = true}));
  first->close();
  for (int n = 0; n < 10; ++n) echoes(second->addresses().at(0));
  EXPECT_EQ(first->connections().forced, 0u);
}

}  // namespace lastcall::net::tcp_listen_test
