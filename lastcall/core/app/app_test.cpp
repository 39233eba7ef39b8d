#include "lastcall/core/app/app.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <csignal>
#include <filesystem>
#include <fstream>
#include <stdexcept>
#include <thread>

#include "lastcall/core/app/app_double_test.hpp"

namespace lastcall::app_test {

using namespace std::chrono_literals;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::SizeIs;
using testing_core::asks_when_ready;
using testing_core::contains_in_order;
using testing_core::double_of;
using testing_core::journal;
using testing_core::quiet;
using testing_core::refusal;

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

TEST(app, that_takes_too_long_to_start_says_who_and_returns_1) {
  std::string logged;
  app_options options = quiet();
  options.start_timeout = 1300ms;
  options.log = log_level::info;
  options.sink = [&](const log_record& r) {
    logged += std::string(r.text);
    for (const log_field& f : r.fields) logged += ' ' + std::string(f.key) + '=' + std::string(f.value);
    logged += '\n';
  };
  app a{options};
  a.add("quick", {.start = [] {}});
  a.add("db", {.start = [](context life) {
          while (!life.draining()) life.wait_until_forced_for(1ms);
        }});
  EXPECT_EQ(a.run(), 1);
  EXPECT_THAT(logged, HasSubstr("\nstill starting waits_for=db\n"));
  EXPECT_THAT(logged, HasSubstr("\nnot started within 1.3s (app_options::start_timeout): db\n"));
}

TEST(app, forces_at_the_drain_end_and_returns_3) {
  journal notes;
  lastcall::drained done;
  app a{quiet({.grace = 20s, .reserve = 19s})};
  EXPECT_EQ(a.reserve(), 19s);
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
    app a{quiet({.grace = 2s})};
    a.add("http", std::move(owned));
    a.start();
    const report& r = a.shutdown(deadline(2s));  // before its end the drain has begun, however busy the machine is
    EXPECT_EQ(r.exit_code, 4);
    EXPECT_THAT(r.hung(), ElementsAre("http"));
    EXPECT_GE(r.total_ms, 2000);
    EXPECT_EQ(&a.shutdown(deadline(1s)), &r) << "asked again it says the same";
  }
  done();
  delete hung;
}

TEST(app, asked_before_it_runs_starts_nothing) {
  journal notes;
  app a{quiet()};
  a.add("http", double_of("http", notes));
  a.request_shutdown("early");
  EXPECT_EQ(a.run(), 0);
  EXPECT_THAT(notes.lines(), ElementsAre("~http"));
}

// What another thread holds at a fork, the child finds held for ever: g++ 12's AddressSanitizer lets go of its
// allocator's locks no more than anything else does. So these threads have gone to sleep before.
bool others_sleep() {
  const auto awake = [](const std::filesystem::path& thread) {
    std::string stat;
    std::getline(std::ifstream(thread / "stat"), stat);
    return thread.filename() != std::to_string(getpid()) && stat.find(") S ") == stat.npos;
  };
  const std::filesystem::directory_iterator all("/proc/self/task");
  return std::none_of(begin(all), end(all), awake);
}

TEST(app, is_not_run_in_a_child_of_the_process_that_made_it) {
  app a{quiet()};
  for (const auto by = steady().now() + 20s; !others_sleep() && steady().now() < by;) std::this_thread::yield();
  const pid_t child = fork();
  if (child == 0) _exit(refusal([&] { a.run(); }).find("fork (daemon()) first") != std::string::npos ? 0 : 1);
  int status = -1;
  ASSERT_EQ(waitpid(child, &status, 0), child);
  EXPECT_EQ(status, 0);
}

TEST(app, refuses_options_and_signals_that_cannot_work) {
  EXPECT_THAT(refusal([] { app{quiet({.grace = 0s})}; }), HasSubstr("grace 0s"));
  app_options options = quiet();
  options.signals = {SIGKILL};
  EXPECT_THAT(refusal([&] { app{options}; }), HasSubstr("SIGKILL"));
}

}  // namespace lastcall::app_test
