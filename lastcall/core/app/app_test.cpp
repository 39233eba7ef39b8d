#include "lastcall/core/app/app.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <deque>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <stdexcept>
#include <thread>

#include "lastcall/core/by_median_test.hpp"
#include "lastcall/core/lifecycle/component_double_test.hpp"
#include "lastcall/core/metrics.hpp"
#include "lastcall/core/signals/signals.hpp"

namespace lastcall::app_test {

using namespace std::chrono_literals;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::SizeIs;
using testing_core::behaviour;
using testing_core::component_double;
using testing_core::contains_in_order;
using testing_core::journal;

app_options quiet(app_options options = {}) {
  options.signals = {};
  options.log = log_level::none;
  options.environment = false;
  return options;
}

std::unique_ptr<component> double_of(const char* name, journal& notes, behaviour does = {}) {
  return std::make_unique<component_double>(name, notes, std::move(does));
}

/// Asks for the end once the app is ready.
std::jthread asks_when_ready(app& a, std::string why) {
  return std::jthread([&a, why = std::move(why)](const std::stop_token& given_up) {
    while (!a.ready() && !given_up.stop_requested()) std::this_thread::yield();
    a.request_shutdown(why);
  });
}

std::string refusal(const std::function<void()>& misuse) {
  try {
    misuse();
  } catch (const std::exception& e) {
    return e.what();
  }
  return "accepted";
}

struct runtime : component {
  struct options {
    int threads = 1;
  };
  static constexpr const char* shared_name = "runtime";
  explicit runtime(options chosen) : threads(chosen.threads) {}
  void start(context) override { order = ++last; }
  void stop() noexcept override { stopped = ++last; }
  int threads;
  int order = 0, stopped = 0;
  inline static int last = 0;
};

struct server : component {
  struct options {
    std::string host{};
  };
  server(options, app& owner) : runs_on(owner.shared<runtime>()) {}
  void start(context) override { order = ++runtime::last; }
  void stop() noexcept override { stopped = ++runtime::last; }
  runtime& runs_on;
  int order = 0, stopped = 0;
};

TEST(app, starts_by_need_serves_until_asked_and_stops_in_reverse) {
  journal notes;
  app a{quiet()};
  const auto pg = a.add("pg", double_of("pg", notes));
  a.add("http", double_of("http", notes), {pg});
  const std::jthread asks = asks_when_ready(a, "leader lost");
  EXPECT_FALSE(a.ready());
  EXPECT_EQ(a.run(), 0);
  EXPECT_FALSE(a.ready());
  EXPECT_TRUE(a.asked_to_end());
  EXPECT_THAT(notes.lines(), SizeIs(10));
  EXPECT_THAT(notes.lines(), contains_in_order("start pg", "start http", "announce http", "drain http", "stop http",
                                               "drain pg", "stop pg", "~http", "~pg"));
  EXPECT_THAT(notes.lines(), contains_in_order("start http", "announce pg", "drain pg"));
}

TEST(app, that_fails_to_start_unwinds_what_had_started_and_returns_1) {
  journal notes;
  std::string logged;
  app_options options = quiet();
  options.log = log_level::error;
  options.sink = [&](const log_record& r) { logged += std::string(r.component) + ": " + std::string(r.text) + "\n"; };
  app a{options};
  const auto pg = a.add("pg", double_of("pg", notes));
  a.add("http", double_of("http", notes, {.start = [](context) { throw std::runtime_error("address in use"); }}), {pg});
  EXPECT_EQ(a.run(), 1);
  EXPECT_EQ(logged, "app: component \"http\" failed to start: address in use\n");
  EXPECT_THAT(notes.lines(), ElementsAre("start pg", "start http", "drain pg", "stop pg", "~http", "~pg"));
}

TEST(app, forces_at_the_drain_end_and_returns_3) {
  journal notes;
  lastcall::drained done;
  app a{quiet({.grace = 20s, .reserve = 19s})};
  a.add("http",
        double_of("http", notes,
                  {.drain = [&](context, lastcall::drained d) { done = std::move(d); }, .force = [&] { done(); }}));
  const std::jthread asks = asks_when_ready(a, "");
  EXPECT_EQ(a.run(), 3);
  EXPECT_THAT(notes.lines(),
              ElementsAre("start http", "announce http", "drain http", "force http", "stop http", "~http"));
}

TEST(app, returns_4_and_names_the_component_that_does_not_come_back) {
  journal notes;
  lastcall::drained done;
  auto owned = double_of("http", notes, {.drain = [&](context, lastcall::drained d) { done = std::move(d); }});
  const component* const hung = owned.get();
  {
    app a{quiet({.grace = 100ms})};
    a.add("http", std::move(owned));
    a.start();
    const report& r = a.shutdown(deadline(100ms));
    EXPECT_EQ(r.exit_code, 4);
    EXPECT_THAT(r.hung(), ElementsAre("http"));
    EXPECT_GE(r.total_ms, 100);
    EXPECT_EQ(&a.shutdown(deadline(1s)), &r) << "asked again it says the same";
  }
  done();
  delete hung;
}

TEST(app, waits_the_readiness_delay_in_the_time_of_its_clock) {
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

/// A clock that is moved by hand.
struct moved_clock : lastcall::clock {
  time_point now() const noexcept override { return time_point(duration(ticks.load())); }
  void move(duration by) { ticks += by.count(); }
  std::atomic<duration::rep> ticks{duration(1h).count()};
};

TEST(app, counts_the_time_since_an_announcement_as_readiness_delay_and_grace) {
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

TEST(app, waits_what_is_left_of_the_readiness_delay_after_an_announcement) {
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

TEST(app, measures_itself_and_its_components) {
  journal notes;
  app a{quiet()};
  a.add("http", double_of("http", notes, {.measure = [](metrics& m) { m.counter("a_total", "As.", 7); }}));
  a.start();
  metrics m;
  a.measure(m);
  const std::string text = m.text();
  EXPECT_THAT(text, HasSubstr("\nlastcall_ready 1\n"));
  EXPECT_THAT(text, HasSubstr("\nlastcall_phase{phase=\"serving\"} 1\nlastcall_phase{phase=\"announced\"} 0\n"));
  EXPECT_THAT(text, HasSubstr("\nlastcall_component_state{component=\"http\",state=\"running\"} 1\n"));
  EXPECT_THAT(text, HasSubstr("\nlastcall_components_left 1\n"));
  EXPECT_THAT(text, HasSubstr("\nlastcall_log_lines_dropped_total 0\n"));
  EXPECT_THAT(text, HasSubstr("\na_total{component=\"http\"} 7\n"));
  EXPECT_THAT(text, testing::Not(HasSubstr("shutdown_left")));
  a.shutdown(deadline(10s));
  EXPECT_EQ(a.status().cause, "requested");
  EXPECT_EQ(a.status().phase, app_phase::over);
}

struct front : component {
  struct options {};
  static constexpr bool needed_by_all = true;
  explicit front(options) {}
  void start(context) override { order = ++runtime::last; }
  void stop() noexcept override { stopped = ++runtime::last; }
  int order = 0, stopped = 0;
};

TEST(app, starts_first_and_stops_last_what_all_others_need) {
  app a{quiet()};
  const auto http = a.add<server>("http");
  const auto door = a.add<front>("front");
  a.start();
  EXPECT_LT(door->order, http->runs_on.order);
  a.shutdown(deadline(10s));
  EXPECT_GT(door->stopped, http->runs_on.stopped);
}

TEST(app, leaves_a_report_that_says_why_and_what) {
  const std::string file = testing::TempDir() + "lastcall_app_report." + std::to_string(getpid()) + ".json";
  journal notes;
  app a{quiet({.report_file = file})};
  a.add("http", double_of("http", notes, {.account = [](component_report& out) {
                            out.requests = {.begun = 2, .answered = 2};
                            out.add("port", 8080);
                          }}));
  const std::jthread asks = asks_when_ready(a, "leader lost");
  EXPECT_EQ(a.run(), 0);
  std::stringstream json;
  json << std::ifstream(file).rdbuf();
  EXPECT_THAT(json.str(), HasSubstr("\"why\": \"leader lost\""));
  EXPECT_THAT(json.str(), HasSubstr("\"answered\":2"));
  EXPECT_THAT(json.str(), HasSubstr("\"port\":8080"));
  std::filesystem::remove(file);
}

TEST(app, logs_a_report_that_cannot_be_written_and_keeps_its_exit_code) {
  std::string logged;
  app_options options = quiet({.report_file = "/nowhere/at/all.json"});
  options.log = log_level::error;
  options.sink = [&](const log_record& r) { logged += std::string(r.text); };
  app a{options};
  const std::jthread asks = asks_when_ready(a, "");
  EXPECT_EQ(a.run(), 0);
  EXPECT_EQ(logged, "report not written");
}

TEST(app, embedded_throws_what_failed_after_unwinding_it) {
  journal notes;
  app a{quiet()};
  const auto pg = a.add("pg", double_of("pg", notes));
  a.add("http", double_of("http", notes, {.start = [](context) { throw std::runtime_error("address in use"); }}), {pg});
  EXPECT_EQ(refusal([&] { a.start(); }), "component \"http\" failed to start: address in use");
  EXPECT_THAT(notes.lines(), ElementsAre("start pg", "start http", "drain pg", "stop pg"));
  EXPECT_EQ(a.shutdown(deadline(1s)).outcome, outcome::failed);
}

TEST(app, embedded_ends_its_start_when_asked_meanwhile) {
  journal notes;
  app a{quiet()};
  const auto slow = a.add("slow", double_of("slow", notes, {.start = [&](context c) {
                                              a.request_shutdown("changed my mind");
                                              EXPECT_FALSE(c.wait_for(60s));
                                            }}));
  a.add("next", double_of("next", notes), {slow});
  EXPECT_EQ(refusal([&] { a.start(); }), "app: the start was ended: changed my mind");
  EXPECT_THAT(notes.lines(), ElementsAre("start slow", "drain slow", "stop slow"));
}

TEST(app, asked_before_it_runs_starts_nothing) {
  journal notes;
  app a{quiet()};
  a.add("http", double_of("http", notes));
  a.request_shutdown("early");
  EXPECT_EQ(a.run(), 0);
  EXPECT_THAT(notes.lines(), ElementsAre("~http"));
}

TEST(app, takes_a_signal_that_the_program_received_itself_and_a_force_after_it) {
  journal notes;
  lastcall::drained done;
  app a{quiet({.grace = 60s, .reserve = 30s})};
  a.add("http", double_of("http", notes,
                          {.drain =
                               [&](context, lastcall::drained d) {
                                 done = std::move(d);
                                 a.request_force();
                               },
                           .force = [&] { done(); }}));
  a.start();
  a.request_shutdown(signal_record{.number = SIGHUP, .pid = getpid()});
  const report& r = a.shutdown(deadline(60s));
  EXPECT_EQ(r.trigger, trigger::signal);
  EXPECT_EQ(r.signal, "SIGHUP");
  EXPECT_EQ(r.outcome, outcome::forced);
  EXPECT_THAT(notes.lines(), ElementsAre("start http", "announce http", "drain http", "force http", "stop http"));
}

TEST_BY_MEDIAN(app, with_a_deadline_in_the_past_ends_at_once_and_still_stops_all) {
  static auto& kept = *new std::deque<journal>;  // a run that fails may leave a thread behind that notes
  journal& notes = kept.emplace_back();
  app a{quiet()};
  const auto pg = a.add("pg", double_of("pg", notes));
  a.add("http", double_of("http", notes), {pg});
  a.start();
  EXPECT_EQ(a.shutdown(deadline(0s)).exit_code, 3);
  EXPECT_THAT(notes.lines(), testing::IsSupersetOf({"stop http", "stop pg"}));
}

TEST(app, destroyed_while_it_serves_forces_and_stops_everything) {
  journal notes;
  {
    app a{quiet()};
    const auto pg = a.add("pg", double_of("pg", notes));
    a.add("http", double_of("http", notes), {pg});
    a.start();
  }
  EXPECT_THAT(notes.lines(), SizeIs(10));
  for (const std::string told : {"announce", "force"}) {
    EXPECT_THAT(notes.lines(), contains_in_order("start pg", "start http", told + " http", "stop http", "~http"));
    EXPECT_THAT(notes.lines(), contains_in_order("start http", told + " pg", "stop pg", "~pg"));
  }
  EXPECT_THAT(notes.lines(), contains_in_order("stop http", "stop pg", "~http", "~pg"));
}

TEST(app, makes_a_shared_component_once_and_a_need_of_who_asked) {
  runtime::last = 0;
  app a{quiet()};
  const auto first = a.add<server>("first", {.host = "a"});
  const auto second = a.add<server>("second");
  EXPECT_EQ(&first->runs_on, &second->runs_on);
  EXPECT_EQ(&a.shared<runtime>(), &first->runs_on);
  a.start();
  a.shutdown(deadline(10s));
  EXPECT_LT(first->runs_on.order, first->order);
  EXPECT_GT(first->runs_on.stopped, first->stopped);
  EXPECT_GT(first->runs_on.stopped, second->stopped);
}

TEST(app, shares_a_component_that_was_added_with_options) {
  app a{quiet()};
  const auto runs_on = a.add<runtime>("loops", {.threads = 4});
  const auto http = a.add<server>("http", {}, {runs_on});
  EXPECT_EQ(&http->runs_on, &*runs_on);
  EXPECT_EQ(http->runs_on.threads, 4);
}

TEST(app, refuses_additions_that_cannot_work) {
  journal notes;
  app a{quiet()}, other{quiet()};
  const auto pg = a.add("pg", double_of("pg", notes));
  EXPECT_EQ(refusal([&] { a.add("pg", double_of("pg", notes)); }),
            "app: there is a component \"pg\" already; give this one another name");
  EXPECT_THAT(refusal([&] { a.add("", double_of("pg", notes)); }), HasSubstr("without a name"));
  EXPECT_THAT(refusal([&] { a.add("x", nullptr); }), HasSubstr("component \"x\" is a null pointer"));
  EXPECT_THAT(refusal([&] { other.add("x", double_of("x", notes), {pg}); }), HasSubstr("a component of another app"));
  EXPECT_THAT(refusal([&] { a.add("x", double_of("x", notes), {handle<component>()}); }), HasSubstr("an empty handle"));
  a.start();
  EXPECT_THAT(refusal([&] { a.add("late", double_of("late", notes)); }),
              HasSubstr("component \"late\" is added after the start"));
  EXPECT_THAT(refusal([&] { a.run(); }), HasSubstr("run() comes once"));
  EXPECT_THAT(refusal([&] { other.shutdown(deadline(1s)); }), HasSubstr("without start()"));
}

TEST(app, takes_no_addition_after_a_start_that_was_refused) {
  journal notes;
  app a{quiet({.grace = 1s})};
  auto needs_more = std::make_unique<component_double>("slow", notes, behaviour{.times = {.minimum = 5s}});
  a.add("slow", std::move(needs_more));
  EXPECT_THAT(refusal([&] { a.start(); }), HasSubstr("need at least slow 5s"));
  EXPECT_THAT(refusal([&] { a.add("late", double_of("late", notes)); }), HasSubstr("added after the start"));
}

TEST(app, is_not_run_in_a_child_of_the_process_that_made_it) {
  app a{quiet()};
  const pid_t child = fork();
  if (child == 0) _exit(refusal([&] { a.run(); }).find("fork (daemon()) first") != std::string::npos ? 0 : 1);
  int status = -1;
  ASSERT_EQ(waitpid(child, &status, 0), child);
  EXPECT_EQ(status, 0);
}

TEST(app, ends_with_1_when_a_component_fails_while_it_drains) {
  journal notes;
  app a{quiet()};
  lastcall::drained done;
  const auto writer = a.add("writer", double_of("writer", notes));
  a.add("http",
        double_of("http", notes,
                  {.drain =
                       [&](context, lastcall::drained d) {
                         a.fail("writer", "disk gone");
                         d();
                       }}),
        {writer});
  a.start();
  const report& r = a.shutdown(deadline(20s));
  EXPECT_EQ(r.exit_code, 1);
  EXPECT_THAT(r.errors, ElementsAre("component \"writer\" failed: disk gone"));
}

TEST(app, refuses_options_and_signals_that_cannot_work) {
  EXPECT_THAT(refusal([] { app{quiet({.grace = 0s})}; }), HasSubstr("grace 0s"));
  app_options options = quiet();
  options.signals = {SIGKILL};
  EXPECT_THAT(refusal([&] { app{options}; }), HasSubstr("SIGKILL"));
}

TEST(app, refuses_least_times_that_do_not_fit_and_shows_the_arithmetic) {
  app_options o = quiet();
  o.grace = 10s;
  o.reserve = 1s;
  o.readiness_delay = 2s;
  app a{o};
  const auto pg = a.add("pg", functions{.stop = [] {}, .takes = {.minimum = 3s}});
  a.add("http", functions{.stop = [] {}, .takes = {.minimum = 5s}}, {pg});
  EXPECT_EQ(refusal([&] { a.start(); }),
            "app: the components need at least http 5s + pg 3s = 8s, and grace 10s (LASTCALL_GRACE) - reserve 1s "
            "(LASTCALL_RESERVE) - readiness delay 2s (LASTCALL_READINESS_DELAY) leaves 7s to drain in; raise the grace "
            "period or shorten what they take");
}

TEST(app, warns_of_typical_times_that_do_not_fit_and_runs) {
  app_options o = quiet();
  o.log = log_level::warning;
  std::vector<std::string> lines;
  o.sink = [&](const log_record& r) { lines.push_back(std::string(r.text)); };
  app a{o};
  a.add("slow", functions{.stop = [] {}, .takes = {.minimum = 1s, .typical = 1h}});
  a.request_shutdown("at once");
  EXPECT_EQ(a.run(), 0);
  EXPECT_THAT(lines, testing::Contains(HasSubstr("typically need more time")));
}

TEST(app, names_the_critical_path_of_its_end) {
  journal notes;
  app a{quiet()};
  const auto pg = a.add("pg", double_of("pg", notes));
  const auto http = a.add("http", double_of("http", notes), {pg});
  a.add("timer", double_of("timer", notes), {http});
  a.start();
  EXPECT_THAT(a.shutdown(deadline(20s)).critical_path, ElementsAre("timer", "http", "pg"));
}

// The kernel counts for the whole network namespace, so there may be more than this one.
TEST(app, mentions_resets_that_no_ledger_explains) {
  journal notes;
  app a{quiet()};
  a.add("careless", double_of("careless", notes, {.stop = [] {
                                const int listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
                                sockaddr_in at{};
                                at.sin_family = AF_INET;
                                at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
                                socklen_t size = sizeof at;
                                ASSERT_EQ(bind(listener, reinterpret_cast<sockaddr*>(&at), size), 0);
                                ASSERT_EQ(listen(listener, 1), 0);
                                ASSERT_EQ(getsockname(listener, reinterpret_cast<sockaddr*>(&at), &size), 0);
                                const int client = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
                                ASSERT_EQ(connect(client, reinterpret_cast<sockaddr*>(&at), size), 0);
                                const int ours = accept(listener, nullptr, nullptr);
                                ASSERT_EQ(send(client, "x", 1, MSG_NOSIGNAL), 1);
                                char c;
                                ASSERT_EQ(recv(ours, &c, 1, MSG_PEEK), 1);
                                for (const int each : {ours, client, listener}) close(each);  // with a byte unread
                              }}));
  a.start();
  const report& r = a.shutdown(deadline(20s));
  ASSERT_TRUE(r.kernel);
  EXPECT_GE(r.kernel->reset_on_close, 1U);
  EXPECT_GE(r.unexplained_resets(), 1U);
  EXPECT_THAT(to_text(r), HasSubstr("  the kernel reset "));
}

TEST(app, whose_start_fails_says_what_was_ended_again) {
  journal notes;
  std::string said;
  app_options o{.environment = false};
  o.signals = {};
  o.sink = [&](const log_record& line) { said.append(line.text).append("\n"); };
  app a{o};
  const auto pg = a.add("pg", double_of("pg", notes));
  a.add("http", double_of("http", notes, {.start = [](context) { throw std::runtime_error("address in use"); }}), {pg});
  EXPECT_EQ(a.run(), 1);
  EXPECT_THAT(said, HasSubstr("component \"http\" failed to start: address in use\n"));
  EXPECT_THAT(said, HasSubstr("  had started, and was ended again: pg\n"));
}

}  // namespace lastcall::app_test
