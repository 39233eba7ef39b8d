// What only real threads show: verbs side by side, and verbs that do not come back.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <condition_variable>
#include <deque>
#include <latch>
#include <mutex>
#include <optional>
#include <stdexcept>
#include <string>
#include <thread>

#include "lastcall/core/by_median_test.hpp"
#include "lastcall/core/caught.hpp"
#include "lastcall/core/lifecycle/component_double_test.hpp"
#include "lastcall/core/lifecycle/lifecycle.hpp"
#include "lastcall/core/metrics.hpp"
#include "lastcall/core/threads/countdown.hpp"

namespace lastcall::lifecycle_threads_test {

using namespace std::chrono_literals;
using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Not;
using testing_core::behaviour;
using testing_core::component_double;
using testing_core::journal;

constexpr auto generous = 20s;

/// Held by those who hang, until the test lets them go: a thread must not outlive what it looks at.
class trap {
 public:
  void hang() {
    std::unique_lock lock(mutex_);
    ++inside_;
    changed_.notify_all();
    changed_.wait(lock, [&] { return open_; });
  }
  void wait_until_inside(int count = 1) {
    std::unique_lock lock(mutex_);
    ASSERT_TRUE(changed_.wait_for(lock, generous, [&] { return inside_ >= count; }));
  }
  void release() {
    const std::lock_guard lock(mutex_);
    open_ = true;
    changed_.notify_all();
  }

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  int inside_ = 0;
  bool open_ = false;
};

/// Those who are left behind note on.
std::deque<journal>& kept_journals() {
  static auto& all = *new std::deque<journal>;
  return all;
}

class lifecycle_threads : public testing::Test {
 protected:
  std::size_t add(const std::string& name, std::vector<std::size_t> needs = {}, behaviour does = {}) {
    return life().add(name, std::make_unique<component_double>(name, *notes, std::move(does)), std::move(needs));
  }
  /// From the request to the finish, as a driver does.
  report end(duration grace = 700ms, duration reserve = 500ms) {
    in->request({.at = steady().now()});
    life().begin({.grace = grace, .reserve = reserve, .announce = life().started()}, steady().now());
    for (life().step(); !life().finished(); life().step()) in->driver_wakeup().wait(steady(), life().next_wake());
    report r;
    life().fill(r);
    return r;
  }
  void asked_by_another_thread_once(trap& t) {
    asks_ = std::jthread([&] {
      t.wait_until_inside();
      in->request({.at = steady().now()});
    });
  }
  lifecycle& life() { return *life_; }
  /// What hangs is left behind, and lets go: its doubles note nothing any more that is gone.
  void let_go(trap& t) {
    life_.reset();
    t.release();
  }

  std::shared_ptr<shutdown_requests> in = std::make_shared<shutdown_requests>();
  journal* const notes = &kept_journals().emplace_back();  // of those left behind, too
  std::optional<lifecycle> life_{std::in_place, steady(), logger(log_level::none, {}), in};
  std::jthread asks_;
};

TEST_F(lifecycle_threads, start_independent_components_at_the_same_time_and_users_after_what_they_need) {
  std::latch both(2);  // each waits for the other
  const auto meets = [&](context) { both.arrive_and_wait(); };
  const auto pg = add("pg", {}, {.start = meets});
  const auto redis = add("redis", {}, {.start = meets});
  add("http", {pg, redis});
  ASSERT_EQ(life().start(), lifecycle::start_result::started);
  const auto lines = notes->lines();
  ASSERT_EQ(lines.size(), 3U);
  EXPECT_EQ(lines[2], "start http");
  EXPECT_EQ(end(generous, 1s).outcome, outcome::graceful);
}

TEST_F(lifecycle_threads, drain_and_stop_independent_components_at_the_same_time) {
  std::latch draining(2), stopping(2);
  for (const char* name : {"a", "b"})
    add(name, {},
        {.drain =
             [&](context, drained done) {
               draining.arrive_and_wait();
               done();
             },
         .stop = [&] { stopping.arrive_and_wait(); }});
  ASSERT_EQ(life().start(), lifecycle::start_result::started);
  EXPECT_EQ(end(generous, 1s).outcome, outcome::graceful);
}

TEST_F(lifecycle_threads, are_forced_once_they_have_said_what_they_are_at) {
  by_median([&] {
    in = std::make_shared<shutdown_requests>();
    life_.emplace(steady(), logger(log_level::none, {}), in);
    const auto forced = std::make_shared<countdown>(1);
    add("pool", {},
        {.drain = [](context, drained) {},
         .force = [forced] { forced->count_down(); },
         .in_progress =
             [forced](std::vector<work_item>& out) {
               if (!forced->wait_until(steady().now() + 100ms)) out.push_back({.label = "a talk"});
             }});
    ASSERT_EQ(life().start(), lifecycle::start_result::started);
    const report r = end(10s, 10s);
    ASSERT_EQ(r.components[0].in_progress.size(), 1U);
    EXPECT_EQ(r.components[0].in_progress[0].label, "a talk");
  });
}

TEST_F(lifecycle_threads, hang_in_no_verb_in_a_way_that_keeps_others_from_theirs) {
  for (const verb hung_verb : {verb::announce, verb::drain, verb::force, verb::stop, verb::account}) {
    SCOPED_TRACE(std::string(to_text(hung_verb)));
    in = std::make_shared<shutdown_requests>();
    life_.emplace(steady(), logger(log_level::none, {}), in);
    const auto held = std::make_shared<trap>();  // by those who are left behind, too
    trap& t = *held;
    behaviour bad;
    const auto hangs = [held] { held->hang(); };
    if (hung_verb == verb::announce) bad.announce = hangs;
    if (hung_verb == verb::drain) bad.drain = [hangs](context, drained) { hangs(); };
    if (hung_verb == verb::force) {
      bad.drain = [](context, drained) {};
      bad.force = hangs;
    }
    if (hung_verb == verb::stop) bad.stop = hangs;
    if (hung_verb == verb::account) bad.account = [hangs](component_report&) { hangs(); };
    const auto base = add("base");
    add("bad", {base}, std::move(bad));
    add("other", {base});
    ASSERT_EQ(life().start(), lifecycle::start_result::started);
    const time_point from = steady().now();
    const report r = end();
    EXPECT_LT(steady().now() - from, generous);
    EXPECT_GE(steady().now() - from, 200ms) << "not before the drain end";
    EXPECT_THAT(r.hung(), ElementsAre("bad"));
    EXPECT_EQ(r.components[1].hung_in, to_text(hung_verb));
    EXPECT_TRUE(r.components[0].stopped) << "what it needs, too";
    EXPECT_TRUE(r.components[2].stopped);
    EXPECT_TRUE(life().verbs_under_way());
    let_go(t);
    EXPECT_THAT(notes->lines(), Not(Contains("~bad")));
    EXPECT_THAT(notes->lines(), Not(Contains("~base")));
  }
}

TEST_F(lifecycle_threads, end_in_order_although_a_start_hangs) {
  const auto held = std::make_shared<trap>();
  trap& t = *held;
  const auto base = add("base");
  add("bad", {base}, {.start = [held](context) { held->hang(); }});
  add("other", {base});
  asked_by_another_thread_once(t);
  EXPECT_EQ(life().start(), lifecycle::start_result::interrupted);
  const report r = end();
  EXPECT_THAT(r.hung(), ElementsAre("bad"));
  EXPECT_EQ(r.components[1].hung_in, "start");
  EXPECT_TRUE(r.components[0].stopped);
  let_go(t);
}

TEST_F(lifecycle_threads, tell_a_start_by_its_context_that_the_end_is_asked_for) {
  trap entered;
  entered.release();
  std::optional<time_point> drain_end;
  add("slow", {}, {.start = [&](context c) {
        entered.hang();
        EXPECT_FALSE(c.wait_for(generous));
        drain_end = c.drain_end();
        EXPECT_FALSE(c.forced());
      }});
  const auto next = add("next");
  add("last", {0, next});
  asked_by_another_thread_once(entered);
  EXPECT_EQ(life().start(), lifecycle::start_result::interrupted);
  const report r = end(generous, 1s);
  EXPECT_EQ(r.outcome, outcome::graceful);
  ASSERT_TRUE(drain_end);
  EXPECT_TRUE(r.components[0].stopped) << "it had started after all";
  EXPECT_FALSE(r.components[2].start_ms);
  EXPECT_THAT(notes->lines(), Not(Contains("start last")));
}

TEST_F(lifecycle_threads, force_the_context_of_a_start_at_the_drain_end) {
  trap entered;
  entered.release();
  add("slow", {}, {.start = [&](context c) {
        entered.hang();
        EXPECT_FALSE(c.wait_until_forced_for(generous));
        throw std::runtime_error("given up");
      }});
  asked_by_another_thread_once(entered);
  EXPECT_EQ(life().start(), lifecycle::start_result::interrupted);
  const report r = end(generous, generous - 50ms);
  EXPECT_THAT(r.hung(), ElementsAre());
  EXPECT_THAT(r.errors, Contains(HasSubstr("given up")));
  EXPECT_THAT(notes->lines(), Not(Contains("stop slow")));
}

TEST_F(lifecycle_threads, unwind_those_that_were_starting_beside_one_that_failed) {
  trap entered;
  entered.release();
  const auto base = add("base");
  add("slow", {base}, {.start = [&](context c) {
        entered.hang();
        EXPECT_FALSE(c.wait_for(generous));
      }});
  add("bad", {base}, {.start = [&](context) {
        entered.wait_until_inside();
        throw std::runtime_error("no");
      }});
  EXPECT_EQ(life().start(), lifecycle::start_result::failed);
  EXPECT_EQ(to_text(life().failure()), "component \"bad\" failed to start: no");
  const report r = end(generous, 1s);
  EXPECT_TRUE(r.components[1].stopped);
  const auto lines = notes->lines();
  EXPECT_EQ(std::count(lines.begin(), lines.end(), "stop bad"), 0);
  EXPECT_LT(std::find(lines.begin(), lines.end(), "stop slow"), std::find(lines.begin(), lines.end(), "drain base"));
}

TEST_F(lifecycle_threads, stop_only_after_a_drain_that_said_done_before_it_returned) {
  std::latch told(1), may_return(1);
  add("early", {}, {.drain = [&](context, drained done) {
        done();
        told.count_down();
        may_return.wait();
        notes->note("drain returned");
      }});
  ASSERT_EQ(life().start(), lifecycle::start_result::started);
  std::jthread releases([&] {
    told.wait();
    std::this_thread::sleep_for(20ms);  // time for a stop that would come too early
    may_return.count_down();
  });
  EXPECT_EQ(end(generous, 1s).outcome, outcome::graceful);
  EXPECT_THAT(notes->lines(),
              ElementsAre("start early", "announce early", "drain early", "drain returned", "stop early"));
}

TEST_F(lifecycle_threads, stop_one_that_is_forced_before_its_drain_could_begin) {
  add("slow", {},
      {.announce = [] { std::this_thread::sleep_for(450ms); }, .drain = [](const context&, const drained&) {}});
  ASSERT_EQ(life().start(), lifecycle::start_result::started);
  const report r = end(20s, 19'800ms);
  EXPECT_EQ(r.outcome, outcome::forced);
  EXPECT_THAT(notes->lines(), Not(Contains("drain slow")));
  EXPECT_THAT(notes->lines(), Contains("stop slow"));
}

TEST_F(lifecycle_threads, force_once_one_whose_drain_throws_when_it_is_forced) {
  add("thrower", {}, {.drain = [](const context& ctx, const drained&) {
        while (!ctx.forced()) std::this_thread::sleep_for(1ms);
        throw std::runtime_error("no");
      }});
  ASSERT_EQ(life().start(), lifecycle::start_result::started);
  const report r = end(20s, 19'800ms);
  const auto lines = notes->lines();
  EXPECT_EQ(std::count(lines.begin(), lines.end(), "force thrower"), 1);
  EXPECT_TRUE(r.components[0].stopped);
}

TEST_F(lifecycle_threads, say_what_a_forced_component_was_at_work_on) {
  struct works : component {
    void drain(context, drained done) override { done_ = std::move(done); }
    void force() noexcept override { done_(); }
    void in_progress(std::vector<work_item>& out, std::size_t) const override { out.push_back({.label = "a job"}); }
    drained done_;
  };
  life().add("worker", std::make_unique<works>(), {});
  ASSERT_EQ(life().start(), lifecycle::start_result::started);
  const report r = end(10500ms, 10s);
  ASSERT_EQ(r.components[0].in_progress.size(), 1U);
  EXPECT_EQ(r.components[0].in_progress[0].label, "a job");
}

TEST_F(lifecycle_threads, wait_for_the_answer_of_one_that_stops_before_it_has_said_what_it_was_at_work_on) {
  std::latch stopped(1);
  drained has_drained;
  add("worker", {},
      {.drain = [&](context, drained done) { has_drained = std::move(done); },
       .force = [&] { has_drained(); },
       .stop = [&] { stopped.count_down(); },
       .in_progress =
           [&](std::vector<work_item>& out) {
             stopped.wait();
             std::this_thread::sleep_for(50ms);  // time for an end that would come too early
             out.push_back({.label = "a job"});
           }});
  ASSERT_EQ(life().start(), lifecycle::start_result::started);
  const report r = end(2200ms, 2s);
  EXPECT_EQ(r.outcome, outcome::forced);
  ASSERT_EQ(r.components[0].in_progress.size(), 1U);
  life_.reset();
  EXPECT_THAT(notes->lines(), Contains("~worker")) << "nobody asks it any more, so it needs not be left behind";
}

// Stacks are asked for at half of the reserve, and once more when one hangs in its account. The first answer is no
// answer to the second question.
TEST_F(lifecycle_threads, tell_where_one_hangs_that_has_not_begun_to_when_stacks_were_first_asked_for) {
  const auto held = std::make_shared<trap>();
  const auto hangs = [held] { held->hang(); };
  const auto ends = steady().now() + 1500ms;
  const auto early = add("early", {}, {.drain = [hangs](const context&, const drained&) { hangs(); }});
  const auto late = add("late", {},
                        {.stop = [ends] { std::this_thread::sleep_until(ends - 400ms); },
                         .account = [hangs](component_report&) { hangs(); }});
  ASSERT_EQ(life().start(), lifecycle::start_result::started);
  const report r = end(1500ms, 1300ms);
  EXPECT_EQ(r.components[early].hung_in, "drain");
  EXPECT_EQ(r.components[late].hung_in, "account");
  EXPECT_THAT(r.components[early].stack, Contains(HasSubstr("drain early, for ")));
  EXPECT_THAT(r.components[late].stack, Contains(HasSubstr("account late, for ")));
  let_go(*held);
}

TEST_F(lifecycle_threads, say_what_a_component_waits_for_that_holds_no_thread) {
  std::unique_ptr<waiting> suspended;  // as in a coroutine
  add("suspended", {},
      {.drain = [&](const context& ctx, const drained&) { suspended.reset(new waiting(ctx, "a promise")); }});
  ASSERT_EQ(life().start(), lifecycle::start_result::started);
  const report r = end();
  EXPECT_EQ(r.outcome, outcome::hung);
  EXPECT_EQ(r.components[0].hung_in, "");
  ASSERT_EQ(r.components[0].in_progress.size(), 1U);
  EXPECT_THAT(r.components[0].in_progress[0].waits_for,
              testing::MatchesRegex("a promise .lifecycle_threads_test.cpp:.*"));
  EXPECT_THAT(to_text(r), HasSubstr("suspended was at work on: its own work, for "));
  EXPECT_THAT(to_text(r), HasSubstr(", waits for a promise (lifecycle_threads_test.cpp:"));
  EXPECT_THAT(to_json(r), HasSubstr("\"waits_for\":\"a promise (lifecycle_threads_test.cpp:"));
}

// Whoever reads metrics may hang in a component; neither the end nor the next reader may wait for that.
TEST_F(lifecycle_threads, are_destroyed_although_somebody_hangs_in_a_component_that_he_asks) {
  trap t;
  const auto base = add("base");
  add("deaf", {base}, {.measure = [&](metrics&) { t.hang(); }});
  const auto last = add("last", {base});
  ASSERT_EQ(life().start(), lifecycle::start_result::started);
  std::jthread asks([&life = life()] {
    metrics into;
    life.measure(into);
  });
  t.wait_until_inside();
  EXPECT_EQ(end(generous, 1s).outcome, outcome::graceful);
  metrics second;
  life().measure(second);  // comes back, without numbers
  life_.reset();
  const auto lines = notes->lines();
  EXPECT_EQ(std::count(lines.begin(), lines.end(), "~deaf"), 0) << "left in memory";
  EXPECT_EQ(std::count(lines.begin(), lines.end(), "~base"), 0);
  static_cast<void>(last);
  t.release();
}

TEST_F(lifecycle_threads, that_tell_their_progress_late_outlive_the_lifecycle) {
  trap t;
  std::atomic<int> told{0};
  add("slow", {}, {.in_progress = [&](std::vector<work_item>& out) {
        t.hang();
        out.push_back({.label = "late"});
      }});
  ASSERT_EQ(life().start(), lifecycle::start_result::started);
  life().report_progress(10, [&](const lifecycle::work_of_components& all) {
    EXPECT_EQ(all.at(0).second.at(0).label, "late");
    ++told;
  });
  t.wait_until_inside();
  EXPECT_EQ(end(generous, 1s).outcome, outcome::graceful);
  let_go(t);
  for (const auto by = steady().now() + generous; told == 0 && steady().now() < by;) std::this_thread::sleep_for(1ms);
  EXPECT_EQ(told, 1);
}

// Those that need nothing are begun before anything else, so it does not hang on the processor's whims who took part.
TEST_F(lifecycle_threads, begin_to_start_what_needs_nothing_before_the_end_of_a_quick_chain_is_heard_of) {
  for (int i = 0; i < 200 && !HasFailure(); ++i) {
    journal& seen = kept_journals().emplace_back();
    const auto requests = std::make_shared<shutdown_requests>();
    lifecycle one(steady(), logger(log_level::none, {}), requests);
    const auto base = one.add("base", std::make_unique<component_double>("base", seen), {});
    one.add("witness", std::make_unique<component_double>("witness", seen), {});
    behaviour asks{.start = [&](context) { requests->request({.at = steady().now()}); }};
    one.add("asks", std::make_unique<component_double>("asks", seen, std::move(asks)), {base});
    one.start();
    one.begin({.grace = generous, .reserve = 1s, .announce = false}, steady().now());
    for (one.step(); !one.finished(); one.step()) requests->driver_wakeup().wait(steady(), one.next_wake());
    EXPECT_THAT(seen.lines(), Contains("start witness"));
    EXPECT_THAT(seen.lines(), Contains("stop witness"));
  }
}

}  // namespace lastcall::lifecycle_threads_test
