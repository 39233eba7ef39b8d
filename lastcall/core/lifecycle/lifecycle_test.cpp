#include "lastcall/core/lifecycle/lifecycle.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <functional>
#include <stdexcept>
#include <thread>

#include "lastcall/core/caught.hpp"
#include "lastcall/core/lifecycle/component_double_test.hpp"
#include "lastcall/core/metrics.hpp"

namespace lastcall::lifecycle_test {

using namespace std::chrono_literals;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using testing_core::behaviour;
using testing_core::component_double;
using testing_core::journal;

class hand_clock : public lastcall::clock {
 public:
  time_point now() const noexcept override { return time_point(duration(ticks_.load())); }
  void set(time_point to) { ticks_ = to.time_since_epoch().count(); }

 private:
  std::atomic<duration::rep> ticks_{duration(1h).count()};
};

class lifecycle_test : public testing::Test {
 protected:
  std::size_t add(const std::string& name, std::vector<std::size_t> needs = {}, behaviour does = {}) {
    return life.add(name, std::make_unique<component_double>(name, notes, std::move(does)), std::move(needs));
  }
  void start() { ASSERT_EQ(life.start(), lifecycle::start_result::started); }
  void begin(duration readiness_delay = 0s) {
    begun = time.now();
    in->request({.at = begun});
    life.begin({.grace = 20s, .reserve = 2s, .readiness_delay = readiness_delay}, begun);
    step();
  }
  void step() {  // as a driver does: until nothing is due
    do {
      life.step();
    } while (life.next_wake() && *life.next_wake() <= time.now());
    life.step();
  }
  void at(duration since_request) {
    time.set(begun + since_request);
    step();
  }
  void end_unannounced() {
    life.begin({.grace = 20s, .reserve = 2s, .announce = false}, time.now());
    step();
    EXPECT_TRUE(life.finished());
  }
  report filled() {
    report r;
    life.fill(r);
    return r;
  }

  hand_clock time;
  journal notes;
  std::shared_ptr<shutdown_requests> in = std::make_shared<shutdown_requests>();
  std::optional<lifecycle> keeps_{std::in_place, time, logger(log_level::none, {}), in};
  lifecycle& life = *keeps_;
  time_point begun{};
};

TEST_F(lifecycle_test, starts_in_the_order_of_need_and_ends_in_reverse) {
  add("pg");
  add("http", {0});
  start();
  EXPECT_TRUE(life.started());
  begin();
  EXPECT_TRUE(life.finished());
  EXPECT_THAT(notes.lines(), ElementsAre("start pg", "start http", "announce http", "announce pg", "drain http",
                                         "stop http", "drain pg", "stop pg"));
  EXPECT_EQ(filled().outcome, outcome::graceful);
}

TEST_F(lifecycle_test, destroys_users_before_what_they_need) {
  add("pg");
  add("http", {0});
  keeps_.reset();
  EXPECT_THAT(notes.lines(), ElementsAre("~http", "~pg"));
}

TEST_F(lifecycle_test, says_where_it_is_while_it_destroys_and_destroys_once) {
  struct looks : component {
    explicit looks(std::function<void()> f) : look(std::move(f)) {}
    ~looks() override { look(); }
    std::function<void()> look;
  };
  driver_position::location seen;
  add("pg");
  life.add("http", std::make_unique<looks>([&] { seen = life.current_position().at(); }), {0});
  life.destroy();
  EXPECT_EQ(seen.in, verb::destroy);
  EXPECT_EQ(seen.component, 1u);
  EXPECT_EQ(life.current_position().at().in, verb::none);
  life.destroy();
  EXPECT_THAT(notes.lines(), ElementsAre("~pg"));
}

TEST_F(lifecycle_test, gives_a_drain_its_context_and_its_end) {
  context seen;
  add("http", {}, {.start = [&](context c) { seen = c; }});
  start();
  EXPECT_FALSE(seen.draining());
  begin();
  EXPECT_TRUE(seen.draining());
  EXPECT_FALSE(seen.forced());
  EXPECT_EQ(seen.drain_end(), begun + 18s);
}

TEST_F(lifecycle_test, serves_on_until_the_readiness_delay_is_over) {
  add("http");
  start();
  begin(5s);
  EXPECT_THAT(notes.lines(), ElementsAre("start http", "announce http"));
  EXPECT_EQ(life.next_wake(), begun + 5s);
  at(5s);
  EXPECT_TRUE(life.finished());
  EXPECT_EQ(filled().readiness_ms, 5000);
  EXPECT_EQ(filled().total_ms, 5000);
}

TEST_F(lifecycle_test, takes_drained_from_any_thread_and_notes_when) {
  lastcall::drained done;
  add("http", {}, {.drain = [&](context, lastcall::drained d) { done = std::move(d); }});
  start();
  begin();
  EXPECT_FALSE(life.finished());
  time.set(begun + 3s);
  std::thread([&] { done(); }).join();
  step();
  EXPECT_TRUE(life.finished());
  const report r = filled();
  EXPECT_EQ(r.components[0].drained_ms, 3000);
  EXPECT_TRUE(r.components[0].drained);
  EXPECT_EQ(r.drain_ms, 3000);
  EXPECT_EQ(r.stop_ms, 0);
}

TEST_F(lifecycle_test, forces_at_the_drain_end_and_counts_it_as_forced) {
  lastcall::drained done;
  context seen;
  add("pg");
  add("http", {0},
      {.drain =
           [&](context c, lastcall::drained d) {
             seen = c;
             done = std::move(d);
           },
       .force = [&] { done(); }});
  start();
  begin();
  at(17999ms);
  EXPECT_FALSE(seen.forced());
  at(18s);
  EXPECT_TRUE(seen.forced());
  EXPECT_TRUE(life.finished());
  EXPECT_THAT(notes.lines(), ElementsAre("start pg", "start http", "announce http", "announce pg", "drain http",
                                         "force http", "force pg", "stop http", "stop pg"));
  const report r = filled();
  EXPECT_EQ(r.outcome, outcome::forced);
  EXPECT_TRUE(r.components[1].forced);
  EXPECT_FALSE(r.components[1].drained);
}

TEST_F(lifecycle_test, takes_a_ledger_with_something_forced_for_a_forced_end) {
  add("http", {}, {.account = [](component_report& out) { out.requests = {.begun = 1, .forced = 1}; }});
  start();
  begin();
  EXPECT_EQ(filled().outcome, outcome::forced);
}

TEST_F(lifecycle_test, takes_a_force_after_which_all_was_finished_for_a_drain) {
  lastcall::drained done;
  add("runtime", {}, {.account = [](component_report& out) { out.lost = false; }});
  add("http", {0},
      {.drain = [&](context, lastcall::drained d) { done = std::move(d); },
       .force = [&] { done(); },
       .account =
           [](component_report& out) {
             out.connections = {.accepted = 3, .closed_clean = 2, .closed_by_remote = 1};
             out.requests = {.begun = 5, .answered = 5};
           }});
  start();
  begin();
  at(18s);
  const report r = filled();
  EXPECT_TRUE(r.components[1].forced);
  EXPECT_FALSE(r.components[1].drained);
  EXPECT_EQ(r.components[1].drained_ms, 18000);
  EXPECT_EQ(r.outcome, outcome::graceful);
}

TEST_F(lifecycle_test, tells_of_a_nearer_deadline_before_it_forces) {
  std::optional<time_point> told;
  bool told_before = false;
  add("http", {},
      {.drain = [](context, const lastcall::drained&) {}, .force = [&] { told_before = told.has_value(); }});
  start();
  in->request({.at = time.now()});
  life.begin({.grace = 20s, .reserve = 2s}, time.now(), [&](time_point deadline) { told = deadline; });
  step();
  EXPECT_EQ(told, std::nullopt);
  in->force();
  step();
  EXPECT_EQ(told, time.now() + 2s);
  EXPECT_TRUE(told_before);
  component* const hung = &life.at(0);
  keeps_.reset();
  delete hung;
}

TEST_F(lifecycle_test, names_who_hangs_stops_the_others_and_leaves_the_hung_and_its_needs_in_memory) {
  lastcall::drained done;
  add("pg");
  const std::size_t http = add("http", {0}, {.drain = [&](context, lastcall::drained d) { done = std::move(d); }});
  add("timer");
  component* const hung = &life.at(http);
  component* const needed = &life.at(0);
  start();
  begin();
  at(18s);
  at(19s);
  EXPECT_THAT(notes.lines(), testing::Contains("stop pg"));
  EXPECT_FALSE(life.finished());
  at(20s);
  EXPECT_TRUE(life.finished());
  EXPECT_EQ(filled().outcome, outcome::hung);
  EXPECT_THAT(filled().hung(), ElementsAre("http"));
  keeps_.reset();
  EXPECT_THAT(notes.lines(), testing::Contains("~timer"));
  EXPECT_THAT(notes.lines(), testing::Not(testing::Contains("~http")));
  EXPECT_THAT(notes.lines(), testing::Not(testing::Contains("~pg")));
  done();  // late, and harmless
  delete hung;
  delete needed;
}

TEST_F(lifecycle_test, takes_drained_once_however_often_it_is_told) {
  add("http", {}, {.drain = [](context, lastcall::drained done) {
        done();
        done();
      }});
  start();
  begin();
  EXPECT_THAT(notes.lines(), ElementsAre("start http", "announce http", "drain http", "stop http"));
}

TEST_F(lifecycle_test, reports_a_drain_that_throws_forces_it_and_goes_on) {
  add("pg");
  add("http", {0}, {.drain = [](context, lastcall::drained) { throw std::runtime_error("no memory left"); }});
  start();
  begin();
  EXPECT_TRUE(life.finished());
  EXPECT_THAT(notes.lines(), ElementsAre("start pg", "start http", "announce http", "announce pg", "drain http",
                                         "force http", "stop http", "drain pg", "stop pg"));
  EXPECT_THAT(filled().errors, ElementsAre("http: drain: no memory left"));
  EXPECT_EQ(filled().outcome, outcome::forced);
}

TEST_F(lifecycle_test, reports_an_account_that_throws) {
  add("http", {}, {.account = [](component_report&) { throw 5; }});
  start();
  begin();
  EXPECT_THAT(filled().errors, ElementsAre("http: account: an exception that is no std::exception"));
}

TEST_F(lifecycle_test, ends_exactly_what_had_started_when_a_start_fails) {
  add("pg");
  add("http", {0}, {.start = [](context) { throw std::runtime_error("address in use"); }});
  add("timer", {1});
  EXPECT_EQ(life.start(), lifecycle::start_result::failed);
  EXPECT_FALSE(life.started());
  EXPECT_EQ(to_text(life.failure()), "component \"http\" failed to start: address in use");
  in->request({.at = time.now()});
  life.begin({.grace = 20s, .reserve = 2s, .announce = false}, time.now());
  step();
  EXPECT_TRUE(life.finished());
  EXPECT_THAT(notes.lines(), ElementsAre("start pg", "start http", "drain pg", "stop pg"));
  EXPECT_THAT(filled().components[2].start_ms, std::nullopt);
}

TEST_F(lifecycle_test, puts_what_all_others_need_in_front_wherever_it_was_added) {
  add("pg");
  add("http", {0});
  add("log shipping");
  life.add("admin", std::make_unique<component_double>("admin", notes), {2}, true);
  start();
  EXPECT_THAT(life.names(), ElementsAre("log shipping", "admin", "pg", "http"));
  begin();
  for (int i = 0; i < 4; ++i) step();  // each `drained` rings for one more
  EXPECT_TRUE(life.finished());
  EXPECT_THAT(notes.lines(),
              ElementsAre("start log shipping", "start admin", "start pg", "start http", "announce http", "announce pg",
                          "announce admin", "announce log shipping", "drain http", "stop http", "drain pg", "stop pg",
                          "drain admin", "stop admin", "drain log shipping", "stop log shipping"));
}

TEST_F(lifecycle_test, drains_what_all_need_only_when_the_last_other_has_stopped) {
  lastcall::drained done;
  life.add("admin", std::make_unique<component_double>("admin", notes), {}, true);
  add("slow", {}, {.drain = [&](context, lastcall::drained d) { done = std::move(d); }});
  add("fast");
  start();
  begin();
  EXPECT_THAT(notes.lines(), testing::Not(testing::Contains("drain admin")));
  EXPECT_EQ(life.status().components[0].state, component_state::running);
  done();
  step();
  EXPECT_TRUE(life.finished());
  EXPECT_THAT(notes.lines(), testing::Contains("drain admin"));
}

TEST_F(lifecycle_test, stops_what_all_need_without_a_drain_when_the_others_took_all_the_time) {
  life.add("admin", std::make_unique<component_double>("admin", notes), {}, true);
  add("slow", {}, {.drain = [](context, lastcall::drained) {}});
  start();
  begin();
  at(18s);
  EXPECT_EQ(life.status().phase, app_phase::forcing);
  EXPECT_THAT(notes.lines(), testing::IsSupersetOf({"force slow", "force admin"}));
  EXPECT_THAT(notes.lines(), testing::Not(testing::Contains("stop admin"))) << "its probes still get their answer";
  at(19s);
  EXPECT_THAT(notes.lines(), testing::Contains("stop admin"));
  EXPECT_THAT(notes.lines(), testing::Not(testing::Contains("drain admin")));
}

TEST_F(lifecycle_test, announces_once_although_the_end_begins_later) {
  add("http");
  start();
  life.announce();
  EXPECT_EQ(life.status().phase, app_phase::announced);
  life.announce();
  EXPECT_THAT(notes.lines(), ElementsAre("start http", "announce http"));
  EXPECT_TRUE(life.announced());
}

TEST_F(lifecycle_test, shows_where_everything_stands) {
  lastcall::drained done;
  add("pg", {}, {.start = [&](context) {
        const app_status s = life.status();
        EXPECT_EQ(s.phase, app_phase::starting);
        EXPECT_EQ(s.components[0].state, component_state::starting);
        EXPECT_EQ(s.components[1].state, component_state::waiting);
      }});
  add("http", {0}, {.drain = [&](context, lastcall::drained d) { done = std::move(d); }});
  start();
  EXPECT_EQ(life.status().phase, app_phase::serving);
  EXPECT_FALSE(life.status().left);
  begin();
  at(8s);
  const app_status s = life.status();
  EXPECT_EQ(s.phase, app_phase::draining);
  EXPECT_EQ(s.left, 12s);
  EXPECT_EQ(s.until_force, 10s);
  EXPECT_EQ(s.components[0].state, component_state::running);
  EXPECT_EQ(s.components[1].state, component_state::draining);
  done();
  step();
  EXPECT_EQ(life.status().phase, app_phase::over);
  EXPECT_EQ(life.status().components[0].state, component_state::stopped);
}

TEST_F(lifecycle_test, has_those_that_have_started_measure_themselves) {
  const auto one = [](metrics& m) { m.counter("a_total", "", 1); };
  add("pg", {}, {.measure = one});
  add("http", {0}, {.measure = [](metrics& m) {
        m.counter("a_total", "", 2);
        throw std::runtime_error("no more");
      }});
  add("late", {}, {.start = [](context) { throw std::runtime_error("no luck"); }, .measure = one});
  EXPECT_EQ(life.start(), lifecycle::start_result::failed);
  metrics m;
  life.measure(m);
  EXPECT_THAT(m.text(), testing::EndsWith("a_total{component=\"pg\"} 1\na_total{component=\"http\"} 2\n"));
  end_unannounced();
  EXPECT_EQ(life.status().components[2].state, component_state::failed);
}

TEST_F(lifecycle_test, says_so_when_a_ledger_does_not_add_up) {
  add("http", {}, {.account = [](component_report& out) {
        out.requests = {.begun = 3, .answered = 2};
        out.connections = {.accepted = 1, .closed_clean = 1};
      }});
  add("tcp", {}, {.account = [](component_report& out) { out.connections = {.accepted = 1}; }});
  start();
  begin();
  EXPECT_THAT(filled().errors, ElementsAre("http: its requests do not add up", "tcp: its connections do not add up"));
}

TEST_F(lifecycle_test, tells_each_second_what_is_waited_for) {
  std::vector<std::string> lines;
  keeps_.emplace(time,
                 logger(log_level::info,
                        [&](const log_record& r) {
                          if (r.text != "waiting") return;
                          lines.push_back(std::string(r.fields[0].value) + " | " + std::string(r.fields[1].value));
                        }),
                 in);
  add("pg");
  std::unique_ptr<waiting> suspended;
  context_source call;
  add("http", {0},
      {.drain = [](context, const drained&) {},
       .in_progress =
           [&](std::vector<work_item>& out) {
             for (const char* target : {"GET /slow", "GET /b", "GET /c", "GET /d"})
               out.push_back(
                   {.label = target, .remote = "10.0.0.7:1", .age = 1233ms, .waits_for = call.get().waits_for()});
             suspended.reset();
           }});
  start();
  suspended.reset(new waiting(call.get(), "the stock"));
  begin();
  at(500ms);
  EXPECT_THAT(lines, testing::IsEmpty());
  at(950ms);  // they are asked a moment before
  at(1s);
  ASSERT_EQ(lines.size(), 1U);
  EXPECT_THAT(lines[0], testing::MatchesRegex("http: GET /slow for 10.0.0.7:1 .1.233s; waits for the stock "
                                              ".lifecycle_test.cpp:[0-9]+.., GET /b for .*, GET /c for [^,]* [|] 17s"))
      << "three of them";
  at(1950ms);
  at(2s);
  ASSERT_EQ(lines.size(), 2U);
  EXPECT_THAT(lines[1], testing::StartsWith("http: GET /slow for 10.0.0.7:1 (1.233s), "));
  EXPECT_THAT(lines[1], testing::EndsWith(" | 16s"));
}

}  // namespace lastcall::lifecycle_test
