// What C++ can't name, and the end of a thread, in each place where an app runs the program's own code.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <pthread.h>

#include <csignal>
#include <thread>

#include "lastcall/core/app/app_double_test.hpp"
#include "lastcall/core/app/registry.hpp"
#include "lastcall/core/foreign_exception_test.hpp"

namespace lastcall::app_exceptions_test {

using namespace lastcall::testing_core;
using namespace std::chrono_literals;
using ::testing::HasSubstr;

struct way_out {
  const char* name;
  void (*leave)();
  const char* says;
};
void PrintTo(const way_out& w, std::ostream* to) { *to << w.name; }

const way_out foreign{"foreign", [] { raise_foreign(); }, "not of C++"};
const way_out thread_exit{"thread_exit", [] { pthread_exit(nullptr); }, "thread was ended"};

class app_exceptions : public testing::TestWithParam<way_out> {
 protected:
  /// Of an app that serves until something of it has failed.
  static const report& report_of_failing(app& a) {
    a.start();
    while (!a.asked_to_end()) std::this_thread::yield();
    return a.shutdown(deadline(20s));
  }
  void leave() const { GetParam().leave(); }
};
INSTANTIATE_TEST_SUITE_P(, app_exceptions, testing::Values(foreign, thread_exit),
                         [](const auto& p) { return std::string(p.param.name); });

TEST_P(app_exceptions, in_a_start_are_its_failure) {
  journal notes;
  const auto made_of_functions = [this](app& a) { a.add("x", {.start = [this] { leave(); }}); };
  const auto a_class = [&](app& a) { a.add("x", double_of("x", notes, {.start = [this](context) { leave(); }})); };
  for (const std::function<void(app&)>& add : {std::function<void(app&)>(made_of_functions), {a_class}}) {
    app a{quiet()};
    add(a);
    EXPECT_THAT(refusal([&] { a.start(); }), HasSubstr("component \"x\" failed to start"));
    app b{quiet()};
    add(b);
    EXPECT_EQ(b.run(), 1);
    EXPECT_FALSE(b.ready());
  }
}

TEST_P(app_exceptions, in_a_run_are_its_failure) {
  app a{quiet()};
  a.add("x", [this, &a](const context&) {
    while (!a.ready()) std::this_thread::yield();  // before, it would be the start that fails
    leave();
  });
  const report& r = report_of_failing(a);
  EXPECT_EQ(r.exit_code, 1);
  EXPECT_THAT(r.cause.text, HasSubstr("component \"x\" failed: its run ended by itself"));
  EXPECT_THAT(r.cause.text, HasSubstr(GetParam().says));
}

TEST_P(app_exceptions, in_a_run_before_it_is_ready_are_a_failure_of_the_start) {
  app a{quiet()};
  a.add("x", {.run = [this] { leave(); }, .ready = [] { return false; }});
  EXPECT_THAT(refusal([&] { a.start(); }), HasSubstr("failed to start"));
}

TEST_P(app_exceptions, in_a_drain_of_functions_are_a_field_of_the_report) {
  app a{quiet()};
  a.add("x", {.drain = [this](const context&) { leave(); }});
  a.start();
  const report& r = a.shutdown(deadline(20s));
  ASSERT_EQ(r.components.size(), 1U);
  EXPECT_TRUE(r.components[0].stopped);
  EXPECT_FALSE(r.components[0].hung);
  ASSERT_FALSE(r.components[0].fields.empty());
  EXPECT_THAT(std::get<std::string>(r.components[0].fields[0].second), HasSubstr(GetParam().says));
}

TEST_P(app_exceptions, in_a_drain_of_a_class_are_an_error_of_the_report_and_force_it) {
  journal notes;
  app a{quiet()};
  a.add("x", double_of("x", notes, {.drain = [this](context, drained) { leave(); }}));
  a.start();
  const report& r = a.shutdown(deadline(20s));
  EXPECT_TRUE(r.components[0].forced);
  EXPECT_TRUE(r.components[0].stopped);
  EXPECT_FALSE(r.components[0].hung);
  ASSERT_FALSE(r.errors.empty());
  EXPECT_THAT(r.errors[0], HasSubstr("x: drain: "));
  EXPECT_THAT(r.errors[0], HasSubstr(GetParam().says));
}

TEST_P(app_exceptions, in_what_is_told_to_an_entry_of_a_registry_are_counted) {
  app a{quiet()};
  const auto sessions = a.add<registry>("sessions", {});
  const auto entry = sessions->add({.tell = [this](const context&) { leave(); }});
  a.start();
  const report& r = a.shutdown(deadline(100ms));
  EXPECT_EQ(std::get<std::int64_t>(r.components[0].fields.back().second), 1);  // failures
  EXPECT_EQ(r.components[0].fields.back().first, "failures");
}

TEST_P(app_exceptions, in_a_reload_hook_end_nothing) {
  std::atomic<int> reloads{0};
  app_options o = quiet();
  o.sighup = hangup::reload;
  o.on_reload = [&] {
    ++reloads;
    leave();
  };
  signal(SIGHUP, SIG_DFL);  // under nohup it would stay ignored
  app a{std::move(o)};
  const std::jthread sends([&] {
    while (!a.ready()) std::this_thread::yield();
    for (int wanted = 1; wanted <= 2; ++wanted)
      for (auto again = steady().now(); reloads < wanted; std::this_thread::sleep_for(100us)) {
        if (steady().now() < again) continue;
        kill(getpid(), SIGHUP);
        again += 500ms;
      }
    a.request_shutdown("enough");
  });
  EXPECT_EQ(a.run(), 0);
}

TEST(app_exceptions_without_threads, in_sinks_and_questions_end_nothing) {
  app_options o = quiet();
  o.log = log_level::debug;
  o.sink = [](const log_record&) { raise_foreign(); };
  journal notes;
  app a{std::move(o)};
  a.add("x", double_of("x", notes,
                       {.account = [](component_report&) { raise_foreign(); },
                        .measure = [](metrics&) { raise_foreign(); },
                        .in_progress = [](std::vector<work_item>&) { raise_foreign(); }}));
  a.add("y", {.announce = [] { raise_foreign(); }, .stop = [] { raise_foreign(); }});
  a.start();
  metrics m;
  a.measure(m);
  const report& r = a.shutdown(deadline(20s));
  EXPECT_EQ(r.outcome, outcome::graceful);
  EXPECT_THAT(r.errors.at(0), HasSubstr("x: account: an exception that is not of C++"));
}

TEST(app_exceptions_death, out_of_a_verb_that_lets_nothing_out_are_named_before_the_process_ends) {
  GTEST_FLAG_SET(death_test_style, "threadsafe");
  const auto ends_in = [](const way_out& way) {
    journal notes;
    app a{quiet()};
    a.add("culprit", double_of("culprit", notes, {.stop = [&way] { way.leave(); }}));
    a.start();
    a.shutdown(deadline(20s));
  };
  EXPECT_DEATH(ends_in(foreign), "std::terminate on a thread of component \"culprit\" .verb., in \"stop culprit\"");
  EXPECT_DEATH(ends_in(thread_exit), "on a thread of component \"culprit\" .verb., in \"stop culprit\"");
}

}  // namespace lastcall::app_exceptions_test
