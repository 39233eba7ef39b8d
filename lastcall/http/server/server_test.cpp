#include "lastcall/http/server/server.hpp"

#include <gmock/gmock.h>
#include <unistd.h>

#include <stdexcept>
#include <string>
#include <system_error>
#include <utility>

#include "lastcall/http/server/scene_test.hpp"
#include "lastcall/http/server/serving_test.hpp"
#include "lastcall/net/connection/line_protocol_test.hpp"
#include "lastcall/net/loop/runtime.hpp"

namespace lastcall::http::server_test {

using namespace std::chrono_literals;
using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::SizeIs;
using ::testing::StartsWith;
using testing_net::client;
using testing_server::ask;
using testing_server::get;
using testing_server::hello;
using testing_server::local;
using testing_server::scene;

TEST(server, tells_where_it_listens_and_serves_there) {
  scene s;
  server it(local(s.routes()));
  it.start();
  ASSERT_THAT(it.addresses(), SizeIs(1));
  EXPECT_NE(it.addresses()[0].port(), 0);
  client c(it.addresses()[0]);
  EXPECT_THAT(ask(c, hello), AllOf(StartsWith("HTTP/1.1 200 OK\r\n"), HasSubstr("\r\n\r\nhello\n")));
}

TEST(server, says_in_its_log_where_it_listens) {
  std::vector<std::string> said;
  const logger log(log_level::info, [&](const log_record& r) { said.emplace_back(r.text); });
  net::runtime on({.threads = 1});
  on.start({});
  scene s;
  auto o = local(s.routes());
  o.unix_path = ::testing::TempDir() + "server-says-" + std::to_string(::getpid());
  server it(std::move(o), on, log);
  it.start({});
  EXPECT_THAT(said, ::testing::ElementsAre("listening on http://" + to_text(it.addresses()[0]),
                                           "listening on " + to_text(it.addresses()[1])));
  it.stop();
  on.stop();
}

TEST(server, listens_on_a_path_as_well_or_instead) {
  const std::string path = ::testing::TempDir() + "server-" + std::to_string(::getpid());
  scene s;
  auto o = local(s.routes());
  o.address = "";
  o.unix_path = path;
  server it(std::move(o));
  it.start();
  client c(net::endpoint_of("unix:" + path, 0));
  ASSERT_EQ(c.error(), 0);
  EXPECT_THAT(ask(c, hello), HasSubstr("hello\n"));
  c.close();
  EXPECT_EQ(it.shutdown(deadline(10s)).outcome, outcome::graceful);
  EXPECT_EQ(client(net::endpoint_of("unix:" + path, 0)).error(), ENOENT);
}

TEST(server, refuses_options_that_cannot_be_meant) {
  const auto why = [](server_options o) -> std::string {
    try {
      server it(std::move(o));
      return "accepted";
    } catch (const std::invalid_argument& error) {
      return error.what();
    }
  };
  EXPECT_THAT(why({.address = "localhost"}), HasSubstr("localhost"));
  EXPECT_THAT(why({.address = ""}), HasSubstr("nowhere to listen"));
  EXPECT_THAT(why({.idle_drain_after = -1s}), HasSubstr("idle_drain_after = -1s"));
  EXPECT_THAT(why({.linger = -1s}), HasSubstr("linger = -1s"));
  EXPECT_THAT(why({.limits = {.head_bytes = 1}}), HasSubstr("head_bytes"));
  // What would have no effect:
  EXPECT_THAT(why({.tls = {.client_ca_file = "ca.pem"}}), HasSubstr("tls_port"));
  EXPECT_THAT(why({.tls = {.clients = net::client_certificates::required}}), HasSubstr("tls_port"));
  EXPECT_THAT(why({.tls = {.alpn = {"h2"}}}), HasSubstr("alpn"));
}

TEST(server, says_that_its_port_is_taken) {
  server first(local({}));
  first.start();
  auto o = local({});
  o.port = first.addresses()[0].port();
  server second(std::move(o));
  try {
    second.start();
    ADD_FAILURE() << "two on one port";
  } catch (const std::system_error& error) {
    EXPECT_THAT(error.what(), HasSubstr(net::to_text(first.addresses()[0])));
  }
  first.shutdown(deadline(1s));
  EXPECT_THROW(second.start(), std::logic_error) << "its runtime has ended; a new server may try again";
  EXPECT_EQ(second.shutdown(deadline(1s)).outcome, outcome::graceful);
}

TEST(server, says_that_it_lives_and_whether_it_is_ready) {
  scene s;
  server it(local(s.routes()));
  it.start();
  client c(it.addresses()[0]);
  EXPECT_THAT(ask(c, get("/livez")), AllOf(StartsWith("HTTP/1.1 200"), HasSubstr("alive\n")));
  EXPECT_THAT(ask(c, get("/readyz")), AllOf(StartsWith("HTTP/1.1 200"), HasSubstr("ready\n")));
  it.announce();
  EXPECT_THAT(ask(c, get("/livez")), StartsWith("HTTP/1.1 200"));
  EXPECT_THAT(ask(c, get("/readyz")), AllOf(StartsWith("HTTP/1.1 503"), HasSubstr("draining\n")));
  EXPECT_THAT(ask(c, hello), StartsWith("HTTP/1.1 200"));
}

/// A single-page app's fallback, or a JSON 404 for everything: it said "ready" throughout a drain.
TEST(server, answers_for_its_health_before_a_route_for_all_paths) {
  const auto page = [](const request&) { return text("page"); };
  for (const char* pattern : {"/{rest...}", "/{name}"}) {
    for (const char* verb : {"GET", "HEAD", "POST", "*"}) {
      server_options o;
      o.routes.route(verb, pattern, page);
      serving_test s(std::move(o));
      EXPECT_EQ(s.get("/livez").body, "alive\n") << verb << pattern;
      EXPECT_EQ(s.get("/readyz?x=1").body, "ready\n") << verb << pattern;
      s.it.announce();
      for (const char* spelled : {"/readyz", "/readyz/", "/%72eadyz", "/readyz/?x"})
        EXPECT_EQ(s.get(spelled).status, 503) << verb << pattern << spelled;
      auto c = s.enters();
      c.say(request_for("/readyz", "", "HEAD"));
      EXPECT_EQ(next_reply(c, true).status, 503) << verb << pattern;
    }
  }
}

TEST(server, leaves_one_method_of_a_health_path_to_a_route) {
  server_options o;
  o.routes.post("/readyz", [](const request&) { return text("posted"); });
  o.routes.any("/livez", [](const request&) { return text("mine"); });
  serving_test s(std::move(o));
  EXPECT_EQ(s.get("/readyz").body, "ready\n");
  EXPECT_EQ(s.get("/livez").body, "mine");
  auto c = s.enters();
  c.say(request_for("/readyz", "Content-Length: 0\r\n", "POST"));
  EXPECT_EQ(next_reply(c).body, "posted");
}

TEST(server, leaves_health_to_the_users_route_or_away) {
  scene s;
  auto o = local(s.routes());
  o.routes.get("/readyz", [](const request&) { return text("mine\n"); });
  o.routes.get("/livez/", [](const request&) { return text("also mine\n"); });
  server mine(std::move(o));
  mine.start();
  client c(mine.addresses()[0]);
  EXPECT_THAT(ask(c, get("/readyz")), HasSubstr("mine\n"));
  EXPECT_THAT(ask(c, get("/livez/")), HasSubstr("also mine\n"));
  EXPECT_THAT(ask(c, get("/livez")), HasSubstr("alive\n"));

  auto without = local(s.routes());
  without.health = false;
  server none(std::move(without));
  none.start();
  client d(none.addresses()[0]);
  EXPECT_THAT(ask(d, get("/livez")), StartsWith("HTTP/1.1 404"));
}

TEST(server, says_503_to_an_address_that_has_too_many_connections_and_to_no_other) {
  serving_test s({.limits = {.max_connections_per_address = 2}});
  auto one = s.enters(), two = s.enters();
  one.say(request_for("/livez"));
  EXPECT_EQ(next_reply(one).status, 200);
  EXPECT_EQ(s.get("/livez").status, 503);
  testing_net::client other("127.0.0.2", s.it.addresses().at(0));
  other.say(request_for("/livez"));
  EXPECT_EQ(next_reply(other).status, 200);
  two.close();
  EXPECT_TRUE(s.eventually([&] { return s.get("/livez").status == 200; })) << "one of them has left";
}

TEST(server, says_503_when_it_is_full) {
  scene s;
  auto o = local(s.routes());
  o.limits.max_connections = 1;
  server it(std::move(o));
  it.start();
  client a(it.addresses()[0]);
  EXPECT_THAT(ask(a, hello), StartsWith("HTTP/1.1 200"));
  client b(it.addresses()[0]);
  EXPECT_THAT(ask(b, hello), AllOf(StartsWith("HTTP/1.1 503"), HasSubstr("\r\nRetry-After: "),
                                   HasSubstr("\r\nConnection: close\r\n")));
  EXPECT_EQ(b.hear_all(), "");
  EXPECT_THAT(ask(a, hello), StartsWith("HTTP/1.1 200"));
}

TEST(server, listens_with_every_thread_when_asked) {
  scene s;
  auto o = local(s.routes());
  o.listener_per_thread = true;
  server it(std::move(o));
  it.start();
  EXPECT_THAT(it.addresses(), SizeIs(1));
  for (int i = 0; i < 20; ++i) {
    client c(it.addresses()[0]);
    EXPECT_THAT(ask(c, hello), HasSubstr("hello\n"));
  }
  EXPECT_EQ(it.shutdown(deadline(10s)).outcome, outcome::graceful);
  EXPECT_EQ(it.connections().accepted, 20U);
}

}  // namespace lastcall::http::server_test
