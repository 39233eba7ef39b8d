#include "lastcall/http/ws/websocket_group.hpp"

#include <gmock/gmock.h>

#include <memory>
#include <thread>
#include <vector>

#include "lastcall/http/ws/websocket_visitor_test.hpp"

namespace lastcall::ws::websocket_group_test {

using namespace std::chrono_literals;
using http::serving_test;

http::server_options room(group& all, stream_options o = {}) {
  http::router r;
  r.websocket(
      "/ws",
      [&all](stream ws) -> task<> {
        const auto member = all.join(ws);
        while (auto msg = co_await ws.read()) all.send(*msg);
      },
      std::move(o));
  return {.routes = std::move(r), .jitter = 10ms};
}

TEST(websocket_group, sends_to_all_from_any_thread_in_order) {
  group all;
  serving_test s(room(all));
  std::vector<std::unique_ptr<visitor>> members;
  for (int n = 0; n < 40; ++n) members.push_back(std::make_unique<visitor>(s));
  EXPECT_TRUE(s.eventually([&] { return all.size() == 40; }));
  std::thread([&] {
    for (int n = 0; n < 200; ++n) all.send("m" + std::to_string(n));
  }).join();
  for (auto& m : members)
    for (int n = 0; n < 200; ++n) ASSERT_EQ(m->hear(), "T m" + std::to_string(n));
  members[3]->say("from a member");
  for (auto& m : members) EXPECT_EQ(m->hear(), "T from a member");
  EXPECT_THROW(all.send("\xff"), std::invalid_argument);
  s.drain();
  for (auto& m : members) {
    EXPECT_EQ(m->hear(), "close 1001");
    m->c.say(visitor::close(1001));
    EXPECT_EQ(m->hear(), "end");
    m->c.close();
  }
  EXPECT_TRUE(s.wait_drained());
  EXPECT_TRUE(s.eventually([&] { return all.size() == 0; }));
}

TEST(websocket_group, survives_members_that_go_in_the_middle_of_a_broadcast) {
  group all;
  serving_test s(room(all));
  std::atomic<bool> over{false};
  std::thread sends([&] {
    while (!over) all.send(std::string(1000, 'x')), std::this_thread::yield();
  });
  for (int round = 0; round < 20; ++round) {
    std::vector<std::unique_ptr<visitor>> members;
    for (int n = 0; n < 10; ++n) members.push_back(std::make_unique<visitor>(s));
    for (std::size_t n = 0; n < members.size(); ++n) n % 2 == 0 ? members[n]->c.reset() : members[n]->c.close();
  }
  over = true;
  sends.join();
  EXPECT_TRUE(s.eventually([&] {
    all.send("?");
    return all.size() == 0;
  }));
}

TEST(websocket_group, sends_to_a_member_that_leaves_what_was_sent_before) {
  for (const bool blocking : {false, true}) {
    group all;
    http::router r;
    if (blocking) {
      r.websocket("/ws", ws::blocking([&all](stream ws) {
                    const auto member = all.join(ws);
                    if (ws.read_blocking()) all.send("one"), all.send("two");
                  }));
    } else {
      r.websocket("/ws", [&all](stream ws) -> task<> {
        const auto member = all.join(ws);
        const auto asked = co_await ws.read();
        if (asked) all.send("one"), all.send("two");
      });
    }
    serving_test s({.routes = std::move(r)});
    for (int round = 0; round < 50; ++round) {
      visitor leaves(s);
      leaves.say("?");
      ASSERT_EQ(leaves.hear(), "T one");
      ASSERT_EQ(leaves.hear(), "T two");
      ASSERT_EQ(leaves.hear(), "close 1000");
      leaves.c.close();
    }
    EXPECT_TRUE(s.eventually([&] { return all.size() == 0; }));
  }
}

TEST(websocket_group, closes_a_member_that_is_too_slow_or_skips_it) {
  for (const slow_member how : {slow_member::close, slow_member::skip}) {
    group all({.member_bytes = 64 * 1024, .slow = how});
    serving_test s(
        room(all, {.idle_ping_after = 0s, .goodbye_time = 1min}));  // its Close waits behind what it does not read
    visitor slow(s, "/ws", "", 4096), quick(s);
    EXPECT_TRUE(s.eventually([&] { return all.size() == 2; }));
    for (int n = 0; n < 1000; ++n) {
      all.send(std::string(20'000, 'x'));
      ASSERT_EQ(quick.hear().size(), 20'002U);
    }
    // What waited for it, then its Close; or the next one for which there is room again.
    int heard = 0;
    std::string last;
    for (;;) {
      if (how == slow_member::skip) all.send("now");
      last = slow.hear();
      if (last.size() != 20'002U) break;
      ++heard;
    }
    EXPECT_LT(heard, 1000);
    EXPECT_EQ(last, how == slow_member::close ? "close 1008" : "T now");
  }
}

TEST(websocket_group, refuses_a_buffer_that_holds_nothing) {
  EXPECT_THROW(group({.member_bytes = 0}), std::invalid_argument);
}

}  // namespace lastcall::ws::websocket_group_test
