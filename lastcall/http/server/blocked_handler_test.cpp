// What whoever looks for a hang finds out about handlers that block a thread.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <algorithm>
#include <string>
#include <vector>

#include "lastcall/core/stacks/stack.hpp"
#include "lastcall/http/requests/middleware.hpp"
#include "lastcall/http/requests/streaming.hpp"
#include "lastcall/http/server/serving_test.hpp"

namespace lastcall::http {

[[gnu::noinline]] void blocks_here(countdown& until) {
  EXPECT_TRUE(until.wait_until(steady().now() + testing_net::generous));
}

namespace blocked_handler_test {

using namespace std::chrono_literals;
using ::testing::Contains;
using ::testing::HasSubstr;

std::vector<std::string> activities(std::string_view component) {
  std::vector<std::string> found;
  for (const thread_entry& each : watched_thread::snapshot(1000))
    if (each.component == component && each.role == "handler") found.push_back(each.activity);
  return found;
}

struct blocked_handler : ::testing::Test {
  std::shared_ptr<countdown> inside = std::make_shared<countdown>(1);
  std::shared_ptr<countdown> until = std::make_shared<countdown>(1);

  server_options options() {
    server_options o{.name = "shop"};
    o.routes.get("/block/{what}", blocking([this](const request&) { return blocks(); }));
    o.routes.get("/make", [this](const request&) {
      return streamed_blocking([this](body_writer to) {
        static_cast<void>(blocks());
        to.write_blocking("made");
      });
    });
    const middleware wrapped = around([](const request&, const context&, const next_handler& go) { return go(); });
    o.routes.get("/around", wrapped(blocking([this](const request&) { return blocks(); })));
    return o;
  }
  response blocks() {
    inside->count_down();
    blocks_here(*until);
    return text("unblocked");
  }
  bool is_inside() { return inside->wait_until(steady().now() + testing_net::generous); }
};

TEST_F(blocked_handler, is_named_by_method_and_path_without_the_query) {
  serving_test s(options());
  auto client = s.enters();
  client.say(request_for("/block/door?token=secret"));
  ASSERT_TRUE(is_inside());
  EXPECT_THAT(activities("shop"), ::testing::ElementsAre("GET /block/door"));
  until->count_down();
  EXPECT_EQ(next_reply(client).body, "unblocked");
  EXPECT_TRUE(s.eventually([] { return activities("shop") == std::vector<std::string>{""}; }));
}

TEST_F(blocked_handler, is_named_while_it_makes_a_body) {
  serving_test s(options());
  auto client = s.enters();
  client.say(request_for("/make"));
  ASSERT_TRUE(is_inside());
  EXPECT_THAT(activities("shop"), Contains("GET /make"));
  until->count_down();
  EXPECT_EQ(next_reply(client).body, "made");
}

TEST_F(blocked_handler, is_named_behind_middleware) {
  serving_test s(options());
  auto client = s.enters();
  client.say(request_for("/around"));
  ASSERT_TRUE(is_inside());
  EXPECT_THAT(activities("shop"), Contains("GET /around"));
  until->count_down();
  EXPECT_EQ(next_reply(client).body, "unblocked");
}

#ifndef __SANITIZE_THREAD__  // see core/stacks/stack_test.cpp
TEST_F(blocked_handler, shows_where_it_stands) {
  serving_test s(options());
  auto client = s.enters();
  client.say(request_for("/block/door"));
  ASSERT_TRUE(is_inside());
  std::vector<thread_stack> stacks;
  const auto stands_there = [&] {  // the thread may still be saying that it is inside
    stacks = capture_stacks([](const thread_entry& of) { return of.role == "handler"; }, {.answer = 10s, .names = 0s});
    return stacks.size() == 1 && std::any_of(stacks[0].frames.begin(), stacks[0].frames.end(), [](const auto& frame) {
             return frame.find("blocks_here") != std::string::npos;
           });
  };
  s.eventually(stands_there);
  ASSERT_EQ(stacks.size(), 1U);
  EXPECT_EQ(stacks[0].component, "shop");
  EXPECT_EQ(stacks[0].activity, "GET /block/door");
  EXPECT_THAT(stacks[0].frames, Contains(HasSubstr("blocks_here")));
  until->count_down();
  EXPECT_EQ(next_reply(client).body, "unblocked");
}
#endif

}  // namespace blocked_handler_test
}  // namespace lastcall::http
