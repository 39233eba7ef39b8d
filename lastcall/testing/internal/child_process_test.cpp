#include "lastcall/testing/internal/child_process.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>

#include <chrono>
#include <stdexcept>
#include <system_error>

namespace lastcall::testing::child_process_test {

using namespace std::chrono_literals;
using ::testing::HasSubstr;

child_process shell(const std::string& script, child_options options = {}) {
  return child_process({"/bin/sh", "-c", script}, std::move(options));
}

TEST(child_process, captures_both_streams_and_the_exit_code) {
  auto child = shell("echo out; echo err >&2; exit 7");
  EXPECT_EQ(child.wait(deadline(10s)), (exit_status{7, 0}));
  EXPECT_EQ(child.output(), "out\n");
  EXPECT_EQ(child.errors(), "err\n");
}

TEST(child_process, finds_a_line_as_soon_as_it_is_complete) {
  auto child = shell("echo first; echo listening on http://127.0.0.1:1; sleep 60");
  EXPECT_EQ(child.wait_for_line("listening on ", deadline(10s)), "listening on http://127.0.0.1:1");
  EXPECT_TRUE(child.running());
}

TEST(child_process, gives_up_on_a_line_when_the_stream_ends) {
  auto child = shell("echo nothing of use");
  const auto began = std::chrono::steady_clock::now();
  EXPECT_EQ(child.wait_for_line("listening", deadline(60s)), std::nullopt);
  EXPECT_LT(std::chrono::steady_clock::now() - began, 30s);
}

TEST(child_process, gives_up_on_a_line_and_on_the_exit_when_the_time_is_over) {
  auto child = shell("sleep 60");
  EXPECT_EQ(child.wait_for_line("listening", deadline(20ms)), std::nullopt);
  EXPECT_EQ(child.wait(deadline(20ms)), std::nullopt);
}

TEST(child_process, says_when_it_had_gone) {
  const time_point before = steady().now();
  child_process child({"sh", "-c", "read line"});
  EXPECT_EQ(child.gone_at(), time_point::max());
  ASSERT_TRUE(child.wait(deadline(20s)));
  const time_point gone = child.gone_at();
  EXPECT_GT(gone, before);
  EXPECT_LT(gone, steady().now());
  ASSERT_TRUE(child.wait(deadline(20s)));
  EXPECT_EQ(child.gone_at(), gone) << "it was seen then";
}

TEST(child_process, tells_a_signal_from_an_exit_code) {
  auto child = shell("echo up; exec sleep 60");
  ASSERT_TRUE(child.wait_for_line("up", deadline(10s)));
  EXPECT_TRUE(child.signal(SIGTERM));
  const auto status = child.wait(deadline(10s));
  EXPECT_EQ(status, (exit_status{-1, SIGTERM}));
  EXPECT_THAT(to_text(*status), HasSubstr("signal 15"));
  EXPECT_FALSE(child.signal(SIGTERM));
}

TEST(child_process, kills_what_is_left_when_it_is_destroyed) {
  pid_t pid;
  {
    auto child = shell("trap '' TERM; echo up; while :; do sleep 1; done");
    ASSERT_TRUE(child.wait_for_line("up", deadline(10s)));
    pid = child.pid();
    EXPECT_EQ(::kill(pid, 0), 0);
  }
  EXPECT_EQ(::kill(pid, 0), -1);
}

TEST(child_process, adds_to_the_environment_and_replaces_what_was_there) {
  ::setenv("CHILD_PROCESS_TEST", "ours", 1);
  auto child = shell("echo $CHILD_PROCESS_TEST:$PATH", {.environment = {"CHILD_PROCESS_TEST=added"}});
  ASSERT_TRUE(child.wait(deadline(10s)));
  EXPECT_THAT(child.output(), HasSubstr("added:/"));
}

TEST(child_process, names_a_program_that_cannot_be_started) {
  try {
    child_process child({"/no/such/program"});
    FAIL() << "it started";
  } catch (const std::system_error& error) {
    EXPECT_EQ(error.code(), std::errc::no_such_file_or_directory);
    EXPECT_THAT(error.what(), HasSubstr("/no/such/program"));
  }
  EXPECT_THROW(child_process({}), std::invalid_argument);
}

TEST(child_process, keeps_reading_beyond_the_capture_limit_so_that_the_child_never_blocks) {
  auto child = shell("head -c 3000000 /dev/zero; echo done >&2", {.capture_limit_bytes = 1000});
  EXPECT_EQ(child.wait(deadline(30s)), (exit_status{0, 0}));
  EXPECT_EQ(child.output().size(), 1000u);
}

TEST(child_process, measures_cpu_memory_and_descriptors) {
  auto child = shell("i=0; while [ $i -lt 20000 ]; do i=$((i+1)); done; echo up; while :; do sleep 1; done");
  ASSERT_TRUE(child.wait_for_line("up", deadline(30s)));
  EXPECT_GT(child.cpu_time(), 0ns);
  EXPECT_GE(child.descriptors(), 3u);
  EXPECT_GT(child.resident_bytes(), 100'000u);
  child.signal(SIGKILL);
  ASSERT_TRUE(child.wait(deadline(10s)));
  EXPECT_GT(child.cpu_time(), 0ns);
  EXPECT_EQ(child.descriptors(), 0u);
}

TEST(child_process, starts_with_an_empty_mask_and_in_its_own_group) {
  auto child = shell("ps -o pgid= -p $$ 2>/dev/null || cut -d' ' -f5 /proc/$$/stat; grep SigBlk /proc/self/status");
  ASSERT_TRUE(child.wait(deadline(10s)));
  EXPECT_THAT(child.output(), HasSubstr(std::to_string(child.pid())));
  EXPECT_THAT(child.output(), HasSubstr("SigBlk:\t0000000000000000"));
}

TEST(child_process, moves) {
  auto a = shell("exit 1");
  auto b = shell("exit 2");
  a = std::move(b);
  EXPECT_EQ(a.wait(deadline(10s)), (exit_status{2, 0}));
}

}  // namespace lastcall::testing::child_process_test
