// Static objects that are destroyed while a thread still uses them: std::exit somewhere else in the program.
#include <gtest/gtest.h>

#include <cstdlib>
#include <thread>

#include "lastcall/core/app/app.hpp"

namespace lastcall::app_static_test {

using namespace std::chrono_literals;

enum class where { another_thread, a_verb, the_driver };

/// A static app, and std::exit(7) while it is in run().
[[noreturn]] void exits_from(where from) {
  alarm(20);
  static app a{{.grace = 2s, .log = log_level::none, .environment = false}};
  const auto leave = [] { std::exit(7); };
  a.add("works", [](const context& c) {
    while (c.wait_for(1ms)) {}
  });
  if (from == where::a_verb) a.add("x", {.start = leave});
  if (from == where::another_thread)
    std::thread([leave] {
      while (!a.ready()) std::this_thread::yield();
      leave();
    }).detach();
  if (from == where::the_driver) {
    static app b{{.signals = {},
                  .log = log_level::info,
                  .sink =
                      [leave](const log_record& r) {
                        if (r.text == "ready") leave();
                      },
                  .environment = false}};
    b.run();
  }
  a.run();
  std::_Exit(99);
}

class app_static : public testing::TestWithParam<where> {};
INSTANTIATE_TEST_SUITE_P(, app_static, testing::Values(where::another_thread, where::a_verb, where::the_driver));

TEST_P(app_static, leaves_the_exit_of_the_process_its_code) {
  GTEST_FLAG_SET(death_test_style, "threadsafe");
  for (int i = 0; i < 4; ++i) EXPECT_EXIT(exits_from(GetParam()), testing::ExitedWithCode(7), "");
}

}  // namespace lastcall::app_static_test
