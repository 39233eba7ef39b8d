// How components made of functions are cut, and what becomes of those that hang.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <future>
#include <latch>
#include <memory>
#include <stdexcept>
#include <string>
#include <vector>

#include "lastcall/core/app/functions_double_test.hpp"

namespace lastcall::functions_force_test {

using namespace lastcall::testing_core;
using namespace std::chrono_literals;
using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::StartsWith;
using ::testing::UnorderedElementsAre;

TEST(functions, are_forced_at_the_drain_end) {
  foreign_server svr;
  app a{quiet({.grace = 1500ms, .reserve = 1400ms})};
  a.add("x", {.run = [&] { svr.serve(); }, .ready = [&] { return svr.is_running(); }, .force = [&] { svr.stop(); }});
  a.start();
  const report& r = a.shutdown(deadline(1500ms));
  EXPECT_EQ(r.exit_code, 3);
  EXPECT_TRUE(component_of(r, "x").stopped);
}

TEST(functions, see_the_force_in_their_context) {
  app a{quiet({.grace = 1500ms, .reserve = 1400ms})};
  a.add("x", {.run = [](const context& ctx) {
          while (ctx.wait_until_forced_for(1h)) {}
        }});
  a.start();
  EXPECT_EQ(a.shutdown(deadline(1500ms)).exit_code, 3);
}

TEST(functions, without_force_are_drained_when_they_are_forced_instead) {
  journal notes;
  drained user_done;
  foreign_server svr;
  bool forced = false;
  app a{quiet({.grace = 1500ms, .reserve = 1400ms})};
  const auto x = a.add("x", {.run = [&] { svr.serve(); },
                             .ready = [&] { return svr.is_running(); },
                             .drain =
                                 [&](const context& ctx) {
                                   while (ctx.wait_until_forced_for(1h)) {}
                                   forced = ctx.forced();
                                   svr.stop();
                                 }});
  a.add("user",
        double_of("user", notes,
                  {.drain = [&](context, drained d) { user_done = std::move(d); }, .force = [&] { user_done(); }}),
        {x});
  a.start();
  EXPECT_EQ(a.shutdown(deadline(1500ms)).exit_code, 3);
  EXPECT_TRUE(forced);
  EXPECT_FALSE(svr.is_running());
}

TEST(functions, are_forced_at_once_when_drain_throws) {
  foreign_server svr;
  app a{quiet()};
  a.add("x", {.run = [&] { svr.serve(); },
              .ready = [&] { return svr.is_running(); },
              .drain = [] { throw std::runtime_error("no"); },
              .force = [&] { svr.stop(); }});
  a.start();
  const report& r = a.shutdown(deadline(20s));
  EXPECT_LT(r.total_ms, 15'000) << "did not wait for the drain end";
  EXPECT_EQ(field(component_of(r, "x"), "failure"), "drain threw: no");
  EXPECT_EQ(r.exit_code, 1) << "what it was to finish may be lost";
}

TEST(functions, whose_run_never_returns_are_named_and_left_behind) {
  journal notes;
  auto owned = std::make_shared<int>(7);
  const std::weak_ptr<int> alive = owned;
  {
    app a{quiet({.grace = 600ms, .reserve = 500ms})};
    const auto store = a.add("store", double_of("store", notes));
    a.add("x", {.run = [owned = std::move(owned)] { hang(); }}, {store});
    a.start();
    const report& r = a.shutdown(deadline(600ms));
    EXPECT_EQ(r.exit_code, 4);
    EXPECT_THAT(r.hung(), ElementsAre("x"));
    EXPECT_THAT(component_of(r, "x").stack, Contains(StartsWith("run, run x, for "))) << "where its thread stands";
  }
  EXPECT_FALSE(alive.expired()) << "its thread may still use it";
  EXPECT_THAT(notes.lines(), UnorderedElementsAre("start store", "announce store", "force store", "stop store"))
      << "what it needs has stopped, but stays in memory";
}

TEST(functions, whose_drain_never_returns_are_named_and_left_behind) {
  app a{quiet({.grace = 600ms, .reserve = 500ms})};
  a.add("x", {.drain = [] { hang(); }});
  a.start();
  const report& r = a.shutdown(deadline(600ms));
  EXPECT_THAT(r.hung(), ElementsAre("x"));
  EXPECT_THAT(component_of(r, "x").stack, Contains(StartsWith("drain, drain x, for ")));
}

TEST(functions, that_hang_do_not_disturb_the_exit_of_the_process) {
  GTEST_FLAG_SET(death_test_style, "threadsafe");
  EXPECT_EXIT(
      {
        app a{quiet({.grace = 200ms})};
        a.add("x", {.run = [] { hang(); }, .drain = [] { hang(); }});
        a.add("request", [&](const context&) { a.request_shutdown("enough"); });
        std::exit(a.run());  // run() itself leaves: static destructors don't come beside threads that are still inside
      },
      testing::ExitedWithCode(4), "");
}

TEST(functions, that_do_not_return_are_in_progress_once_they_are_to) {
  std::latch may_return(1);
  const auto it = make_component(
      "x",
      {.run = [&] { may_return.wait(); },
       .drain = [&] { may_return.wait(); },
       .in_progress = [](std::vector<work_item>& out, std::size_t) { out.push_back({.label = "GET /slow"}); }},
      logger(log_level::none, nullptr), [](const std::string&) {});
  const auto labels = [&](std::size_t limit) {
    std::vector<work_item> items;
    it->in_progress(items, limit);
    std::vector<std::string> all;
    for (const work_item& each : items) all.push_back(each.label);
    return all;
  };
  it->start({});
  EXPECT_THAT(labels(10), ElementsAre("GET /slow")) << "to run is what it is for";
  std::promise<void> done;
  it->drain({}, [&] { done.set_value(); });
  EXPECT_THAT(labels(10), ElementsAre("GET /slow", "drain", "run"));
  EXPECT_THAT(labels(2), ElementsAre("GET /slow", "drain"));
  may_return.count_down();
  done.get_future().wait();
  EXPECT_THAT(labels(10), ElementsAre("GET /slow"));
  it->stop();
}

TEST(functions, tell_nobody_that_run_ended_once_it_was_to_end) {
  std::latch may_return(1);
  int told = 0;
  const auto it = make_component("x", {.run = [&] { may_return.wait(); }}, logger(log_level::none, nullptr),
                                 [&](const std::string&) { ++told; });
  it->start({});
  it->force();
  may_return.count_down();
  it->stop();  // waits for it
  EXPECT_EQ(told, 0);
}

}  // namespace lastcall::functions_force_test
