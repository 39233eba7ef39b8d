#include "lastcall/work/child.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <csignal>
#include <future>
#include <semaphore>
#include <thread>

#include "lastcall/core/metrics.hpp"
#include "lastcall/core/report/report.hpp"
#include "lastcall/work/in_time_test.hpp"

namespace lastcall::child_test {

using namespace std::chrono_literals;
using ::testing::HasSubstr;
using testing_work::drain_of;
using testing_work::take;
using testing_work::value_of;

struct program : ::testing::Test {
  child_options shell(std::string text) {
    return {.program = {.command = {"sh", "-c", std::move(text)},
                        .line =
                            [this](std::string_view line, bool) {
                              {
                                const std::lock_guard held(mutex);
                                said.append(line).append("\n");
                              }
                              lines.release();
                            }},
            .first_pause = 1ms,
            .name = "it"};
  }
  static std::string told(const component& of) {
    component_report out;
    of.account(out);
    std::string text = *out.lost ? "lost" : "";
    for (const auto& [key, value] : out.fields) {
      text.append(" ").append(key).append("=");
      if (const auto* number = std::get_if<std::int64_t>(&value)) text.append(std::to_string(*number));
      if (const auto* words = std::get_if<std::string>(&value)) text.append(*words);
      if (const auto* is = std::get_if<bool>(&value)) text.append(*is ? "true" : "false");
    }
    return text;
  }
  drain_of drain(component& of) { return drain_of(of, ends); }

  const logger quiet{log_level::none, nullptr};
  context_source ends;
  std::counting_semaphore<> lines{0};
  std::mutex mutex;
  std::string said;
};

TEST_F(program, runs_until_it_is_told) {
  child it(shell("trap 'exit 0' TERM; echo ready; while :; do sleep 0.01; done"), quiet);
  it.start(ends.get());
  take(lines);
  std::vector<work_item> items;
  it.in_progress(items, 10);
  ASSERT_EQ(items.size(), 1U);
  EXPECT_THAT(items.front().label, HasSubstr("process "));
  EXPECT_FALSE(it.status());
  drain(it).wait();
  it.stop();
  EXPECT_EQ(it.status(), exit_status{.code = 0});
  EXPECT_EQ(told(it), " starts=1 status=exit 0");
}

TEST_F(program, is_killed_by_force_and_then_work_was_lost) {
  child it(shell("trap '' TERM; echo ready; while :; do sleep 600; done"), quiet);
  it.start(ends.get());
  take(lines);
  const drain_of ended = drain(it);
  EXPECT_FALSE(ended.is_over());
  it.force();
  ended.wait();
  it.stop();
  EXPECT_EQ(told(it), "lost starts=1 status=signal 9 (Killed) killed=true");
}

TEST_F(program, that_is_not_there_fails_the_start) {
  child it({.program = {.command = {"/no/such/program"}}, .restarts = true, .name = "it"}, quiet);
  try {
    it.start(ends.get());
    FAIL();
  } catch (const std::exception& e) {
    EXPECT_THAT(e.what(), HasSubstr("it: cannot start /no/such/program: No such file or directory"));
  }
}

TEST_F(program, is_started_again_when_it_ends_untold) {
  auto options = shell("echo $$; exit 1");
  options.restarts = true;
  child it(std::move(options), quiet);
  it.start(ends.get());
  take(lines, 3);
  drain(it).wait();
  it.stop();
  metrics into;
  it.measure(into);
  EXPECT_THAT(into.text(), ::testing::Not(HasSubstr("lastcall_child_starts_total 1\n")));
  EXPECT_THAT(into.text(), HasSubstr("lastcall_child_running 0\n"));
}

TEST_F(program, that_ends_untold_has_failed_unless_its_status_is_0) {
  std::promise<std::string> failed;
  const logger log(log_level::error, [&](const log_record& line) { failed.set_value(std::string(line.text)); });
  child it(shell("trap 'exit 3' USR1; echo ready; while :; do sleep 0.01; done"), log);
  it.start(ends.get());
  take(lines);
  EXPECT_TRUE(it.signal(SIGUSR1));
  EXPECT_EQ(value_of(failed.get_future()), "its run ended by itself: ended by itself: exit 3");
  drain(it).wait();
  it.stop();

  std::promise<void> ended;
  const logger info(log_level::info, [&](const log_record& line) {
    if (line.text == "has ended by itself") ended.set_value();
  });
  child other(shell("exit 0"), info);
  other.start({});
  value_of(ended.get_future());
  drain_of(other).wait();
  other.stop();
  EXPECT_EQ(told(other), " starts=1 status=exit 0");
}

TEST_F(program, gets_a_signal_of_the_owner) {
  child it(shell("trap 'echo reloaded' HUP; trap 'exit 0' TERM; echo ready; while :; do sleep 0.01; done"), quiet);
  EXPECT_FALSE(it.signal(SIGHUP));
  it.start(ends.get());
  take(lines);
  EXPECT_TRUE(it.signal(SIGHUP));
  take(lines);
  drain(it).wait();
  it.stop();
  EXPECT_EQ(said, "ready\nreloaded\n");
  EXPECT_FALSE(it.signal(SIGHUP));
}

}  // namespace lastcall::child_test
