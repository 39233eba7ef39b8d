#include "lastcall/testing/program.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>
#include <stdexcept>

#include "lastcall/testing/internal/faulty_server.hpp"

namespace lastcall::testing::program_test {

using namespace std::chrono_literals;
using ::testing::HasSubstr;

std::vector<std::string> shell(const std::string& script) { return {"/bin/sh", "-c", script}; }

TEST(program, is_signalled_once_it_is_ready_and_leaves_its_code_streams_and_report) {
  program p(
      shell(
          R"(trap 'echo "{\"schema\":1,\"result\":\"forced\",\"exit_code\":3}" >"$LASTCALL_REPORT"; echo bye >&2; exit 3' TERM
                     echo "serving at http://127.0.0.1:1 now"; while :; do sleep 0.01; done)"),
      {.ready_line = "serving"});
  EXPECT_EQ(p.wait_until_ready(), "serving at http://127.0.0.1:1 now");
  EXPECT_EQ(p.url(), "http://127.0.0.1:1");
  EXPECT_TRUE(p.catches(SIGTERM));
  const auto end = p.stop(SIGTERM, deadline(20s));
  EXPECT_EQ(end.exit, exit_status{.code = 3});
  EXPECT_GT(end.took, 0ns);
  EXPECT_LT(end.took, 20s);
  EXPECT_EQ(end.errors, "bye\n");
  ASSERT_TRUE(end.report) << to_text(end);
  EXPECT_EQ(end.report->outcome, outcome::forced);
  EXPECT_FALSE(end.nothing_lost());
  EXPECT_THAT(to_text(end), HasSubstr("exit 3"));
}

TEST(program, that_does_not_end_in_time_is_killed_and_reaped) {
  program p(shell("trap '' TERM; echo up; while :; do sleep 0.01; done"), {.ready_line = "up"});
  p.wait_until_ready();
  const pid_t pid = p.process().pid();
  const auto end = p.stop(SIGTERM, deadline(100ms));
  EXPECT_EQ(end.exit, std::nullopt);
  EXPECT_GE(end.took, 100ms);
  EXPECT_EQ(::kill(pid, 0), -1);
  EXPECT_FALSE(p.signal(SIGTERM));
}

TEST(program, that_ends_before_it_is_ready_says_why) {
  program p(shell("echo no such table >&2; exit 1"), {.ready_line = "up"});
  try {
    p.wait_until_ready();
    FAIL() << "it was ready";
  } catch (const std::runtime_error& error) {
    EXPECT_THAT(error.what(), HasSubstr("no such table"));
  }
  EXPECT_EQ(p.end().exit, exit_status{.code = 1});
}

TEST(program, is_ready_when_its_address_answers) {
  faulty_server server;
  program p(shell("exec sleep 60"), {.ready_at = server.url()});
  EXPECT_EQ(p.url(), server.url());
  EXPECT_EQ(p.stop().exit, (exit_status{-1, SIGTERM}));
  faulty_server nobody({.listens = false});
  program silent(shell("exec sleep 60"), {.ready_at = nobody.url(), .patience = 50ms});
  EXPECT_THROW(silent.wait_until_ready(), std::runtime_error);
  program gone(shell("exit 0"), {.ready_at = nobody.url()});
  EXPECT_THROW(gone.wait_until_ready(), std::runtime_error);
}

TEST(program, is_signalled_while_it_starts) {
  program p(shell("trap 'exit 7' TERM; while :; do sleep 0.01; done"));
  ASSERT_TRUE(p.wait_until_it_catches(SIGTERM, deadline(20s)));
  EXPECT_FALSE(p.catches(SIGHUP));
  const auto before = steady().now();
  p.let_run_for(20ms);
  EXPECT_GE(steady().now() - before, 20ms);
  EXPECT_EQ(p.stop().exit, exit_status{.code = 7});
}

TEST(program, says_what_clients_saw_of_its_end) {
  // The server is in this process; the program stands for it, and ends when it is told.
  faulty_server server({.stop = stop_way::drain});
  program p(shell("exec sleep 60"), {.ready_at = server.url()});
  const auto end = p.stop_under_load({.loads = {"busy:4"}, .after = 100ms, .at_signal = [&] { server.stop(); }});
  ASSERT_TRUE(end.clients);
  EXPECT_EQ(end.clients->fault, "");
  EXPECT_GT(end.answered(), 0u);
  EXPECT_EQ(end.exit, (exit_status{-1, SIGTERM}));
  EXPECT_FALSE(end.nothing_lost()) << "it died of the signal";

  faulty_server slams({.fault = fault::hang, .stop = stop_way::slam});
  program q(shell("exec sleep 60"), {.ready_at = slams.url()});
  const auto cut = q.stop_under_load({.loads = {"inflight:3"}, .after = 100ms, .at_signal = [&] { slams.stop(); }});
  EXPECT_EQ(cut.clients->fault, "");
  EXPECT_EQ(cut.lost(), 3u) << to_text(cut);
  EXPECT_THAT(to_text(cut), HasSubstr("lost"));
}

TEST(program, leaves_no_folder_behind) {
  std::string file;
  {
    program p(shell("exit 0"));
    file = p.report_file();
    EXPECT_EQ(p.end().exit, exit_status{.code = 0});
    EXPECT_FALSE(p.end().report);
  }
  EXPECT_FALSE(std::filesystem::exists(std::filesystem::path(file).parent_path()));
}

}  // namespace lastcall::testing::program_test
