// Where a server listens, when its sockets come from others: inherited ones, and those of the process before it.
#include <gmock/gmock.h>
#include <sys/stat.h>
#include <unistd.h>

#include <memory>
#include <stdexcept>
#include <string>
#include <vector>

#include "lastcall/http/server/scene_test.hpp"
#include "lastcall/http/server/tls_serving_test.hpp"
#include "lastcall/net/listen/listener.hpp"

namespace lastcall::http::server_listen_test {

using namespace std::chrono_literals;
using ::testing::HasSubstr;
using testing_net::authority;
using testing_net::client;
using testing_net::tls_client;
using testing_server::ask;
using testing_server::hello;

router one_route() {
  router r;
  r.get("/", [](const request&) { return text("hello\n"); });
  return r;
}

server_options local(net::listen_options listen) {
  return {.address = "127.0.0.1", .port = 0, .listen = listen, .routes = one_route(), .idle_drain_after = 30ms};
}

std::string refusal(server_options o) {
  try {
    server it(std::move(o));
  } catch (const std::invalid_argument& error) {
    return error.what();
  }
  return "";
}

TEST(server_listen, serves_on_an_inherited_socket_without_tls_or_with_it) {
  authority ca;
  const authority::files keys = ca.issue({}, "server");
  for (const bool tls_only : {false, true}) {
    net::listener owner({.where = net::endpoint_of("127.0.0.1", 0)});
    server_options o = local({.inherited_fd = ::dup(owner.fd())});
    o.tls_port = 0;
    o.tls.certificates = {{keys.chain, keys.key, {}}};
    o.tls_only = tls_only;
    server it(std::move(o));
    it.start();
    EXPECT_EQ(it.addresses().at(0), owner.local());
    EXPECT_EQ(it.addresses().size(), tls_only ? 1u : 2u);
    EXPECT_EQ(it.tls_address() == owner.local(), tls_only);
    tls_client secure(it.tls_address(), {.ca_file = ca.ca_file()});
    EXPECT_TRUE(secure.shake_hands());
    if (!tls_only) {
      client plain(owner.local());
      EXPECT_THAT(ask(plain, hello), HasSubstr("hello\n"));
    }
    it.close();
    EXPECT_EQ(client(owner.local()).error(), 0) << "it is the owner's, and was only left";
  }
}

TEST(server_listen, shares_each_of_its_addresses_with_the_next_server) {
  const std::string path = "/tmp/lastcall-server-listen-" + std::to_string(::getpid());
  server_options o = local({.unix_mode = 0600, .overlap = true});
  o.unix_path = path;
  server first(std::move(o));
  first.start();
  server_options n = local({.unix_mode = 0640, .overlap = true});
  n.port = first.addresses().at(0).port();
  n.unix_path = path;
  server second(std::move(n));
  second.start();
  EXPECT_EQ(second.addresses(), first.addresses());
  client waits(first.addresses().at(0));
  EXPECT_EQ(first.shutdown(deadline(20s)).outcome, outcome::graceful);
  for (const net::endpoint& where : second.addresses())
    for (int i = 0; i < 10; ++i) {
      client c(where);
      EXPECT_THAT(ask(c, hello), HasSubstr("hello\n"));
    }
  struct stat entry;
  ASSERT_EQ(::stat(path.c_str(), &entry), 0) << "the path is the second's";
  EXPECT_EQ(entry.st_mode & 0777U, 0640u);
  EXPECT_EQ(second.shutdown(deadline(20s)).outcome, outcome::graceful);
  EXPECT_NE(::stat(path.c_str(), &entry), 0);
  EXPECT_EQ(client(second.addresses().at(0)).error(), ECONNREFUSED);
}

TEST(server_listen, refuses_what_makes_no_sense_by_its_name) {
  EXPECT_THAT(refusal(local({.unix_mode = 0600})),
              HasSubstr("http: listen.unix_mode = 0600, but there is no unix_path; give one, or leave it out"));
  EXPECT_THAT(refusal(local({.inherited_fd = 3, .overlap = true})), HasSubstr("listen.inherited_fd = 3 with overlap"));
  server_options o = local({});
  o.address = "";
  EXPECT_THAT(refusal(std::move(o)), HasSubstr("nowhere to listen; give an address or a unix_path"));
}

}  // namespace lastcall::http::server_listen_test
