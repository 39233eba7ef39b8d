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

namespace lastcall::child_test {

using namespace std::chrono_literals;
using ::testing::HasSubstr;

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
  std::future<void> drain(component& of) {
    ends.begin_drain(steady().now() + 10s);
    of.drain(ends.get(), [this] { drained.set_value(); });
    return drained.get_future();
  }

  const logger quiet{log_level::none, nullptr};
  context_source ends;
  std::promise<void> drained;
  std::counting_semaphore<> lines{0};
  std::mutex mutex;
  std::string said;
};

TEST_F(program, runs_until_it_is_told) {
  child it(shell("trap 'exit 0' TERM; echo ready; while :; do sleep 0.01; done"), quiet);
  it.start(ends.get());
  lines.acquire();
  std::vector<work_item> items;
  it.in_progress(items, 10);
  ASSERT_EQ(items.size(), 1U);
  EXPECT_THAT(items.front().label, HasSubstr("process "));
  EXPECT_FALSE(it.status());
  drain(it).get();
  it.stop();
  EXPECT_EQ(it.status(), exit_status{.code = 0});
  EXPECT_EQ(told(it), " starts=1 status=exit 0");
}

TEST_F(program, is_killed_by_force_and_then_work_was_lost) {
  child it(shell("trap '' TERM; echo ready; while :; do sleep 600; done"), quiet);
  it.start(ends.get());
  lines.acquire();
  auto ended = drain(it);
  EXPECT_EQ(ended.wait_for(20ms), std::future_status::timeout);
  it.force();
  ended.get();
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
  for (int i = 0; i < 3; ++i) lines.acquire();
  drain(it).get();
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
  lines.acquire();
  EXPECT_TRUE(it.signal(SIGUSR1));
  EXPECT_EQ(failed.get_future().get(), "its run ended by itself: ended by itself: exit 3");
  drain(it).get();
  it.stop();

  std::promise<void> ended;
  const logger info(log_level::info, [&](const log_record& line) {
    if (line.text == "has ended by itself") ended.set_value();
  });
  child other(shell("exit 0"), info);
  other.start({});
  ended.get_future().get();
  std::promise<void> over;
  other.drain({}, [&] { over.set_value(); });
  over.get_future().get();
  other.stop();
  EXPECT_EQ(told(other), " starts=1 status=exit 0");
}

TEST_F(program, gets_a_signal_of_the_owner) {
  child it(shell("trap 'echo reloaded' HUP; trap 'exit 0' TERM; echo ready; while :; do sleep 0.01; done"), quiet);
  EXPECT_FALSE(it.signal(SIGHUP));
  it.start(ends.get());
  lines.acquire();
  EXPECT_TRUE(it.signal(SIGHUP));
  lines.acquire();
  drain(it).get();
  it.stop();
  EXPECT_EQ(said, "ready\nreloaded\n");
  EXPECT_FALSE(it.signal(SIGHUP));
}

}  // namespace lastcall::child_test
