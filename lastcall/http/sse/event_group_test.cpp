#include "lastcall/http/sse/event_group.hpp"

#include <gmock/gmock.h>

#include <atomic>
#include <stdexcept>
#include <thread>

#include "lastcall/http/requests/streaming.hpp"
#include "lastcall/http/server/serving_test.hpp"
#include "lastcall/net/wait.hpp"

namespace lastcall::http::event_group_test {

using namespace std::chrono_literals;
using ::testing::EndsWith;
using testing_net::client;

struct has_group {
  std::shared_ptr<sse::group> all = std::make_shared<sse::group>();
};

struct news : has_group, serving_test {
  news() : serving_test(with_routes({.jitter = 0s})) {}
  server_options with_routes(server_options o) {
    o.routes.events("/joined",
                    [this](sse::stream s) -> task<> {
                      const auto here = all->join(s);
                      while (co_await s.wait_for(1h)) {}
                      end = static_cast<int>(s.end());
                      EXPECT_FALSE(co_await s.wait_for(1h)) << "for good";
                    },
                    {.retry = 0s});
    o.routes.events("/news", [g = all](sse::stream s) { return g->follow(std::move(s)); }, {.retry = 0s});
    return o;
  }
  client follows(int receive_buffer = 0, std::string_view target = "/news") {
    client c = enters(receive_buffer);
    c.say(request_for(target));
    return c;
  }

  std::atomic<int> end{-1};
};

TEST(event_group, sends_each_event_to_each_follower_in_order) {
  news s;
  std::vector<client> clients;
  for (int i = 0; i < 300; ++i) clients.push_back(s.follows());
  ASSERT_TRUE(s.eventually([&] { return s.all->size() == 300; }));
  for (int i = 0; i < 50; ++i) {
    const std::string id = std::to_string(i);
    EXPECT_TRUE(s.all->send({.data = "news", .id = id}));
  }
  for (client& c : clients) {
    for (int i = 0; i < 50; ++i) {
      c.hear_until("id: ");
      ASSERT_EQ(c.hear_until("\n"), std::to_string(i) + "\n");
    }
  }
  s.drain();
  for (client& c : clients) {
    EXPECT_THAT(c.hear_all(), EndsWith("\r\n0\r\n\r\n"));
    c.close();
  }
  ASSERT_TRUE(s.wait_drained());
  EXPECT_EQ(s.all->size(), 0U);
  EXPECT_TRUE(s.all->send({.data = "to nobody"}));
}

TEST(event_group, takes_events_from_several_threads_while_followers_come_and_go) {
  news s;
  std::vector<std::thread> publishers;
  std::atomic<bool> over{false};
  for (int t = 0; t < 2; ++t)
    publishers.emplace_back([&] {
      while (!over) {
        s.all->send({.data = "news"});
        std::this_thread::yield();
      }
    });
  for (int i = 0; i < 100; ++i) {
    client c = s.follows();
    for (int n = 0; n < 5; ++n) EXPECT_THAT(c.hear_until("data: news\n\n"), EndsWith("data: news\n\n"));
  }
  over = true;
  for (auto& each : publishers) each.join();
  EXPECT_TRUE(s.eventually([&] { return s.all->size() == 0; }));
}

TEST(event_group, drops_who_reads_too_slowly_and_holds_nobody_else_up) {
  news s;
  client slow = s.follows(4096, "/joined"), other = s.follows();
  ASSERT_TRUE(s.eventually([&] { return s.all->size() == 2; }));
  const std::string data(20'000, 'x');
  for (int i = 0; s.all->dropped() == 0 && i < 10'000; ++i) {
    EXPECT_TRUE(s.all->send({.data = data}));
    EXPECT_THAT(other.hear_until("\n\n"), EndsWith("x\n\n"));
  }
  EXPECT_EQ(s.all->dropped(), 1U);
  slow.hear_until("\r\n0\r\n\r\n");  // what waited, and a clean end
  EXPECT_TRUE(s.eventually([&] { return s.all->size() == 1; }));
  EXPECT_EQ(s.end, static_cast<int>(sse::stream_end::too_slow));
}

TEST(event_group, writes_into_no_other_response_when_a_membership_outlives_its_handler) {
  std::vector<sse::group::membership> kept;
  sse::group all;
  server_options o;
  o.routes.events("/news",
                  [&](sse::stream s) -> task<> {
                    kept.push_back(all.join(s));
                    co_return;
                  },
                  {.retry = 0s});
  o.routes.get("/other", [&](const request&) {
    return streamed([&](body_writer to) -> task<> {
      co_await to.write("a");
      all.send({.data = "news"});
      co_await net::wait_until_forced_for({}, 20ms);  // the loop gives the event to its members meanwhile
      co_await to.write("b");
    });
  });
  serving_test s(std::move(o));
  auto c = s.enters();
  for (int i = 0; i < 3; ++i) {
    c.say(request_for("/news"));
    EXPECT_EQ(next_reply(c).body, "");
    c.say(request_for("/other"));
    std::string pieces;
    c.hear_until("\r\n\r\n");
    while (!pieces.ends_with("\r\n0\r\n\r\n")) pieces += c.hear_until("\r\n");
    EXPECT_EQ(pieces, "1\r\na\r\n1\r\nb\r\n0\r\n\r\n");
  }
  EXPECT_EQ(all.dropped(), 0U);
}

TEST(event_group, refuses_what_would_not_fit) {
  sse::group g;
  EXPECT_THROW(g.send({.data = std::string(64 * 1024, 'x')}), std::invalid_argument);
  EXPECT_THROW(g.send({.data = "x", .id = "a\nb"}), std::invalid_argument);
}

}  // namespace lastcall::http::event_group_test
