#include "lastcall/net/loop/broadcast.hpp"

#include <gmock/gmock.h>

#include <atomic>
#include <boost/asio/io_context.hpp>
#include <memory>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "lastcall/net/connection/line_protocol_test.hpp"
#include "lastcall/net/loop/loop.hpp"
#include "lastcall/net/loop/runtime.hpp"

namespace lastcall::net::broadcast_test {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using texts = std::vector<std::string>;

/// Keeps what it gets. Its loop's thread is the one that runs the test, or its runtime's.
struct reader final : broadcast::member {
  explicit reader(loop& l) : at(l) {}
  bool post(function<void()> f) override {
    if (ended) return false;
    at.post(std::move(f));
    return true;
  }
  bool is_here() noexcept override { return here; }
  bool take(const std::string& text) noexcept override {
    if (slow) return false;
    got.push_back(text);
    return true;
  }

  loop& at;
  bool ended = false, here = true, slow = false;
  texts got;
};

/// A loop that runs when it is told to.
struct stage {
  boost::asio::io_context io;
  loop here{io};
  broadcast all{1000};

  std::pair<std::shared_ptr<reader>, broadcast::membership> joined() {
    auto r = std::make_shared<reader>(here);
    return {r, all.join(here, r)};
  }
  std::size_t run() {
    io.restart();
    return io.poll();
  }
};

TEST(broadcast, gives_many_texts_some_at_a_time_also_to_one_member) {
  stage s;
  auto [one, in] = s.joined();
  for (int i = 0; i < 300; ++i) ASSERT_TRUE(s.all.send("x"));
  s.io.restart();
  s.io.poll_one();
  EXPECT_GT(one->got.size(), 0U);
  EXPECT_LE(one->got.size(), 128U) << "other connections wait for the loop";
  s.run();
  EXPECT_EQ(one->got.size(), 300U);
}

TEST(broadcast, gives_all_texts_to_all_members_some_members_at_a_time) {
  stage s;
  std::vector<std::pair<std::shared_ptr<reader>, broadcast::membership>> members;
  for (int i = 0; i < 300; ++i) members.push_back(s.joined());
  EXPECT_EQ(s.all.size(), 300U);
  for (const char* each : {"one", "two"}) EXPECT_TRUE(s.all.send(each));
  EXPECT_EQ(s.run(), 5U);  // 64 members with two texts each at a time
  for (const auto& [r, m] : members) ASSERT_THAT(r->got, ElementsAre("one", "two"));
}

TEST(broadcast, gives_a_member_that_leaves_what_was_sent_before_and_nothing_twice) {
  stage s;
  auto [first, its] = s.joined();
  auto [last, keeps] = s.joined();
  s.all.send("one");
  { const broadcast::membership gone = std::move(its); }
  EXPECT_THAT(first->got, ElementsAre("one"));
  s.all.send("two");
  s.run();
  EXPECT_THAT(first->got, ElementsAre("one"));
  EXPECT_THAT(last->got, ElementsAre("one", "two"));
  EXPECT_EQ(s.all.size(), 1U);
}

TEST(broadcast, lets_members_leave_in_the_middle_of_a_round) {
  stage s;
  std::vector<std::optional<broadcast::membership>> memberships;
  std::vector<std::shared_ptr<reader>> members;
  for (int i = 0; i < 200; ++i) {
    auto [r, m] = s.joined();
    members.push_back(r);
    memberships.emplace_back(std::move(m));
  }
  s.all.send("one");
  EXPECT_EQ(s.io.run_one(), 1U);
  s.all.send("two");
  for (const std::size_t leaves : {0U, 127U, 128U, 199U}) memberships[leaves].reset();
  auto [late, its] = s.joined();
  s.run();
  for (const auto& each : members) EXPECT_THAT(each->got, ElementsAre("one", "two"));
  EXPECT_EQ(s.all.size(), 197U);
}

TEST(broadcast, lets_a_member_leave_from_another_thread_after_what_was_sent_before) {
  stage s;
  auto [r, its] = s.joined();
  r->here = false;
  s.all.send("one");
  { const broadcast::membership gone = std::move(its); }
  s.all.send("two");  // its end is on its way
  s.run();
  ASSERT_FALSE(r->got.empty());
  EXPECT_EQ(r->got.front(), "one");
  EXPECT_EQ(s.all.size(), 0U);
  EXPECT_TRUE(s.all.send("to nobody"));
}

TEST(broadcast, drops_a_member_that_reads_too_slowly_once_and_no_other) {
  stage s;
  auto [slow, its] = s.joined();
  auto [other, others] = s.joined();
  slow->slow = true;
  s.all.send("one");
  s.run();
  slow->slow = false;
  s.all.send("two");
  s.run();
  EXPECT_THAT(slow->got, IsEmpty());
  EXPECT_THAT(other->got, ElementsAre("one", "two"));
  EXPECT_EQ(s.all.dropped(), 1U);
}

TEST(broadcast, sends_to_nobody_what_is_too_much_for_one_loop) {
  stage s;
  boost::asio::io_context other_io;
  loop elsewhere(other_io);
  auto [r, its] = s.joined();
  const auto quick = std::make_shared<reader>(elsewhere);
  const broadcast::membership quicks = s.all.join(elsewhere, quick);
  EXPECT_TRUE(s.all.send(std::string(600, 'x')));
  other_io.poll();
  EXPECT_FALSE(s.all.send(std::string(600, 'y')));
  s.run();
  EXPECT_EQ(r->got.size(), 1U);
  EXPECT_EQ(quick->got.size(), 1U);
  EXPECT_TRUE(s.all.send(std::string(600, 'z')));
}

TEST(broadcast, keeps_nothing_for_members_that_have_all_ended_and_serves_the_next) {
  stage s;
  auto [gone, its] = s.joined();
  gone->ended = true;
  for (int i = 0; i < 10; ++i) EXPECT_TRUE(s.all.send(std::string(600, 'x')));
  auto [next, nexts] = s.joined();
  EXPECT_TRUE(s.all.send("hello"));
  s.run();
  EXPECT_THAT(next->got, ElementsAre("hello"));
}

TEST(broadcast, is_not_stopped_by_a_delivery_that_a_loop_dropped) {
  broadcast all(1000);
  auto io = std::make_unique<boost::asio::io_context>();
  auto at = std::make_unique<loop>(*io);
  const auto r = std::make_shared<reader>(*at);
  const broadcast::membership its = all.join(*at, r);
  all.send("lost with its loop");
  r->ended = true;
  EXPECT_TRUE(all.send("to nobody"));
  at.reset();
  io.reset();
  EXPECT_TRUE(all.send("to nobody"));
  EXPECT_EQ(all.size(), 1U);
}

TEST(broadcast, takes_senders_and_members_of_several_threads_in_the_order_of_each_sender) {
  runtime r({.threads = 2, .log = logger(log_level::none, nullptr)});
  r.start({});
  broadcast all(1 << 20);
  std::atomic<bool> over{false};
  std::thread sender([&] {
    for (int i = 0; !over; ++i) all.send(std::to_string(i)), std::this_thread::yield();
  });
  const auto guests = [&](loop& at) {
    for (int round = 0; round < 50; ++round) {
      const auto guest = std::make_shared<reader>(at);
      guest->here = false;
      {
        const broadcast::membership its = all.join(at, guest);
        testing_net::run_on(at, [] {});
        all.send("bye");
      }
      testing_net::run_on(at, [] {});  // its leave was posted before
      long last = -1;
      for (const std::string& each : guest->got) {
        if (each == "bye") continue;
        EXPECT_GT(std::stol(each), last);
        last = std::stol(each);
      }
      EXPECT_THAT(guest->got, ::testing::Contains("bye"));
    }
  };
  std::thread one([&] { guests(*detail::loops_of(r)[0]); }), two([&] { guests(*detail::loops_of(r)[1]); });
  one.join();
  two.join();
  over = true;
  sender.join();
  EXPECT_EQ(all.size(), 0U);
  r.stop();
}

}  // namespace lastcall::net::broadcast_test
