// An app and signals sent to this very process.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <csignal>
#include <thread>

#include "lastcall/core/app.hpp"
#include "lastcall/core/component_double_test.hpp"

namespace {

using namespace lastcall;
using namespace std::chrono_literals;
using testing::ElementsAre;
using testing_core::behaviour;
using testing_core::component_double;
using testing_core::journal;

class app_signals : public testing::TestWithParam<int> {
 protected:
  static app_options quiet() { return {.log = log_level::none, .environment = false}; }
  static std::jthread sends_when_ready(app& a, int number, int times = 1) {
    return std::jthread([&a, number, times](const std::stop_token& given_up) {
      while (!a.ready() && !given_up.stop_requested()) std::this_thread::yield();
      for (int i = 0; i < times; ++i) kill(getpid(), number);
    });
  }
};

TEST_P(app_signals, end_a_serving_app_whichever_it_is) {
  journal notes;
  app a{quiet()};
  a.add("http", std::make_unique<component_double>("http", notes));
  const std::jthread sends = sends_when_ready(a, GetParam());
  EXPECT_EQ(a.run(), 0);
  EXPECT_THAT(notes.lines(), ElementsAre("start http", "announce http", "drain http", "stop http", "~http"));
}

INSTANTIATE_TEST_SUITE_P(, app_signals, testing::Values(SIGINT, SIGTERM),
                         [](const auto& param) { return param.param == SIGINT ? "SIGINT" : "SIGTERM"; });

TEST_F(app_signals, name_the_cause_in_the_report) {
  app a{quiet()};
  a.start();
  kill(getpid(), SIGTERM);
  while (!a.asked_to_end()) std::this_thread::yield();
  EXPECT_FALSE(a.ready());
  const report& r = a.shutdown(deadline(1s));
  EXPECT_EQ(r.trigger, trigger::signal);
  EXPECT_EQ(r.signal, "SIGTERM");
  EXPECT_EQ(r.sender, "this process");
}

TEST_F(app_signals, in_a_burst_are_one_request) {
  journal notes;
  app a{quiet()};
  a.add("http", std::make_unique<component_double>("http", notes));
  const std::jthread sends = sends_when_ready(a, SIGTERM, 100);
  EXPECT_EQ(a.run(), 0);
}

TEST_F(app_signals, during_a_start_end_it_and_what_had_started) {
  journal notes;
  app a{quiet()};
  const auto pg = a.add("pg", std::make_unique<component_double>("pg", notes));
  behaviour slow{.start = [](context c) {
    kill(getpid(), SIGTERM);
    EXPECT_FALSE(c.wait_for(60s));
  }};
  const auto it = a.add("slow", std::make_unique<component_double>("slow", notes, std::move(slow)), {pg});
  a.add("next", std::make_unique<component_double>("next", notes), {it});
  EXPECT_EQ(a.run(), 0);
  EXPECT_THAT(notes.lines(), ElementsAre("start pg", "start slow", "drain slow", "stop slow", "drain pg", "stop pg",
                                         "~next", "~slow", "~pg"));
}

TEST_F(app_signals, during_a_start_that_throws_because_of_it_are_no_failure) {
  journal notes;
  app a{quiet()};
  a.add("slow", std::make_unique<component_double>("slow", notes, behaviour{.start = [](context c) {
                                                     kill(getpid(), SIGINT);
                                                     if (!c.wait_for(60s)) throw std::runtime_error("given up");
                                                   }}));
  EXPECT_EQ(a.run(), 0);
  EXPECT_THAT(notes.lines(), ElementsAre("start slow", "~slow"));
}

TEST_F(app_signals, before_the_run_are_not_missed) {
  journal notes;
  app a{quiet()};
  a.add("http", std::make_unique<component_double>("http", notes));
  kill(getpid(), SIGTERM);
  while (!a.asked_to_end()) std::this_thread::yield();
  EXPECT_EQ(a.run(), 0);
  EXPECT_THAT(notes.lines(), ElementsAre("~http"));
}

}  // namespace
