#include "lastcall/work/run_child.hpp"

#include <dirent.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/wait.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <future>
#include <mutex>
#include <optional>
#include <stdexcept>
#include <thread>

#include "lastcall/work/in_time_test.hpp"

namespace lastcall::run_child_test {

using namespace std::chrono_literals;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using testing_work::generous;
using testing_work::until;

child_program shell(std::string text) { return {.command = {"sh", "-c", std::move(text)}, .name = "it"}; }

std::size_t descriptors() {
  DIR* const folder = ::opendir("/proc/self/fd");
  std::size_t count = 0;
  while (::readdir(folder) != nullptr) ++count;
  ::closedir(folder);
  return count;
}

/// None of ours, whether it runs or is a zombie.
bool has_children() {
  siginfo_t any;
  return ::waitid(P_ALL, 0, &any, WEXITED | WNOHANG | WNOWAIT) == 0;
}

/// As proc(5) has it. Gone is 'X'.
char state_of(pid_t pid) {
  std::ifstream stat("/proc/" + std::to_string(pid) + "/stat");
  std::string text;
  return std::getline(stat, text) ? text[text.rfind(')') + 2] : 'X';
}
bool is_gone(pid_t pid) { return state_of(pid) == 'X' || state_of(pid) == 'Z'; }

/// Keeps what a child says, and lets a test wait for a line.
struct heard {
  child_program& of(child_program& program) {
    program.line = [this](std::string_view line, bool) {
      const std::lock_guard held(mutex);
      lines.emplace_back(line);
      changed.notify_all();
    };
    return program;
  }
  std::string first() { return nth(0); }
  std::string nth(std::size_t line) {
    std::unique_lock held(mutex);
    if (!changed.wait_for(held, generous, [&] { return lines.size() > line; }))
      throw std::runtime_error("no such line");
    return lines[line];
  }
  std::mutex mutex;
  std::condition_variable changed;
  std::vector<std::string> lines;
};

TEST(run_child, gives_the_exit_status_and_each_line) {
  std::vector<std::pair<std::string, bool>> lines;
  child_program it = shell("echo out; echo errors >&2; exit 7");
  it.line = [&](std::string_view line, bool of_stderr) { lines.emplace_back(line, of_stderr); };
  EXPECT_EQ(run_child(it, {}), exit_status{.code = 7});
  EXPECT_THAT(lines, ::testing::UnorderedElementsAre(std::pair("out", false), std::pair("errors", true)));
}

TEST(run_child, logs_lines_by_the_name_of_the_program) {
  std::string logged;
  const logger log(log_level::info, [&](const log_record& line) {
    logged.append(line.component).append(": ").append(line.text);
    for (const log_field& each : line.fields) logged.append(" ").append(each.key).append("=").append(each.value);
    logged.append("\n");
  });
  EXPECT_EQ(run_child({.command = {"echo", "hello"}}, {}, log), exit_status{.code = 0});
  EXPECT_EQ(logged, "echo: stdout line=hello\n");
}

TEST(run_child, names_a_program_that_is_not_there) {
  EXPECT_THROW(static_cast<void>(run_child({.command = {"/no/such/program"}}, {})), std::system_error);
  EXPECT_THROW(static_cast<void>(run_child({.command = {}}, {})), std::invalid_argument);
  EXPECT_FALSE(has_children());
}

TEST(run_child, names_a_variable_without_a_name) {
  for (const char* wrong : {"LANG", "=C", ""}) {
    try {
      static_cast<void>(run_child({.command = {"env"}, .environment = {"A=1", wrong}, .name = "it"}, {}));
      FAIL() << wrong;
    } catch (const std::invalid_argument& e) {
      EXPECT_STREQ(e.what(), "it: environment[1] has no name; give NAME=value");
    }
  }
  EXPECT_EQ(run_child({.command = {"sh", "-c", "[ -n \"$PATH\" ] && [ \"$A\" = b=c ]"}, .environment = {"A=b=c"}}, {}),
            exit_status{.code = 0});
}

TEST(run_child, tells_it_when_the_context_drains) {
  heard said;
  child_program it = shell("trap 'echo told; exit 3' TERM; echo ready; while :; do sleep 0.01; done");
  context_source ends;
  auto ended = std::async(std::launch::async, [&] { return run_child(said.of(it), ends.get()); });
  EXPECT_EQ(said.first(), "ready");
  ends.begin_drain(steady().now() + 1min);
  EXPECT_EQ(ended.get(), exit_status{.code = 3});
  EXPECT_THAT(said.lines, ElementsAre("ready", "told"));
}

TEST(run_child, tells_one_that_is_stopped) {
  heard said;
  child_program it = shell("trap 'exit 3' TERM; echo $$; kill -STOP $$; while :; do sleep 0.01; done");
  context_source ends;
  auto ended = std::async(std::launch::async, [&] { return run_child(said.of(it), ends.get()); });
  const pid_t stopped = std::stoi(said.first());
  until("a program that is stopped", [&] { return state_of(stopped) == 'T'; });
  ends.begin_drain(steady().now() + 1min);
  EXPECT_EQ(ended.wait_for(generous), std::future_status::ready);
  ends.force();
  EXPECT_EQ(ended.get(), exit_status{.code = 3});
}

TEST(run_child, kills_one_that_ignores_its_signal_with_its_group) {
  heard said;
  child_program it = shell("trap '' TERM; sleep 600 & echo $!; while :; do sleep 600; done");
  context_source ends;
  auto ended = std::async(std::launch::async, [&] { return run_child(said.of(it), ends.get()); });
  const pid_t grandchild = std::stoi(said.first());
  ends.begin_drain(steady().now() + 1min);
  EXPECT_EQ(ended.wait_for(50ms), std::future_status::timeout);
  ends.force();
  EXPECT_EQ(ended.get(), exit_status{.signal = SIGKILL});
  until("the end of its group", [&] { return is_gone(grandchild); });
}

TEST(run_child, lets_one_that_is_not_to_be_told_finish) {
  heard said;
  child_program it = shell("echo ready; sleep 0.05; exit 0");
  it.told_by = 0;
  context_source ends;
  auto ended = std::async(std::launch::async, [&] { return run_child(said.of(it), ends.get()); });
  said.first();
  ends.begin_drain(steady().now() + 1min);
  EXPECT_EQ(ended.get(), exit_status{.code = 0});
}

TEST(run_child, ends_at_the_deadline_of_the_context) {
  EXPECT_EQ(run_child({.command = {"sleep", "600"}}, within(context(), 20ms)), exit_status{.signal = SIGKILL});
}

TEST(run_child, kills_what_the_program_has_left_of_its_group) {
  heard said;
  child_program it = shell("sleep 600 & echo $!");
  EXPECT_EQ(run_child(said.of(it), {}), exit_status{.code = 0});
  until("the end of its group", [&] { return is_gone(std::stoi(said.first())); });
}

/// `then` runs when the other has said its number, and has a session of its own.
child_program forks_away(const std::string& then) {
  return shell(
      "setsid sh -c 'echo $$; exec sleep 600' & "
      "until [ \"$(cut -d' ' -f2,6 /proc/$!/stat)\" = \"(sleep) $!\" ]; do sleep 0.01; done; " +
      then);
}

TEST(run_child, does_not_wait_for_one_that_forks_away_and_says_so) {
  std::mutex mutex;
  std::string logged;
  const logger log(log_level::warning, [&](const log_record& line) {
    const std::lock_guard held(mutex);
    logged.append(line.text);
  });
  heard said;
  child_program it = forks_away("exit 0");
  EXPECT_EQ(run_child(said.of(it), {}, log), exit_status{.code = 0});
  EXPECT_THAT(logged, HasSubstr("something that it started holds its output"));
  ASSERT_FALSE(said.lines.empty());
  EXPECT_EQ(::kill(std::stoi(said.lines.front()), SIGKILL), 0) << "it runs on";
}

/// Without force it would wait for 200 ms. A machine that is busy takes longer now and then, and not each time.
TEST(run_child, does_not_wait_for_output_that_others_hold_when_it_is_forced) {
  duration least = duration::max();
  for (int tries = 0; tries < 10 && least >= 150ms; ++tries) {
    heard said;
    child_program it = forks_away("echo held; exec sleep 600");
    context_source ends;
    auto ended = std::async(std::launch::async, [&] { return run_child(said.of(it), ends.get()); });
    EXPECT_EQ(said.nth(1), "held");
    const time_point forced = steady().now();
    ends.force();
    EXPECT_EQ(ended.get(), exit_status{.signal = SIGKILL});
    least = std::min(least, steady().now() - forced);
    ::kill(std::stoi(said.nth(0)), SIGKILL);
  }
  EXPECT_LT(least, 150ms);
}

TEST(run_child, reads_all_that_it_writes_however_much) {
  std::size_t bytes = 0;
  std::size_t lines = 0;
  child_program it = shell("head -c 5000000 /dev/zero | tr '\\0' x; echo; echo last");
  it.line = [&](std::string_view line, bool) { bytes += line.size(), ++lines; };
  it.longest_line = 1000;
  EXPECT_EQ(run_child(it, {}), exit_status{.code = 0});
  EXPECT_EQ(bytes, 1000U + 4);
  EXPECT_EQ(lines, 2U);
}

TEST(run_child, logs_a_bounded_number_of_lines) {
  std::atomic<int> lines = 0;
  const logger log(log_level::info, [&](const log_record&) { ++lines; });
  child_program it = shell("i=0; while [ $i -lt 2000 ]; do echo $i; i=$((i + 1)); done");
  it.lines_per_second = 10;
  EXPECT_EQ(run_child(it, {}, log), exit_status{.code = 0});
  EXPECT_GE(lines, 10);
  EXPECT_LT(lines, 1000) << "unless it took a minute";
}

TEST(run_child, leaves_other_children_to_those_who_started_them) {
  std::FILE* const other = ::popen("exit 5", "r");
  ASSERT_NE(other, nullptr);
  EXPECT_EQ(run_child(shell("exit 4"), {}), exit_status{.code = 4});
  EXPECT_EQ(WEXITSTATUS(std::system("exit 6")), 6);
  EXPECT_EQ(WEXITSTATUS(::pclose(other)), 5);
}

TEST(run_child, says_that_the_status_is_unknown_when_somebody_else_has_taken_it) {
  const auto before = ::signal(SIGCHLD, SIG_IGN);  // the kernel collects children by itself then
  EXPECT_EQ(run_child(shell("exit 4"), {}), exit_status{});
  ::signal(SIGCHLD, before);
}

TEST(run_child, ends_it_when_its_own_thread_is_ended) {
  child_program it = shell("echo ready; exec sleep 600");
  it.line = [](std::string_view, bool) { ::pthread_exit(nullptr); };
  std::thread([&] { static_cast<void>(run_child(it, {})); }).join();
  EXPECT_FALSE(has_children());
}

TEST(run_child, leaves_no_zombie_and_no_descriptor) {
  const int children = std::getenv("LASTCALL_LONG") != nullptr ? 1000 : 100;
  static_cast<void>(run_child({.command = {"true"}}, {}));
  const std::size_t before = descriptors();
  std::atomic<int> next = 0;
  std::vector<std::thread> at_once;
  for (int t = 0; t < 4; ++t)
    at_once.emplace_back([&] {
      while (next++ < children) {
        const context_source ends;
        EXPECT_EQ(run_child({.command = {"true"}}, ends.get()), exit_status{.code = 0});
      }
    });
  for (std::thread& one : at_once) one.join();
  EXPECT_FALSE(has_children());
  EXPECT_EQ(descriptors(), before);
}

}  // namespace lastcall::run_child_test
