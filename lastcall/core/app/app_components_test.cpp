#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <memory>

#include "lastcall/core/app/app_double_test.hpp"

namespace lastcall::app_components_test {

using namespace std::chrono_literals;
using ::testing::HasSubstr;
using testing_core::behaviour;
using testing_core::component_double;
using testing_core::double_of;
using testing_core::journal;
using testing_core::quiet;
using testing_core::refusal;

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
  inline static std::atomic<int> last = 0;  // components that need nothing of each other start at the same time
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

struct front : component {
  struct options {};
  static constexpr bool needed_by_all = true;
  explicit front(options) {}
  void start(context) override { order = ++runtime::last; }
  void stop() noexcept override { stopped = ++runtime::last; }
  int order = 0, stopped = 0;
};

TEST(app_components, makes_a_shared_component_once_and_a_need_of_who_asked) {
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

TEST(app_components, shares_a_component_that_was_added_with_options) {
  app a{quiet()};
  const auto runs_on = a.add<runtime>("loops", {.threads = 4});
  const auto http = a.add<server>("http", {}, {runs_on});
  EXPECT_EQ(&http->runs_on, &*runs_on);
  EXPECT_EQ(http->runs_on.threads, 4);
}

TEST(app_components, starts_first_and_stops_last_what_all_others_need) {
  app a{quiet()};
  const auto http = a.add<server>("http");
  const auto door = a.add<front>("front");
  a.start();
  EXPECT_LT(door->order, http->runs_on.order);
  a.shutdown(deadline(10s));
  EXPECT_GT(door->stopped, http->runs_on.stopped);
}

TEST(app_components, refuses_additions_that_cannot_work) {
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

TEST(app_components, takes_no_addition_after_a_start_that_was_refused) {
  journal notes;
  app a{quiet({.grace = 1s})};
  auto needs_more = std::make_unique<component_double>("slow", notes, behaviour{.times = {.minimum = 5s}});
  a.add("slow", std::move(needs_more));
  EXPECT_THAT(refusal([&] { a.start(); }), HasSubstr("need at least slow 5s"));
  EXPECT_THAT(refusal([&] { a.add("late", double_of("late", notes)); }), HasSubstr("added after the start"));
}

TEST(app_components, are_gone_for_their_handles_once_run_has_returned) {
  app a{quiet()};
  const auto web = a.add<server>("web");
  const handle<component> none;
  EXPECT_TRUE(web);
  EXPECT_EQ(web->order, 0);
  const std::jthread asks = testing_core::asks_when_ready(a, "enough");
  EXPECT_EQ(a.run(), 0);
  EXPECT_FALSE(web);
  EXPECT_THAT(refusal([&] { web->order = 1; }), HasSubstr("destroyed: run() has returned"));
  EXPECT_THAT(refusal([&] { (*web).order = 1; }), HasSubstr("destroyed: run() has returned"));
  EXPECT_FALSE(none);
  EXPECT_THAT(refusal([&] { none->stop(); }), HasSubstr("a handle is empty"));
}

TEST(app_components, are_there_for_their_handles_until_an_app_without_run_is_gone) {
  handle<server> web;
  {
    app a{quiet()};
    web = a.add<server>("web");
    a.start();
    a.shutdown(deadline(20s));
    EXPECT_TRUE(web);
    EXPECT_GT(web->stopped, 0);
  }
  EXPECT_FALSE(web);
  EXPECT_THAT(refusal([&] { web->order = 1; }), HasSubstr("destroyed"));
}

TEST(app_components, are_there_for_the_handles_of_those_that_need_them_until_these_are_destroyed) {
  struct user : component {
    user(handle<server> needed, bool& there) : of(needed), still_there(there) {}
    ~user() override { still_there = static_cast<bool>(of); }
    handle<server> of;
    bool& still_there;
  };
  bool there = false;
  {
    app a{quiet()};
    const auto web = a.add<server>("web");
    a.add("user", std::make_unique<user>(web, there), {web});
  }
  EXPECT_TRUE(there);
}

}  // namespace lastcall::app_components_test
