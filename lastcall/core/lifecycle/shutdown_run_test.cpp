#include "lastcall/core/lifecycle/shutdown_run.hpp"

#include <gmock/gmock.h>

#include <latch>
#include <thread>

#include "lastcall/core/lifecycle/component_double_test.hpp"

namespace lastcall::shutdown_run_test {

using namespace std::chrono_literals;
using ::testing::ElementsAre;
using testing_core::component_double;
using testing_core::journal;

class shutdown_run_test : public testing::Test {
 protected:
  shutdown_run run() { return {.life = life, .requests = *asked, .time = steady()}; }

  std::shared_ptr<shutdown_requests> asked = std::make_shared<shutdown_requests>();
  lifecycle life{steady(), logger(log_level::none, {}), asked};
  const time_point begun = steady().now();
};

TEST_F(shutdown_run_test, ends_a_component_that_runs_already_and_leaves_it_to_its_owner) {
  journal notes;
  component_double http("http", notes);
  life.add_running("http", http);
  run().drive({.grace = 20s, .reserve = 2s}, begun);
  report said;
  life.fill(said);
  life.destroy();
  EXPECT_THAT(notes.lines(), ElementsAre("announce http", "drain http", "stop http"));
  EXPECT_EQ(said.outcome, outcome::graceful);
  EXPECT_TRUE(said.components[0].stopped);
}

TEST_F(shutdown_run_test, waits_for_other_work_but_not_beyond_the_deadline) {
  shutdown_run it = run();
  it.also_waits_for = [] { return true; };
  it.drive({.grace = 50ms, .reserve = 10ms}, begun);
  EXPECT_GE(steady().now(), begun + 50ms);
}

TEST_F(shutdown_run_test, has_a_nearer_deadline_for_other_work_too_when_it_is_forced) {
  shutdown_run it = run();
  time_point deadline = begun + 24h;
  it.deadline_moved = [&](time_point to) { deadline = to; };
  std::thread impatient;
  it.also_waits_for = [&] {
    if (!impatient.joinable()) impatient = std::thread([this] { asked->force(); });
    return true;
  };
  it.drive({.grace = 24h, .reserve = 10ms}, begun);
  impatient.join();
  EXPECT_LE(deadline, steady().now());
}

TEST_F(shutdown_run_test, waits_afterwards_for_a_verb_that_took_longer) {
  journal notes;
  std::latch released(1);
  component_double http("http", notes, {.stop = [&] { released.wait(); }});
  life.add_running("http", http);
  run().drive({.grace = 20ms, .reserve = 10ms}, begun);
  EXPECT_TRUE(life.verbs_under_way());
  released.count_down();
  life.wait_for_verbs(steady().now() + 20s);
  EXPECT_FALSE(life.verbs_under_way());
}

}  // namespace lastcall::shutdown_run_test
