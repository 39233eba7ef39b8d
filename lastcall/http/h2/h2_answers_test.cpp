// Answers that HTTP/2 can't send as HTTP/1.1 does.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "lastcall/http/files/file.hpp"
#include "lastcall/http/h2/h2_conversation_test.hpp"
#include "lastcall/http/requests/streaming.hpp"
#include "lastcall/http/routing/responder.hpp"
#include "lastcall/http/ws/websocket.hpp"

namespace lastcall::http::detail::h2_answers_test {

using namespace h2_conversation_test;
using namespace std::chrono_literals;

server_options with_h2c() {
  server_options o;
  o.h2c = true;
  o.jitter = {};
  o.routes.get("/plain", [](const request&) { return text("plain"); });
  return o;
}

TEST(h2_answers, sends_a_client_that_wants_a_websocket_to_http_1_1) {
  server_options o = with_h2c();
  std::vector<std::string> records;
  o.access_log = [&](const access_record& r) { records.push_back(to_json(r)); };
  o.routes.websocket("/ws", [](ws::stream) -> task<> { co_return; });
  serving_test t(std::move(o));
  conversation c(t);
  for (int id = 1; id < 600; id += 2) {  // more than a client may reset at once
    c.client.say(ask(id, "/ws", id == 3 ? "HEAD" : "GET"));
    while (c.resets < (id + 1) / 2 && c.hear_one()) {}
    ASSERT_EQ(c.reset_code, 13) << id;
  }
  c.client.say(ask(601, "/plain"));
  c.hear(1);
  EXPECT_EQ(c.body[601], "plain") << "the connection stays in use";
  c.leaves(t);
  const request_ledger l = t.it.requests();
  EXPECT_EQ(l.rejected, 300u);
  EXPECT_EQ(l.answered, 1u);
  ASSERT_EQ(records.size(), 301u);
  EXPECT_THAT(records[0], testing::HasSubstr(R"("target":"/ws","status":426,"bytes":0)"));
  EXPECT_THAT(records[0], testing::HasSubstr(R"("ended":"rejected")"));
}

TEST(h2_answers, are_of_the_servers_health_before_a_route_for_all_paths) {
  server_options o = with_h2c();
  o.routes.get("/{rest...}", [](const request&) { return text("page"); });
  serving_test t(std::move(o));
  conversation c(t);
  c.client.say(ask(1, "/readyz") + ask(3, "/livez") + ask(5, "/other"));
  c.hear(3);
  EXPECT_EQ(c.body[1], "ready\n");
  EXPECT_EQ(c.body[3], "alive\n");
  EXPECT_EQ(c.body[5], "page");
}

TEST(h2_answers, come_early_to_a_client_that_sends_its_body_first_and_leave_the_connection_in_use) {
  server_options o = with_h2c();
  o.limits.body_bytes = 100;
  o.routes.post("/up", [](const request& r) { return text(std::to_string(r.body().size())); });
  serving_test t(std::move(o));
  conversation c(t);
  for (int id = 1; id < 40; id += 2) {  // more bytes than the window of the connection
    c.client.say(ask(id, "/up", "POST", 4, field("content-length", "60000")));
    for (int i = 0; i < 4; ++i) c.client.say(frame(0, i == 3, id, std::string(15'000, 'x')));
    c.hear(c.ended + 1);
    EXPECT_EQ(c.body[id], "413 Content Too Large: body too large\n");
  }
  c.client.say(ask(41, "/plain"));
  c.hear(c.ended + 1);
  EXPECT_EQ(c.body[41], "plain");
  c.leaves(t);
  EXPECT_EQ(t.it.requests().rejected, 20u);
  EXPECT_EQ(t.it.requests().answered, 1u);
}

/// curl 7.88, for one, loses an answer that RST_STREAM follows in the same packet.
TEST(h2_answers, that_are_early_leave_the_client_time_to_read_them_before_a_reset) {
  server_options o = with_h2c();
  o.limits.body_bytes = 100;
  o.routes.post("/up", [](const request& r) { return text(std::to_string(r.body().size())); });
  serving_test t(std::move(o));
  conversation c(t);
  c.client.say(ask(1, "/up", "POST", 4, field("content-length", "60000")));
  c.client.say(frame(0, 0, 1, std::string(1000, 'x')));
  c.hear(1);
  EXPECT_EQ(c.body[1], "413 Content Too Large: body too large\n");
  const time_point answered = steady().now();
  while (t.it.requests().rejected == 0 && steady().now() - answered < 10s) std::this_thread::yield();
  for (int i = 0; i < 3; ++i) {
    std::this_thread::sleep_for(400ms);  // as a slow sender
    c.client.say(frame(0, 0, 1, std::string(1000, 'x')));
  }
  while (c.resets == 0 && c.hear_one()) {}
  EXPECT_GE(steady().now() - answered, 1200ms) << "it was still sending";
  EXPECT_EQ(c.reset_code, 0);
  c.client.say(ask(3, "/plain"));
  c.hear(2);
  EXPECT_EQ(c.body[3], "plain");
  c.leaves(t);
  EXPECT_EQ(t.it.requests().rejected, 1u);
  EXPECT_EQ(t.it.requests().answered, 1u);
}

/// nghttp2 drops what is larger than 64 KiB when it would send it: its client would wait until write_time, and a drain
/// to its end.
TEST(h2_answers, answers_500_where_a_head_cannot_be_sent_and_resets_where_trailers_cannot) {
  server_options o = with_h2c();
  std::vector<std::string> records;
  o.access_log = [&](const access_record& r) {
    records.push_back(std::string(r.target) + " " + std::to_string(r.status) + " " + std::string(to_text(r.ended)));
  };
  const std::string large(70'000, 'x');
  const auto many = [](response r) {
    for (int i = 0; i < 5000; ++i) r.add_header("X", "y");
    return r;
  };
  const auto made = [] { return http::streamed([](body_writer to) -> task<> { co_await to.write("made"); }); };
  o.routes.get("/a", [&](const request&) { return text("a").header("X", large); });
  o.routes.get("/b", [&](const request&) { return many(text("b")); });
  o.routes.get("/c", [&](const request&) { return made().header("X", large); });
  o.routes.get("/d", [&](const request&) -> task<response> { co_return many(made()); });
  o.routes.get("/e", blocking([&](const request&) { return text("e").header("X", large); }));
  o.routes.get("/f", [&](const request&, responder r) { r.send(text("f").header("X", large)); });
  o.routes.get("/g", [&](const request& r) { return file(r, "/proc/self/exe").header("X", large); });
  o.routes.get("/trailers", [&](const request&) {
    return http::streamed([&](body_writer to) -> task<> {
      co_await to.write("made");
      to.trailer("X", large);
    });
  });
  o.routes.get("/fits", [&](const request&) { return text("fits").header("X", large.substr(0, 64'000)); });
  serving_test t(std::move(o));
  conversation c(t);
  int id = 1;
  for (const char* path : {"/a", "/b", "/c", "/d", "/e", "/f", "/g"}) {
    c.client.say(ask(id, path));
    c.hear(c.ended + 1);
    EXPECT_EQ(c.body[id], "internal server error\n") << path;
    id += 2;
  }
  c.client.say(ask(id, "/trailers", "GET", 5, field("te", "trailers")));
  while (c.resets == 0 && c.hear_one()) {}
  EXPECT_EQ(c.reset_code, 2);
  c.client.say(ask(id + 2, "/trailers"));  // does not want them
  c.hear(c.ended + 1);
  EXPECT_EQ(c.body[id + 2], "made");
  c.client.say(ask(id + 4, "/fits"));
  c.hear(c.ended + 1);
  EXPECT_EQ(c.body[id + 4], "fits");
  c.leaves(t);
  EXPECT_EQ(t.it.requests().answered, 9u);
  EXPECT_EQ(t.it.requests().broken, 1u);
  EXPECT_THAT(records, testing::ElementsAre("/a 500 answered", "/b 500 answered", "/c 500 answered", "/d 500 answered",
                                            "/e 500 answered", "/f 500 answered", "/g 500 answered",
                                            "/trailers 200 broken", "/trailers 200 answered", "/fits 200 answered"));
}

}  // namespace lastcall::http::detail::h2_answers_test
