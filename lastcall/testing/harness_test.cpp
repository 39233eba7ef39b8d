#include "lastcall/testing/harness.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>

#include <atomic>
#include <functional>
#include <stdexcept>
#include <thread>

#include "lastcall/core/lifecycle/shutdown_budget.hpp"

namespace lastcall::testing::harness_test {

using namespace std::chrono_literals;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::IsSupersetOf;

std::string what_is_thrown(const std::function<void()>& misuse) {
  try {
    misuse();
  } catch (const std::exception& e) {
    return e.what();
  }
  return "nothing";
}

TEST(harness, names_the_component_that_hangs) {
  harness t{{.grace = 10s}};
  const auto pg = t.add("postgres", {.drain_takes = 60s, .ignores_force = true});
  t.add("http", {.in_flight = 3, .each_takes = 2s}, {pg});
  t.raise(SIGTERM);
  EXPECT_THAT(t.run_to_end().hung(), ElementsAre("postgres"));
  EXPECT_EQ(t.run_to_end().exit_code, 4);
  EXPECT_EQ(t.run_to_end().cause.signal, "SIGTERM");
  EXPECT_EQ(t.now(), 10s);
  EXPECT_EQ(t.run_to_end().requests(), (request_ledger{.begun = 3, .answered = 3}));
}

TEST(harness, tells_what_happened_and_when) {
  harness t{{.grace = 10s, .readiness_delay = 3s}};
  const auto pg = t.add("pg", {.start_takes = 500ms, .stop_takes = 100ms});
  t.add("http", {.in_flight = 3, .each_takes = 2s}, {pg});
  t.raise(SIGTERM);
  EXPECT_EQ(t.run_to_end().exit_code, 0);
  EXPECT_EQ(to_text(t.timeline()),
            "   0s  pg    start\n"
            "500ms  pg    started\n"
            "500ms  http  start\n"
            "500ms  http  started\n"
            "500ms        ready\n"
            "500ms        SIGTERM\n"
            "500ms  http  announce\n"
            "500ms  pg    announce\n"
            " 3.5s  http  drain\n"
            " 5.5s  http  3 answered\n"
            " 5.5s  http  drained\n"
            " 5.5s  http  stop\n"
            " 5.5s  http  stopped\n"
            " 5.5s  pg    drain\n"
            " 5.5s  pg    drained\n"
            " 5.5s  pg    stop\n"
            " 5.6s  pg    stopped\n"
            " 5.6s        over: exit 0\n");
  const report& r = t.run_to_end();
  EXPECT_EQ(r.start_ms, 500);
  EXPECT_EQ(r.readiness_ms, 3000);
  EXPECT_EQ(r.total_ms, 5100);
}

TEST(harness, cuts_what_takes_longer_than_the_drain_end_and_exits_with_3) {
  harness t{{.grace = 10s}};
  t.add("http", {.in_flight = 5, .each_takes = 60s});
  t.raise(SIGTERM);
  const report& r = t.run_to_end();
  EXPECT_EQ(r.exit_code, 3);
  EXPECT_EQ(r.requests(), (request_ledger{.begun = 5, .forced = 5}));
  EXPECT_EQ(r.components[0].forced_ms, 9000);
  EXPECT_EQ(t.now(), 9s) << "nobody waited for the deadline";
}

TEST(harness, takes_a_second_signal_for_a_force_and_one_soon_after_the_first_for_the_same) {
  harness t{{.grace = 60s, .reserve = 2s}};
  t.add("http", {.drain_takes = 30s, .force_takes = 1s});
  t.at(5s, [&] { t.raise(SIGTERM); });
  t.at(5400ms, [&] { t.raise(SIGINT); });
  t.at(8s, [&] { t.raise(SIGINT); });
  const report& r = t.run_to_end();
  EXPECT_EQ(r.exit_code, 3);
  EXPECT_EQ(r.cause.signal, "SIGTERM");
  EXPECT_EQ(r.components[0].forced_ms, 3000);
  EXPECT_EQ(t.now(), 9s);
  EXPECT_THAT(to_text(t.timeline()), HasSubstr("5.4s        SIGINT: the same request again\n"));
}

TEST(harness, is_left_at_once_at_a_third_signal) {
  harness t{{.grace = 60s, .reserve = 5s}};
  t.add("http", {.drain_takes = 30s, .ignores_force = true});
  t.raise(SIGTERM);
  t.advance(1s);
  t.raise(SIGTERM);
  EXPECT_FALSE(t.ended());
  t.advance(1s);
  t.raise(SIGINT);
  EXPECT_TRUE(t.ended());
  EXPECT_EQ(t.run_to_end().exit_code, 128 + SIGINT);
  EXPECT_EQ(t.now(), 2s);
}

TEST(harness, ends_a_start_that_is_under_way_when_a_signal_comes) {
  harness t;
  const auto pg = t.add("pg", {.start_takes = 5s});
  t.add("http", {}, {pg});
  t.at(2s, [&] { t.raise(SIGTERM); });
  const report& r = t.run_to_end();
  EXPECT_EQ(r.exit_code, 0);
  EXPECT_EQ(t.now(), 2s);
  EXPECT_THAT(to_text(t.timeline()), HasSubstr("2s  pg  stop\n"));
  EXPECT_EQ(r.components[1].start_ms, std::nullopt);
}

TEST(harness, unwinds_what_had_started_when_a_start_fails) {
  harness t;
  const auto pg = t.add("pg");
  t.add("http", {.start_takes = 1s, .start_fails = "address in use"}, {pg});
  const report& r = t.run_to_end();
  EXPECT_EQ(r.exit_code, 1);
  EXPECT_EQ(r.outcome, outcome::failed);
  EXPECT_THAT(r.cause.text, HasSubstr("address in use"));
  EXPECT_TRUE(r.components[0].stopped);
  EXPECT_FALSE(t.started());
}

TEST(harness, leaves_with_4_when_a_verb_itself_never_returns) {
  for (const verb in : {verb::start, verb::announce, verb::drain, verb::force, verb::stop}) {
    SCOPED_TRACE(to_text(in));
    harness t{{.grace = 10s}};
    t.add("other");
    t.add("stuck", {.drain_takes = 60s, .hangs_in = in});
    t.at(1s, [&] { t.raise(SIGTERM); });
    EXPECT_THAT(t.run_to_end().hung(), ElementsAre("stuck")) << to_text(t.timeline());
    EXPECT_EQ(t.run_to_end().exit_code, 4);
    EXPECT_GE(t.now(), 10s);
    EXPECT_LE(t.now(), 11s + time_for_report);
  }
}

TEST(harness, can_be_watched_on_the_way) {
  harness t{{.grace = 10s}};
  const auto http = t.add("http", {.drain_takes = 4s});
  t.start();
  EXPECT_TRUE(t.started());
  t.advance(1h);
  EXPECT_TRUE(t.started());
  t.raise(SIGTERM);
  EXPECT_FALSE(t.started());
  EXPECT_EQ(t.app().status().phase, app_phase::draining);
  EXPECT_EQ(t.app().status().left, 10s);
  t.advance(3s);
  EXPECT_FALSE(t.ended());
  t.advance(1s);
  EXPECT_TRUE(t.ended());
  EXPECT_EQ(t.now(), 1h + 4s);
}

TEST(harness, ends_when_a_component_fails) {
  harness t;
  const auto pg = t.add("pg");
  t.add("http", {.in_flight = 1, .each_takes = 1s}, {pg});
  t.at(3s, [&] { t.fail(pg, "connection lost"); });
  EXPECT_THAT(t.run_to_end().cause.text, HasSubstr("connection lost"));
  EXPECT_EQ(t.now(), 4s);
}

/// Drains on a thread of its own, as real ones do.
struct real_one : component {
  explicit real_one(bool comes_back) : comes_back_(comes_back) {}
  void drain(context, drained done) override {
    if (comes_back_) worker_ = std::jthread([done = std::move(done)]() mutable { done(); });
  }
  bool comes_back_;
  std::jthread worker_;
};

TEST(harness, takes_components_of_ones_own_which_have_real_time_to_drain) {
  for (const bool comes_back : {true, false}) {
    harness t{{.grace = 10s}, comes_back ? 20s : 20ms};
    const auto pg = t.add("pg");
    t.add("mine", std::make_unique<real_one>(comes_back), {pg});
    t.raise(SIGTERM);
    const report& r = t.run_to_end();
    EXPECT_EQ(r.exit_code, comes_back ? 0 : 4) << to_text(t.timeline());
    EXPECT_EQ(t.now(), comes_back ? 0s : 10s);
    EXPECT_THAT(to_text(t.timeline()), HasSubstr(comes_back ? "mine  stopped" : "mine  hung"));
    EXPECT_TRUE(r.components[0].stopped) << "the others' stops run all the same";
  }
}

TEST(harness, is_the_same_each_time) {
  const auto once = [] {
    harness t{{.grace = 20s}};
    std::vector<member> all;
    for (int i = 0; i < 20; ++i) {
      needs on;
      for (int k = 1; k < 4 && k <= i; k += 2) on.push_back(all[static_cast<std::size_t>(i - k)]);
      all.push_back(t.add("c" + std::to_string(i),
                          {.start_takes = i % 3 * 1s,
                           .drain_takes = i % 5 * 300ms,
                           .stop_takes = i % 2 * 50ms,
                           .in_flight = static_cast<std::size_t>(i),
                           .each_takes = 1s},
                          on));
    }
    t.raise(SIGTERM);
    t.run_to_end();
    return to_text(t.timeline());
  };
  EXPECT_EQ(once(), once());
}

TEST(harness, ends_what_still_runs_when_it_is_destroyed) {
  std::atomic<int> stopped{0};
  struct counts : component {
    explicit counts(std::atomic<int>& n) : n_(n) {}
    void stop() noexcept override { ++n_; }
    std::atomic<int>& n_;
  };
  {
    harness t;
    t.add("mine", std::make_unique<counts>(stopped));
    t.add("slow", {.drain_takes = 1h});
    t.add("stuck", {.hangs_in = verb::stop});
    t.raise(SIGTERM);
    t.advance(1s);
  }
  EXPECT_EQ(stopped, 1);
  {
    harness never_started;
    never_started.add("mine", std::make_unique<counts>(stopped));
  }
  EXPECT_EQ(stopped, 1);
}

TEST(harness, refuses_what_makes_no_sense) {
  harness t;
  t.add("pg");
  EXPECT_THAT(what_is_thrown([&] { t.raise(SIGUSR1); }), HasSubstr("does not catch SIGUSR1"));
  EXPECT_THAT(what_is_thrown([&] { t.run_to_end(); }), HasSubstr("nothing will ever happen"));
  EXPECT_THAT(what_is_thrown([&] { t.add("late"); }), HasSubstr("added after the start"));
  EXPECT_THAT(what_is_thrown([&] { t.advance(-1s); }), HasSubstr("negative"));
  t.at(1s, [&] { t.advance(1s); });
  EXPECT_THAT(what_is_thrown([&] { t.advance(2s); }), HasSubstr("only the test itself can wait"));
  t.raise(SIGTERM);
  EXPECT_EQ(t.run_to_end().exit_code, 0);
  t.raise(SIGTERM);
  const virtual_clock other;
  EXPECT_THAT(what_is_thrown([&] { harness{{.time = &other}}; }), HasSubstr("leave it null"));
  EXPECT_THAT(what_is_thrown([&] { harness{{.grace = 0s}}; }), HasSubstr("grace 0s"));
  EXPECT_THAT(what_is_thrown([] { harness().add("x", {.drain_takes = -1s}); }), HasSubstr("-1s"));
  EXPECT_THAT(what_is_thrown([] { harness().add("x", {.hangs_in = verb::destroy}); }), HasSubstr("destroy"));
}

}  // namespace lastcall::testing::harness_test
