#include "lastcall/core/app/functions.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <future>
#include <latch>
#include <stdexcept>
#include <thread>

#include "lastcall/core/app/functions_double_test.hpp"
#include "lastcall/core/metrics.hpp"

namespace lastcall::functions_test {

using namespace lastcall::testing_core;
using namespace std::chrono_literals;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

TEST(functions, run_another_librarys_server_from_ready_until_it_is_told) {
  foreign_server svr;
  bool ready_at_next_start = false;
  journal notes;
  app a{quiet()};
  const auto it = a.add(
      "httplib",
      {.run = [&] { svr.serve(); }, .ready = [&] { return svr.is_running(); }, .drain = [&](context) { svr.stop(); }});
  a.add("next", double_of("next", notes, {.start = [&](context) { ready_at_next_start = svr.is_running(); }}), {it});
  a.start();
  EXPECT_TRUE(ready_at_next_start);
  const report& r = a.shutdown(deadline(20s));
  EXPECT_EQ(r.exit_code, 0);
  EXPECT_TRUE(component_of(r, "httplib").drained);
  EXPECT_FALSE(svr.is_running());
}

TEST(functions, come_in_the_order_of_the_verbs) {
  journal notes;
  app a{quiet()};
  a.add("x", {.start = [&] { notes.note("start"); },
              .run =
                  [&](const context& ctx) {
                    while (ctx.wait_for(1h)) {}
                    notes.note("run returns");
                  },
              .announce = [&] { notes.note("announce"); },
              .stop = [&] { notes.note("stop"); },
              .account = [&](component_report& out) { out.add("served", std::string("all")); }});
  a.start();
  const report& r = a.shutdown(deadline(20s));
  EXPECT_THAT(notes.lines(), ElementsAre("start", "announce", "run returns", "stop"));
  EXPECT_EQ(field(component_of(r, "x"), "served"), "all");
  EXPECT_EQ(field(component_of(r, "x"), "failure"), std::nullopt);
}

TEST(functions, fail_the_start_when_run_ends_before_it_is_ready) {
  journal notes;
  app a{quiet()};
  const auto before = a.add("before", double_of("before", notes));
  a.add("x",
        {.start = [&] { notes.note("start x"); },
         .run = [] {},
         .ready = [] { return false; },
         .stop = [&] { notes.note("stop x"); }},
        {before});
  EXPECT_EQ(failure_of([&] { a.start(); }),
            "component \"x\" failed to start: its run ended before it was ready: its run ended by itself");
  EXPECT_THAT(notes.lines(), ElementsAre("start before", "start x", "stop x", "drain before", "stop before"));
}

TEST(functions, fail_the_start_with_what_run_threw) {
  app a{quiet()};
  a.add("x", {.run = [] { throw std::runtime_error("address in use"); }, .ready = [] { return false; }});
  EXPECT_THAT(failure_of([&] { a.start(); }), HasSubstr("address in use"));
  EXPECT_EQ(a.shutdown(deadline(1s)).exit_code, 1);
}

TEST(functions, fail_the_start_when_ready_throws_and_end_what_runs) {
  foreign_server svr;
  app a{quiet()};
  std::atomic<bool> returned = false;
  a.add("x", {.run =
                  [&] {
                    svr.serve();
                    returned = true;
                  },
              .ready = [&]() -> bool {
                if (svr.is_running()) throw std::runtime_error("no such page");
                return false;
              },
              .drain = [&] { svr.stop(); }});
  EXPECT_THAT(failure_of([&] { a.start(); }), HasSubstr("no such page"));
  EXPECT_TRUE(returned);
}

TEST(functions, end_the_app_in_order_when_run_returns_by_itself) {
  std::latch serving(1);
  journal notes;
  app a{quiet()};
  const auto x = a.add("x", {.run = [&] { serving.wait(); }, .stop = [&] { notes.note("stop x"); }});
  a.add("user", double_of("user", notes), {x});
  a.start();
  serving.count_down();
  while (!a.asked_to_end()) std::this_thread::yield();
  const report& r = a.shutdown(deadline(20s));
  EXPECT_EQ(r.cause.text, "component \"x\" failed: its run ended by itself");
  EXPECT_EQ(field(component_of(r, "x"), "failure"), "its run ended by itself");
  EXPECT_THAT(notes.lines(), ElementsAre("start user", "announce user", "drain user", "stop user", "stop x"));
}

TEST(functions, end_the_app_in_order_when_run_throws) {
  std::latch serving(1);
  app a{quiet()};
  a.add("x", {.run = [&] {
          serving.wait();
          throw std::runtime_error("disk full");
        }});
  a.start();
  serving.count_down();
  while (!a.asked_to_end()) std::this_thread::yield();
  EXPECT_EQ(a.shutdown(deadline(20s)).cause.text, "component \"x\" failed: its run ended by itself: disk full");
}

TEST(functions, report_what_run_throws_when_it_is_told_to_end) {
  app a{quiet()};
  a.add("x", {.run = [](const context& ctx) {
          while (ctx.wait_for(1h)) {}
          throw std::runtime_error("not flushed");
        }});
  a.start();
  const report& r = a.shutdown(deadline(20s));
  EXPECT_EQ(r.cause.kind, cause_kind::request);
  EXPECT_EQ(field(component_of(r, "x"), "failure"), "its run threw: not flushed");
}

TEST(functions, have_drained_when_both_run_and_drain_have_returned_and_hold_up_nobody_meanwhile) {
  std::promise<void> other_has_drained;
  foreign_server svr;
  app a{quiet()};
  a.add("slow", {.run = [&] { svr.serve(); },
                 .ready = [&] { return svr.is_running(); },
                 .drain =
                     [&] {
                       svr.stop();
                       other_has_drained.get_future().wait();  // on a thread of its own, or nobody ever would
                     }});
  a.add("other", {.drain = [&] { other_has_drained.set_value(); }});
  a.start();
  EXPECT_EQ(a.shutdown(deadline(20s)).exit_code, 0);
}

TEST(functions, do_not_drain_before_they_are_ready) {
  foreign_server svr;
  svr.begin_late();
  app a{quiet()};
  bool running_when_drained = false;
  a.add("x", {.run = [&] { svr.serve(); },
              .ready = [&] { return svr.is_running(); },
              .drain =
                  [&] {
                    running_when_drained = svr.is_running();
                    svr.stop();
                  }});
  const std::jthread asks([&] {
    while (svr.looks() == 0) std::this_thread::yield();  // the start waits
    a.request_shutdown("changed my mind");
    const int looks = svr.looks();
    while (svr.looks() < looks + 10) std::this_thread::yield();  // and so does the drain
    svr.begin_now();
  });
  EXPECT_EQ(a.run(), 0);
  EXPECT_TRUE(running_when_drained);
}

TEST(functions, that_throw_on_the_way_down_are_lines_of_the_report) {
  app a{quiet()};
  a.add("x", {.announce = [] { throw std::runtime_error("deaf"); }, .stop = [] { throw std::runtime_error("stuck"); }});
  a.start();
  const report& r = a.shutdown(deadline(20s));
  EXPECT_EQ(r.exit_code, 0);
  EXPECT_EQ(field(component_of(r, "x"), "failure"), "announce threw: deaf");
}

TEST(functions, may_have_nothing_but_numbers) {
  app a{quiet()};
  a.add("queue", functions{.measure = [](metrics& into) { into.gauge("queue_jobs", "Jobs that wait.", 3); }});
  a.start();
  metrics numbers;
  a.measure(numbers);
  EXPECT_THAT(numbers.text(), HasSubstr("queue_jobs{component=\"queue\"} 3"));
  const report& r = a.shutdown(deadline(20s));
  EXPECT_EQ(r.exit_code, 0);
  EXPECT_TRUE(component_of(r, "queue").drained);
}

// Once, when it fails: neither the component, nor "shutting down", nor the report says it again.
TEST(functions, have_one_line_of_log_for_a_run_that_fails) {
  for (const bool while_it_starts : {false, true}) {
    std::mutex mutex;  // several threads log
    std::string logged;
    app_options options = quiet();
    options.log = log_level::info;
    options.sink = [&](const log_record& r) {
      const std::lock_guard lock(mutex);
      logged.append(r.component).append(": ").append(r.text).append("\n");
    };
    std::atomic<bool> started = while_it_starts;
    {
      app a{options};
      const auto run = [&] {
        while (!started) std::this_thread::yield();
        throw std::runtime_error("disk full");
      };
      a.add("x", {.run = run, .ready = [=] { return !while_it_starts; }});
      const std::jthread lets_go([&](const std::stop_token& over) {
        while (!a.ready() && !over.stop_requested()) std::this_thread::yield();
        started = true;
      });
      EXPECT_EQ(a.run(), 1);
    }
    EXPECT_EQ(logged.find("disk full"), logged.rfind("disk full")) << logged;
    EXPECT_THAT(logged, HasSubstr("app: component \"x\" failed"));
    EXPECT_THAT(logged,
                HasSubstr(while_it_starts ? "app: failed start; failed after" : "app: failed component; failed after"));
  }
}

TEST(functions, without_any_are_refused) {
  app a{quiet()};
  EXPECT_THAT(failure_of([&] { a.add("x", functions{}); }), HasSubstr("component \"x\" has no function"));
  EXPECT_THAT(failure_of([&] { a.add("", {.run = [] {}}); }), HasSubstr("without a name"));
}

TEST(functions, take_the_context_or_do_without) {
  int plain = 0, with = 0;
  const step without_context([&] { ++plain; });
  const step with_context([&, owned = std::make_unique<int>(1)](context) { with += *owned; });
  without_context({});
  with_context({});
  EXPECT_EQ(plain, 1);
  EXPECT_EQ(with, 1);
  EXPECT_FALSE(step());
  EXPECT_FALSE(step(std::function<void()>()));
  EXPECT_FALSE(step(static_cast<void (*)(context)>(nullptr)));
}

}  // namespace lastcall::functions_test
