#include "lastcall/work/pool.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <barrier>
#include <future>
#include <latch>
#include <mutex>
#include <semaphore>
#include <thread>

#include "lastcall/work/in_time_test.hpp"

namespace lastcall::pool_test {

using namespace std::chrono_literals;
using ::testing::HasSubstr;
using testing_work::drain_of;
using testing_work::take;
using testing_work::until;

/// A connection that counts the living ones.
struct connection {
  explicit connection(std::atomic<int>& of) : alive(&of) { ++*alive; }
  connection(connection&& other) noexcept : alive(std::exchange(other.alive, nullptr)), good(other.good.load()) {}
  ~connection() {
    if (alive != nullptr) --*alive;
  }
  std::atomic<int>* alive;
  std::atomic<bool> good = true;
  std::atomic<bool> cancelled = false;
};

struct pool_of_connections : ::testing::Test {
  pool_options<connection> usual() {
    return {.open =
                [this](const context&) {
                  ++opened;
                  return connection(alive);
                },
            .check = [](connection& of) { return of.good.load(); },
            .most = 2,
            .longest_wait = 60s,
            .close_within = 20s,
            .name = "db"};
  }
  static bool measures(const pool<connection>& of, const std::string& sample) {
    metrics now;
    of.measure(now);
    return now.text().find(sample + "\n") != std::string::npos;
  }
  /// Returns when a caller waits for a lease.
  static void until_one_waits(const pool<connection>& of) {
    until("a caller that waits", [&] { return measures(of, "lastcall_pool_waiting 1"); });
  }
  static void until_an_opening_failed(const pool<connection>& of) {
    until("a failed opening", [&] { return !measures(of, "lastcall_pool_failed_openings_total 0"); });
  }
  void until_all_are_closed() {
    until("the last close", [&] { return alive == 0; });
  }

  std::atomic<int> alive = 0;
  std::atomic<int> opened = 0;
};

TEST_F(pool_of_connections, opens_one_when_it_is_needed_and_lends_it_again) {
  pool<connection> db(usual());
  db.start({});
  connection* first = nullptr;
  {
    auto one = db.acquire();
    ASSERT_TRUE(one);
    first = &**one;
  }
  auto again = db.acquire();
  ASSERT_TRUE(again);
  EXPECT_EQ(&**again, first);
  EXPECT_EQ(opened, 1);
}

TEST_F(pool_of_connections, says_who_holds_the_leases_and_where_when_time_is_up) {
  auto options = usual();
  options.most = 1;
  options.longest_wait = 20ms;
  pool<connection> db(std::move(options));
  db.start({});
  auto one = db.acquire();
  until("the first lease", [&] { return one || (one = db.acquire()).has_value(); });
  one->label("SELECT * FROM stock");
  const auto none = db.acquire();
  ASSERT_FALSE(none);
  EXPECT_EQ(none.error().why(), no_lease::reason::timed_out);
  EXPECT_THAT(none.error().what(), HasSubstr("db: no lease within 20ms: 1 of 1 are lent: SELECT * FROM stock at "
                                             "pool_test.cpp:"));
  EXPECT_THROW(static_cast<void>(*none), unavailable);
}

TEST_F(pool_of_connections, hands_a_lease_over_to_the_caller_that_waits) {
  auto options = usual();
  options.most = 1;
  pool<connection> db(std::move(options));
  db.start({});
  auto one = std::make_unique<lease<connection>>(*db.acquire());
  auto waits = std::async(std::launch::async, [&] { return db.acquire().has_value(); });
  until_one_waits(db);
  one.reset();
  EXPECT_TRUE(waits.get());
}

TEST_F(pool_of_connections, replaces_one_that_came_back_broken) {
  pool<connection> db(usual());
  db.start({});
  (*db.acquire())->good = false;
  auto one = db.acquire();
  ASSERT_TRUE(one);
  EXPECT_TRUE((*one)->good);
  one->broken();
  one = db.acquire();
  ASSERT_TRUE(one);
  EXPECT_EQ(opened, 3);
}

TEST_F(pool_of_connections, finds_one_that_broke_while_it_was_idle) {
  auto options = usual();
  options.check_after = 0ns;
  pool<connection> db(std::move(options));
  db.start({});
  connection* idle = &**db.acquire();
  idle->good = false;
  auto one = db.acquire();
  ASSERT_TRUE(one);
  EXPECT_TRUE((*one)->good);
  EXPECT_EQ(opened, 2);
}

TEST_F(pool_of_connections, says_why_none_could_be_opened_and_tries_again) {
  std::atomic<bool> down = true;
  auto options = usual();
  options.longest_wait = 50ms;
  options.open = [&](const context&) {
    if (down) throw std::runtime_error("connection refused");
    return connection(alive);
  };
  pool<connection> db(std::move(options));
  db.start({});
  EXPECT_FALSE(db.acquire());
  until_an_opening_failed(db);
  const auto none = db.acquire();
  ASSERT_FALSE(none);
  EXPECT_EQ(none.error().why(), no_lease::reason::not_opened);
  EXPECT_THAT(none.error().what(), HasSubstr("connection refused"));
  down = false;
  until("an opening", [&] { return db.acquire().has_value(); });
}

TEST_F(pool_of_connections, makes_the_program_unready_while_nothing_can_be_opened_where_that_is_asked_for) {
  std::atomic<bool> down = true;
  for (const bool asked : {false, true}) {
    down = true;
    auto options = usual();
    options.longest_wait = 20ms;
    if (asked) options.unready_after = 0ns;
    options.open = [&](const context&) {
      if (down) throw std::runtime_error("connection refused");
      return connection(alive);
    };
    app a{{.signals = {}, .sink = [](const log_record&) {}, .environment = false}};
    const auto db = a.add<pool<connection>>("db", std::move(options));
    a.start();
    EXPECT_TRUE(a.ready()) << "nobody has wanted one";
    EXPECT_FALSE(db->acquire());
    until_an_opening_failed(*db);
    EXPECT_EQ(a.ready(), !asked);
    const app_status now = a.status();
    EXPECT_THAT(now.unready, HasSubstr(asked ? "db: no connection for " : ""));
    EXPECT_EQ(unready_because(now), asked ? now.unready : "");
    down = false;
    until("an opening that nobody waits for", [&] { return a.ready(); });
    a.shutdown(deadline(10s));
  }
}

TEST_F(pool_of_connections, wakes_a_caller_whose_context_is_forced) {
  auto options = usual();
  options.most = 1;
  pool<connection> db(std::move(options));
  db.start({});
  const auto one = db.acquire();
  context_source caller;
  auto waits = std::async(std::launch::async, [&] { return db.acquire(caller.get()); });
  until_one_waits(db);
  caller.force(cause::client_gone);
  const auto none = waits.get();
  ASSERT_FALSE(none);
  EXPECT_EQ(none.error().why(), no_lease::reason::forced);
  EXPECT_THAT(none.error().what(), HasSubstr("client_gone"));
}

TEST_F(pool_of_connections, drains_when_all_leases_are_back_and_tells_those_that_wait_at_once) {
  auto options = usual();
  options.most = 1;
  pool<connection> db(std::move(options));
  db.start({});
  auto one = std::make_unique<lease<connection>>(*db.acquire());
  auto waits = std::async(std::launch::async, [&] { return db.acquire(); });
  until_one_waits(db);
  const drain_of drained(db);
  const auto none = waits.get();
  ASSERT_FALSE(none);
  EXPECT_EQ(none.error().why(), no_lease::reason::draining);
  EXPECT_FALSE(drained.is_over());
  EXPECT_TRUE((*one)->good);
  one.reset();
  drained.wait();
  db.stop();
  EXPECT_EQ(alive, 0);
  component_report report;
  db.account(report);
  EXPECT_EQ(report.lost, false);
}

TEST_F(pool_of_connections, cancels_each_lease_that_is_out_when_it_is_forced) {
  auto options = usual();
  std::counting_semaphore<> cancelled(0);
  options.cancel = [&](connection& of) {
    of.cancelled = true;
    cancelled.release();
  };
  pool<connection> db(std::move(options));
  db.start({});
  auto one = std::make_unique<lease<connection>>(*db.acquire());
  auto two = std::make_unique<lease<connection>>(*db.acquire());
  const drain_of drained(db);
  db.force();
  take(cancelled, 2);
  EXPECT_TRUE((*one)->cancelled && (*two)->cancelled);
  one.reset();
  two.reset();
  drained.wait();
  db.stop();
  EXPECT_EQ(alive, 0);
  component_report report;
  db.account(report);
  EXPECT_EQ(report.lost, true);
  EXPECT_THAT(report.fields, ::testing::Contains(::testing::Pair("cancelled", report_value(std::int64_t{2}))));
}

TEST_F(pool_of_connections, does_not_give_one_back_while_it_is_being_cancelled) {
  auto options = usual();
  std::counting_semaphore<> inside(0);
  std::latch go_on(1);
  std::atomic<bool> alive_at_the_end = false;
  options.cancel = [&](connection& of) {
    inside.release();
    go_on.wait();
    alive_at_the_end = of.alive != nullptr && *of.alive == 1;
  };
  pool<connection> db(std::move(options));
  db.start({});
  auto one = std::make_unique<lease<connection>>(*db.acquire());
  const drain_of drained(db);
  db.force();
  take(inside);
  one.reset();
  go_on.count_down();
  drained.wait();
  db.stop();
  EXPECT_TRUE(alive_at_the_end);
}

TEST_F(pool_of_connections, closes_all_side_by_side) {
  auto options = usual();
  options.most = 4;
  std::barrier all(4);  // a close returns when all four are under way
  options.close = [&](connection&) { all.arrive_and_wait(); };
  pool<connection> db(std::move(options));
  db.start({});
  {
    std::vector<lease<connection>> out;
    for (int i = 0; i < 4; ++i) out.push_back(*db.acquire());
  }
  drain_of(db).wait();
  db.stop();
  EXPECT_EQ(alive, 0);
}

TEST_F(pool_of_connections, leaves_one_behind_that_does_not_close_in_time) {
  auto options = usual();
  const auto go_on = std::make_shared<std::latch>(1);
  const auto closed = std::make_shared<std::latch>(1);
  options.close = [go_on, closed](connection&) {
    go_on->wait();
    closed->count_down();
  };
  options.close_within = 20ms;
  std::string lines;
  pool<connection> db(std::move(options),
                      logger(log_level::info, [&](const log_record& line) { lines.append(line.text); }));
  db.start({});
  static_cast<void>(db.acquire());
  drain_of(db).wait();
  db.stop();
  EXPECT_THAT(lines, HasSubstr("left behind"));
  go_on->count_down();
  until("the end of the close", [&] { return closed->try_wait(); });
  until_all_are_closed();
}

TEST_F(pool_of_connections, leaves_what_does_not_close_within_a_shutdown_shorter_than_the_reserve_of_its_app) {
  std::mutex writing;
  std::string lines;
  const auto go_on = std::make_shared<std::latch>(1);
  auto options = usual();
  options.close_within = 20s;
  options.close = [go_on](connection&) { go_on->wait(); };
  app a{{.grace = 60s,
         .reserve = 20s,
         .signals = {},
         .sink =
             [&](const log_record& line) {
               const std::lock_guard held(writing);
               lines.append(line.text);
             },
         .environment = false}};
  auto db = a.add<pool<connection>>("db", std::move(options));
  a.start();
  static_cast<void>(db->acquire());
  EXPECT_EQ(a.shutdown(deadline(4s)).exit_code, 0);
  EXPECT_THAT(lines, HasSubstr("left behind"));
  go_on->count_down();
  until_all_are_closed();
}

TEST_F(pool_of_connections, takes_a_lease_back_that_outlives_it) {
  std::string lines;
  auto db = std::make_unique<pool<connection>>(
      usual(), logger(log_level::info, [&](const log_record& line) { lines.append(line.text); }));
  db->start({});
  auto kept = std::make_unique<lease<connection>>(*db->acquire());
  db->stop();
  EXPECT_THAT(lines, HasSubstr("has stopped while leases are out"));
  db.reset();
  EXPECT_TRUE((*kept)->good);
  kept.reset();
  until_all_are_closed();
}

TEST_F(pool_of_connections, tells_bad_use_at_once) {
  auto options = usual();
  options.most = 0;
  try {
    pool<connection> none(std::move(options));
    ADD_FAILURE();
  } catch (const std::invalid_argument& e) {
    EXPECT_STREQ(e.what(), "db: most = 0; give a number between 1 and 10000");
  }
  options = usual();
  options.open = nullptr;
  EXPECT_THROW(pool<connection>(std::move(options)), std::invalid_argument);
  pool<connection> db(usual());
  EXPECT_THROW(static_cast<void>(db.acquire()), std::logic_error);
  db.start({});
  db.stop();
  const auto none = db.acquire();
  ASSERT_FALSE(none);
  EXPECT_THAT(none.error().what(), HasSubstr("has stopped; name it in the needs of what uses it"));
}

TEST_F(pool_of_connections, shows_each_lease_that_is_out_as_work_in_progress) {
  pool<connection> db(usual());
  db.start({});
  auto one = db.acquire();
  one->label("COMMIT");
  std::vector<work_item> items;
  db.in_progress(items, 10);
  ASSERT_EQ(items.size(), 1u);
  EXPECT_THAT(items[0].label, ::testing::StartsWith("COMMIT at pool_test.cpp:"));
}

// No hand-over is lost, however the threads meet. Under the sanitizers and with the jitter this is a test of its own.
TEST_F(pool_of_connections, serves_many_threads_and_loses_no_hand_over) {
  pool<connection> db(usual());
  db.start({});
  std::atomic<int> inside = 0;
  std::atomic<int> most_inside = 0;
  std::vector<std::thread> all;
  for (int i = 0; i < 16; ++i)
    all.emplace_back([&] {
      for (int round = 0; round < 200; ++round) {
        auto one = db.acquire();
        ASSERT_TRUE(one) << one.error().what();
        const int now = ++inside;
        int seen = most_inside;
        while (now > seen && !most_inside.compare_exchange_weak(seen, now)) continue;
        if (round % 50 == 49) (*one)->good = false;
        --inside;
      }
    });
  for (std::thread& one : all) one.join();
  EXPECT_LE(most_inside, 2);
  drain_of(db).wait();
  db.stop();
  EXPECT_EQ(alive, 0);
}

}  // namespace lastcall::pool_test
