#include <gmock/gmock.h>

#include <optional>
#include <stdexcept>
#include <string>
#include <thread>
#include <utility>

#include "lastcall/http/h1/h1_serving_test.hpp"
#include "lastcall/http/routing/responder.hpp"
#include "lastcall/net/connection/line_protocol_test.hpp"

namespace lastcall::http::h1_responder_test {

using ::testing::StartsWith;
using testing_h1::ask;
using testing_h1::kept_responders;
using testing_h1::serving;
using testing_net::client;

TEST(h1_responder, takes_an_answer_from_any_thread_once) {
  serving s;
  auto c = s.enters();
  c.say(request_for("/later"));
  responder& r = s.later.at(0);
  std::thread([&] {
    r.send(text("from afar"));
    EXPECT_THROW(r.send(text("again")), std::logic_error);
  }).join();
  EXPECT_EQ(next_reply(c).body, "from afar");
  EXPECT_EQ(ask(c, request_for("/")).body, "hello\n") << "nothing else was sent";
}

TEST(h1_responder, keeps_a_request_as_it_was_until_its_answer) {
  serving s;
  auto c = s.enters();
  c.say("POST /later?q=1 HTTP/1.1\r\nHost: there\r\nX-Note: kept\r\nContent-Length: 4\r\n\r\nbody");
  const request& r = s.later.request_at(0);
  c.say(request_for("/n/" + std::string(10'000, '9')) + request_for("/n/3"));  // more than the rest of the buffer
  auto other = s.enters();
  for (int i = 0; i < 100; ++i) ASSERT_EQ(ask(other, request_for("/")).status, 200);
  EXPECT_EQ(r.body(), "body");
  EXPECT_EQ(r.header("x-note"), "kept");
  EXPECT_EQ(r.host(), "there");
  EXPECT_EQ(r.query("q"), "1");
  EXPECT_THAT(r.remote(), StartsWith("127.0.0.1:"));
  s.later.at(0).send(text("done"));
  EXPECT_EQ(next_reply(c).body, "done");
  EXPECT_EQ(next_reply(c).body.size(), 10'000U);
  EXPECT_EQ(next_reply(c).body, "3");
}

TEST(h1_responder, keeps_a_request_for_its_handler_although_the_client_has_gone) {
  serving s;
  auto c = s.enters();
  c.say("POST /later HTTP/1.1\r\nHost: there\r\nX-Note: kept\r\nContent-Length: 4\r\n\r\nbody");
  responder& answer = s.later.at(0);
  EXPECT_FALSE(answer.gone());
  c.reset();
  ASSERT_TRUE(s.eventually([&] { return answer.gone(); }));
  auto other = s.enters();
  for (int i = 0; i < 100; ++i) ASSERT_EQ(ask(other, request_for("/")).status, 200);  // the connection is freed by now
  const request& r = s.later.request_at(0);
  EXPECT_EQ(r.body(), "body");
  EXPECT_EQ(r.header("x-note"), "kept");
  EXPECT_THAT(r.remote(), StartsWith("127.0.0.1:"));
  answer.send(text("nobody reads this"));
  EXPECT_TRUE(s.eventually([&] { return s.it.requests().abandoned_by_client == 1; }));
}

TEST(h1_responder, lets_a_responder_outlive_its_server) {
  kept_responders kept;
  std::optional<client> c;
  {
    router routes;
    routes.get("/", [&](const request& r, responder a) { kept.keep(r, std::move(a)); });
    server it({.address = "127.0.0.1", .port = 0, .routes = std::move(routes)});
    it.start();
    for (int i = 0; i < 2; ++i) {
      c.emplace(it.addresses()[0]);
      c->say(request_for("/"));
      kept.at(static_cast<std::size_t>(i));
    }
    it.close();
  }
  EXPECT_TRUE(kept.at(0).gone());
  kept.at(0).send(text("too late"));
  kept.at(1) = responder();  // dropped
  EXPECT_EQ(c->hear_all(), "");
}

}  // namespace lastcall::http::h1_responder_test
