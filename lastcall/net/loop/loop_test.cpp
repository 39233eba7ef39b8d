#include "lastcall/net/loop/loop.hpp"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <sys/epoll.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>
#include <cstdint>
#include <string>
#include <thread>
#include <vector>

namespace lastcall::net::loop_test {

using namespace std::chrono_literals;
using ::testing::ElementsAre;

struct pair {
  pair() {
    int ends[2];
    EXPECT_EQ(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, ends), 0);
    ours = unique_fd(ends[0]);
    theirs = unique_fd(ends[1]);
  }
  void say(std::string_view text) const {
    EXPECT_EQ(::send(theirs.get(), text.data(), text.size(), 0), static_cast<ssize_t>(text.size()));
  }
  unique_fd ours, theirs;
};

struct watcher : pollable {
  explicit watcher(function<void(std::uint32_t)> f, int* count = nullptr) : told(std::move(f)), destroyed(count) {}
  ~watcher() override {
    if (destroyed) ++*destroyed;
  }
  void on_ready(std::uint32_t events) noexcept override { told(events); }
  function<void(std::uint32_t)> told;
  int* destroyed;
};

struct alarm_clock final : timed {
  explicit alarm_clock(function<void(time_point)> f) : told(std::move(f)) {}
  void on_due(time_point now) noexcept override { told(now); }
  function<void(time_point)> told;
};

struct open_loop {
  open_loop() { it.open(); }
  /// Runs what is ready, and waits for more until `done` or 10 s.
  template <class F> bool run_until(F done) {
    for (const time_point by = steady().now() + 10s; !done() && steady().now() < by;) {
      io.restart();
      io.run_one_for(100ms);
    }
    return done();
  }
  boost::asio::io_context io{1};
  loop it{io};
};

TEST(loop, runs_posts_of_one_thread_in_their_order) {
  open_loop l;
  std::vector<int> order;
  std::thread([&] {
    for (int i = 0; i < 100; ++i) l.it.post([&order, i] { order.push_back(i); });
  }).join();
  ASSERT_TRUE(l.run_until([&] { return order.size() == 100; }));
  EXPECT_TRUE(std::is_sorted(order.begin(), order.end()));
}

TEST(loop, tells_what_it_watches_once_for_each_edge) {
  open_loop l;
  const pair p;
  int told = 0;
  watcher w([&](std::uint32_t events) { told += (events & EPOLLIN) ? 1 : 0; });
  ASSERT_FALSE(l.it.watch(p.ours.get(), w, EPOLLIN | EPOLLET));
  p.say("a");
  ASSERT_TRUE(l.run_until([&] { return told == 1; }));
  l.io.restart();
  l.io.poll();
  EXPECT_EQ(told, 1) << "nothing new has come";
  l.it.rewatch(p.ours.get(), w, EPOLLIN | EPOLLET);
  EXPECT_TRUE(l.run_until([&] { return told == 2; })) << "the same byte is announced again on request";
  p.say("b");
  EXPECT_TRUE(l.run_until([&] { return told == 3; }));
}

TEST(loop, says_why_it_cannot_watch) {
  open_loop l;
  watcher w([](std::uint32_t) {});
  EXPECT_EQ(l.it.watch(-1, w, EPOLLIN), std::errc::bad_file_descriptor);
}

TEST(loop, tells_nothing_of_what_it_forgot) {
  open_loop l;
  const pair p, other;
  bool told = false, told_other = false;
  watcher w([&](std::uint32_t) { told = true; }), v([&](std::uint32_t) { told_other = true; });
  ASSERT_FALSE(l.it.watch(p.ours.get(), w, EPOLLIN));
  ASSERT_FALSE(l.it.watch(other.ours.get(), v, EPOLLIN));
  l.it.forget(p.ours.get());
  p.say("a");
  other.say("a");
  ASSERT_TRUE(l.run_until([&] { return told_other; }));
  EXPECT_FALSE(told);
}

TEST(loop, does_what_was_left_for_later_once_all_of_a_batch_have_been_told) {
  open_loop l;
  const std::array<pair, 2> p;
  struct later final : batch_end {
    void after_batch() noexcept override { seen.push_back(*told); }
    const int* told = nullptr;
    std::vector<int> seen;
  } what;
  int told = 0;
  what.told = &told;
  watcher w([&](std::uint32_t) {
    EXPECT_TRUE(l.it.in_batch());
    if (++told == 1) l.it.after_batch(what);
  });
  for (const pair& each : p) ASSERT_FALSE(l.it.watch(each.ours.get(), w, EPOLLIN | EPOLLET));
  for (const pair& each : p) each.say("a");
  ASSERT_TRUE(l.run_until([&] { return told == 2; }));
  EXPECT_FALSE(l.it.in_batch());
  EXPECT_THAT(what.seen, ElementsAre(2));
  p[0].say("b");
  ASSERT_TRUE(l.run_until([&] { return told == 3; }));
  EXPECT_THAT(what.seen, ElementsAre(2)) << "asked for once, done once";
}

TEST(loop, keeps_what_is_buried_during_a_batch_until_its_end) {
  open_loop l;
  const std::array<pair, 2> p;
  std::array<std::unique_ptr<watcher>, 2> w;
  std::array<watcher*, 2> at{};
  int told = 0, destroyed = 0, destroyed_during = -1;
  for (std::size_t i = 0; i < 2; ++i) {
    w[i] = std::make_unique<watcher>(
        [&, i](std::uint32_t) {
          // Whoever is told first buries the other, of which an event waits in the same batch.
          if (told++ == 0) {
            l.it.forget(p[1 - i].ours.get());
            l.it.free_after_batch(std::move(w[1 - i]));
          }
          destroyed_during = destroyed;
        },
        &destroyed);
    at[i] = w[i].get();
    p[i].say("a");
    ASSERT_FALSE(l.it.watch(p[i].ours.get(), *at[i], EPOLLIN | EPOLLET));
  }
  ASSERT_TRUE(l.run_until([&] { return destroyed == 1; }));
  EXPECT_EQ(told, 2);
  EXPECT_EQ(destroyed_during, 0);
}

TEST(loop, frees_what_is_buried_outside_a_batch_after_its_burier_has_returned) {
  open_loop l;
  int destroyed = 0, destroyed_during = -1;
  l.it.post([&] {
    l.it.free_after_batch(std::make_unique<watcher>([](std::uint32_t) {}, &destroyed));
    l.it.free_after_batch(std::make_unique<watcher>([](std::uint32_t) {}, &destroyed));
    destroyed_during = destroyed;
  });
  EXPECT_TRUE(l.run_until([&] { return destroyed == 2; }));
  EXPECT_EQ(destroyed_during, 0);
}

TEST(loop, fires_timers_in_order_and_never_early) {
  open_loop l;
  std::vector<int> order;
  const time_point begin = l.it.refresh_now();
  const time_point first = begin + 3ms, second = begin + 11ms;
  bool early = false;
  alarm_clock a([&](time_point now) {
    early |= now < first || steady().now() < first;
    order.push_back(1);
  });
  alarm_clock b([&](time_point now) {
    early |= now < second || steady().now() < second;
    order.push_back(2);
  });
  l.it.schedule(b, second);
  l.it.schedule(a, first);
  ASSERT_TRUE(l.run_until([&] { return order.size() == 2; }));
  EXPECT_THAT(order, ElementsAre(1, 2));
  EXPECT_FALSE(early);
}

TEST(loop, fires_a_timer_at_its_last_schedule_only) {
  open_loop l;
  const time_point begin = l.it.refresh_now();
  std::vector<time_point> fired;
  bool over = false;
  alarm_clock moved([&](time_point now) { fired.push_back(now); });
  alarm_clock cancelled([&](time_point now) { fired.push_back(now); });
  alarm_clock last([&](time_point) { over = true; });
  l.it.schedule(moved, begin + 1ms);
  l.it.schedule(cancelled, begin + 2ms);
  l.it.schedule(moved, begin + 20ms);
  cancelled.cancel();
  l.it.schedule(last, begin + 40ms);
  ASSERT_TRUE(l.run_until([&] { return over; }));
  ASSERT_EQ(fired.size(), 1U);
  EXPECT_GE(fired[0], begin + 20ms);
}

TEST(loop, has_others_take_turns_with_timers_that_are_due_together) {
  open_loop l;
  std::vector<std::unique_ptr<alarm_clock>> all;
  int fired = 0, fired_at_turn = 0;
  for (int i = 0; i < 100; ++i) {
    all.push_back(std::make_unique<alarm_clock>([&](time_point) {
      if (++fired == 1) boost::asio::post(l.io, [&] { fired_at_turn = fired; });
      for (const time_point by = steady().now() + 200us; steady().now() < by;) {}
    }));
    l.it.schedule(*all.back(), l.it.now() + 1ms);
  }
  ASSERT_TRUE(l.run_until([&] { return fired == 100; }));
  EXPECT_GT(fired_at_turn, 0);
  EXPECT_LE(fired_at_turn, 16);
}

TEST(loop, lets_a_timer_arm_itself_again) {
  open_loop l;
  int fired = 0;
  alarm_clock again([&](time_point now) {
    if (++fired < 3) l.it.schedule(again, now + 1ms);
  });
  l.it.schedule(again, l.it.refresh_now());
  EXPECT_TRUE(l.run_until([&] { return fired == 3; }));
}

TEST(loop, serves_timers_while_descriptors_are_always_ready) {
  open_loop l;
  const pair p;
  int told = 0;
  bool fired = false;
  watcher w([&](std::uint32_t) { ++told; });
  ASSERT_FALSE(l.it.watch(p.ours.get(), w, EPOLLIN));  // level-triggered, and nobody reads
  p.say("a");
  alarm_clock a([&](time_point) { fired = true; });
  l.it.schedule(a, l.it.refresh_now() + 20ms);
  EXPECT_TRUE(l.run_until([&] { return fired; }));
  EXPECT_GT(told, 0);
}

TEST(loop, takes_no_more_at_once_than_there_is_time_for) {
  open_loop l;
  const std::array<pair, 64> p;
  int told = 0;
  watcher slow([&](std::uint32_t) {
    ++told;
    for (const time_point by = steady().now() + 1ms; steady().now() < by;) {}
  });
  for (const pair& each : p) {
    each.say("never read");
    ASSERT_FALSE(l.it.watch(each.ours.get(), slow, EPOLLIN));  // level-triggered: all are ready, always
  }
  // Each time the loop comes back to Asio.
  std::vector<int> between;
  function<void()> back = [&] {
    between.push_back(std::exchange(told, 0));
    if (between.size() < 40) boost::asio::post(l.io, [&] { back(); });
  };
  back();
  ASSERT_TRUE(l.run_until([&] { return between.size() == 40; }));
  EXPECT_LE(*std::max_element(between.begin() + 20, between.end()), 2);
  for (const pair& each : p) l.it.forget(each.ours.get());
}

TEST(loop, goes_back_to_what_was_posted_while_descriptors_are_always_ready) {
  open_loop l;
  const pair p;
  p.say("never read");
  int told = 0, told_before_post = 0;
  watcher w([&](std::uint32_t) {
    if (++told == 1) l.it.post([&] { told_before_post = told; });
  });
  ASSERT_FALSE(l.it.watch(p.ours.get(), w, EPOLLIN));  // level-triggered: ready again and again
  ASSERT_TRUE(l.run_until([&] { return told_before_post > 0; }));
  EXPECT_EQ(told_before_post, 1);
  l.it.forget(p.ours.get());
}

TEST(loop, delivers_nothing_once_closed) {
  open_loop l;
  const pair p;
  bool told = false, posted = false;
  watcher w([&](std::uint32_t) { told = true; });
  ASSERT_FALSE(l.it.watch(p.ours.get(), w, EPOLLIN));
  alarm_clock a([&](time_point) { told = true; });
  l.it.schedule(a, l.it.refresh_now() + 1ms);
  p.say("a");
  l.it.close();
  l.it.post([&] { posted = true; });
  ASSERT_TRUE(l.run_until([&] { return posted; }));
  l.io.restart();
  l.io.run_for(20ms);  // returns at once: there is nothing to wait for
  EXPECT_FALSE(told);
  EXPECT_GE(::fcntl(p.ours.get(), F_GETFD), 0) << "what was watched is not closed";
}

}  // namespace lastcall::net::loop_test
