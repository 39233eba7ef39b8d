#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <thread>

#include "lastcall/core/app/app_double_test.hpp"

namespace lastcall::app_readiness_test {

using namespace std::chrono_literals;
using ::testing::ElementsAre;
using testing_core::double_of;
using testing_core::journal;
using testing_core::quiet;

/// A clock that is moved by hand.
struct moved_clock : lastcall::clock {
  time_point now() const noexcept override { return time_point(duration(ticks.load())); }
  void move(duration by) { ticks += by.count(); }
  std::atomic<duration::rep> ticks{duration(1h).count()};
};

TEST(app_readiness, waits_the_readiness_delay_in_the_time_of_its_clock) {
  struct : lastcall::clock {
    time_point now() const noexcept override { return time_point(duration(ticks.load())); }
    std::atomic<duration::rep> ticks{1};
  } time;
  journal notes;
  report r;
  {
    app a{quiet({.grace = 20h, .readiness_delay = 10h, .time = &time})};
    a.add("http", double_of("http", notes, {.announce = [&] { time.ticks += duration(10h).count(); }}));
    a.start();
    r = a.shutdown(deadline::at(time.now() + 20h, time.now()));
  }
  EXPECT_EQ(r.outcome, outcome::graceful);
  EXPECT_EQ(r.readiness_ms, 10 * 3600 * 1000.);
}

TEST(app_readiness, ends_while_the_program_says_what_speaks_against_it) {
  app a{quiet()};
  std::atomic<int> problem{0};
  a.ready_unless([&] { return problem == 1 ? "db: no connection for 12s" : ""; });
  a.ready_unless([&]() -> std::string {
    if (problem == 2) throw std::runtime_error("disk full");
    return problem == 1 ? "stock: too old" : "";
  });
  a.start();
  EXPECT_TRUE(a.ready());
  problem = 1;
  EXPECT_FALSE(a.ready());
  EXPECT_EQ(unready_because(a.status()), "db: no connection for 12s, stock: too old");
  problem = 2;
  EXPECT_FALSE(a.ready());
  EXPECT_EQ(unready_because(a.status()), "disk full");
  problem = 0;
  EXPECT_TRUE(a.status().ready);
  EXPECT_THROW(a.ready_unless([] { return std::string(); }), std::logic_error);
  problem = 1;
  EXPECT_EQ(a.shutdown(deadline(10s)).outcome, outcome::graceful);
}

TEST(app_readiness, counts_the_time_since_an_announcement_as_readiness_delay_and_grace) {
  moved_clock time;
  journal notes;
  std::atomic<bool> announced{false};
  app a{quiet({.grace = 20h, .readiness_delay = 10h, .time = &time})};
  a.add("http", double_of("http", notes, {.announce = [&] { announced = true; }}));
  const std::jthread asks([&] {
    while (!a.ready()) std::this_thread::yield();
    a.announce();
    EXPECT_FALSE(a.ready());
    EXPECT_FALSE(a.asked_to_end());
    while (!announced) std::this_thread::yield();
    EXPECT_EQ(a.readiness_left(), 10h);
    time.move(12h);  // longer than the delay: no more than that counts
    EXPECT_EQ(a.readiness_left(), 0s);
    EXPECT_EQ(a.status().announced, duration(12h));
    a.announce();
    a.request_shutdown("after preStop");
  });
  EXPECT_EQ(a.run(), 0);
  EXPECT_THAT(notes.lines(), ElementsAre("start http", "announce http", "drain http", "stop http", "~http"));
}

TEST(app_readiness, waits_what_is_left_of_the_readiness_delay_after_an_announcement) {
  moved_clock time;
  journal notes;
  report r;
  {
    app a{quiet({.grace = 20h, .readiness_delay = 10h, .time = &time})};
    a.add("http", double_of("http", notes, {.announce = [&] { time.move(7h); }}));
    a.start();
    a.announce();
    time.move(3h);
    r = a.shutdown(deadline::at(time.now() + 20h, time.now()));
  }
  EXPECT_EQ(r.readiness_ms, 7 * 3600 * 1000.);
  EXPECT_THAT(notes.lines(), ElementsAre("start http", "announce http", "drain http", "stop http", "~http"));
}

}  // namespace lastcall::app_readiness_test
