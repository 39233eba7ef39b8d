#include <gmock/gmock.h>

#include <latch>
#include <string>
#include <utility>
#include <vector>

#include "lastcall/http/routing/responder.hpp"
#include "lastcall/http/server/scene_test.hpp"
#include "lastcall/http/ws/websocket.hpp"
#include "lastcall/http/ws/websocket_visitor_test.hpp"
#include "lastcall/net/connection/line_protocol_test.hpp"
#include "lastcall/net/task.hpp"
#include "lastcall/net/wait.hpp"

namespace lastcall::http::server_work_test {

using namespace std::chrono_literals;
using ::testing::HasSubstr;
using ::testing::SizeIs;
using ::testing::StartsWith;
using testing_net::client;
using testing_net::generous;
using testing_server::ask;
using testing_server::get;
using testing_server::hello;
using testing_server::later;
using testing_server::local;
using testing_server::scene;

TEST(server_work, says_what_it_is_at_work_on_the_oldest_first) {
  scene s;
  server it(local(s.routes()));
  it.start();
  client idle(it.addresses()[0]), half(it.addresses()[0]), first(it.addresses()[0]), second(it.addresses()[0]);
  ask(idle, hello);
  first.say("GET /later?" + std::string(200, 'q') + " HTTP/1.1\r\nHost: a\r\n\r\n");
  ASSERT_TRUE(s.wait_for(1));
  second.say(later);
  ASSERT_TRUE(s.wait_for(2));
  std::vector<work_item> items;
  it.in_progress(items, 10);
  ASSERT_THAT(items, SizeIs(2));
  EXPECT_EQ(items[0].label, "GET /later?" + std::string(113, 'q') + "...");
  EXPECT_EQ(items[1].label, "GET /later");
  EXPECT_THAT(items[0].remote, StartsWith("127.0.0.1:"));
  EXPECT_GE(items[0].age, items[1].age);
  it.in_progress(items, 1);
  ASSERT_THAT(items, SizeIs(3)) << "adds, and the oldest only";
  EXPECT_EQ(items[2].label, items[0].label);
  half.say("GET / HT");
  std::vector<work_item> three;
  for (const time_point by = steady().now() + generous; three.size() < 3 && steady().now() < by;) {
    three.clear();
    it.in_progress(three, 10);
  }
  ASSERT_THAT(three, SizeIs(3));
  EXPECT_EQ(three[2].label, "a request that is not complete");
  for (responder& r : s.answers) r.send(text("done\n"));
}

TEST(server_work, says_what_a_coroutine_waits_for_and_where) {
  auto o = local({});
  o.routes.get("/", [](const request&, context ctx) -> task<response> {
    co_await net::wait_for(ctx, 1h);
    co_return text("told\n");
  });
  server it(std::move(o));
  it.start();
  client c(it.addresses()[0]);
  c.say(hello);
  std::vector<work_item> items;
  for (const time_point by = steady().now() + generous; steady().now() < by;) {
    items.clear();
    it.in_progress(items, 10);
    if (!items.empty() && !items[0].waits_for.empty()) break;
  }
  ASSERT_THAT(items, SizeIs(1));
  EXPECT_THAT(items[0].waits_for, StartsWith("time to pass (server_work_test.cpp:"));
}

TEST(server_work, says_what_the_handler_of_a_websocket_waits_for) {
  server_options o;
  o.routes.websocket("/ws", [](ws::stream s) -> task<> {
    co_await net::wait_for(s.life(), 1h);
    co_await s.close();
  });
  serving_test t(std::move(o));
  const ws::visitor v(t);
  EXPECT_EQ(v.answer.status, 101);
  std::vector<work_item> items;
  EXPECT_TRUE(t.eventually([&] {
    items.clear();
    t.it.in_progress(items, 10);
    return items.size() == 1 && !items[0].waits_for.empty();
  }));
  ASSERT_THAT(items, SizeIs(1));
  EXPECT_THAT(items[0].waits_for, StartsWith("time to pass (server_work_test.cpp:"));
}

TEST(server_work, says_that_a_loop_does_not_answer) {
  std::latch entered(1), released(1);
  auto o = local({});
  o.routes.get("/", [&](const request&) {
    entered.count_down();
    released.wait();
    return text("late\n");
  });
  server it(std::move(o));
  it.start();
  client c(it.addresses()[0]);
  c.say(hello);
  entered.wait();
  std::vector<work_item> items;
  it.in_progress(items, 10);
  ASSERT_THAT(items, SizeIs(1));
  EXPECT_THAT(items[0].label, HasSubstr("does not answer"));
  released.count_down();
}

}  // namespace lastcall::http::server_work_test
