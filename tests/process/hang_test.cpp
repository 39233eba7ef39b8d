// Whatever hangs, wherever: the process is never gone before the drain end, always by the deadline, says what hung and
// where it stood, and the stops of all others ran.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "lastcall/core/by_median_test.hpp"
#include "tests/process/testbed.hpp"

namespace {

using namespace process_tests;
using testing::HasSubstr;
using testing::Not;

/// What hanging/main.cpp was told, and what must come of it.
struct hang {
  std::string kind;
  std::string component = "culprit";  // empty: the app itself, and then what it says
  std::string place = {};             // a function in the stack
  bool before_drain_end = false;      // it has nothing to wait for until then
  bool base_stops = true;             // and the witness
  std::string says = {};
};

void PrintTo(const hang& h, std::ostream* to) { *to << h.kind; }

class hangs : public testing::TestWithParam<hang> {};

/// From the deadline on. In the brief gate other programs share the machine.
const double slack_ms = sanitized ? 5000 : long_run() ? 100 : 300;

void expect_named_and_gone_in_time(const hang& h) {
  const scratch_folder scratch;
  const std::string report = scratch.file("report.json");
  child_process it({program("hanging"), h.kind, report});
  // The thread sanitizer loses a signal now and then (core/threads/put_off_signals.hpp): there it is sent again until
  // it is heard of.
  for (int again = 0; sanitized && h.kind == "reload_hook" && again < 5; ++again) {
    if (it.wait_for_line("now", deadline(5s))) break;
    it.signal(SIGHUP);
  }
  ASSERT_TRUE(it.wait_for_line("now", deadline(30s))) << it.errors();
  auto signalled = std::chrono::steady_clock::now();
  it.signal(SIGTERM);
  // Where the log itself hangs nothing is heard.
  for (int again = 0; sanitized && h.kind != "log_sink" && again < 5; ++again) {
    if (it.wait_for_error_line("shutting down", deadline(3s)) || !it.running()) break;
    signalled = std::chrono::steady_clock::now();
    it.signal(SIGTERM);
  }
  const auto end = it.wait(deadline(30s));
  const auto took = std::chrono::duration<double, std::milli>(std::chrono::steady_clock::now() - signalled).count();
  ASSERT_EQ(end, exit_status{.code = 4}) << it.errors();
  if (!h.before_drain_end) lastcall::each_time(took >= 700, "gone before the drain end");
  EXPECT_LE(took, 1000 + slack_ms) << it.errors();
  EXPECT_THAT(it.errors(), HasSubstr(h.component));
  if (!h.place.empty() && !sanitized) {  // a thread sanitizer puts signals off
    EXPECT_THAT(it.errors(), HasSubstr(h.place));
    if (const auto hung = it.errors().find("  hung: "); hung != std::string::npos) {
      const std::string before = it.errors().substr(hung, it.errors().find(h.place, hung) - hung);
      EXPECT_EQ(before.find(":\n"), before.rfind(":\n")) << "another thread comes first:\n" << it.errors();
    }
  }
  if (h.base_stops) {
    EXPECT_THAT(it.output(), HasSubstr("witness stopped"));
    EXPECT_THAT(it.output(), HasSubstr("base stopped"));
  }
  if (!h.says.empty()) {
    EXPECT_THAT(it.errors(), HasSubstr(h.says));
  }
  if (h.component.empty()) return;
  const document said = document::from_file(report);
  ASSERT_TRUE(said) << it.errors();
  EXPECT_EQ(said.number("exit_code"), 4);
  EXPECT_EQ(said.text("hung.0"), h.component);
  EXPECT_EQ(said.size("hung"), 1U) << "and nobody else";
  if (h.kind == "drain_coroutine") {
    EXPECT_THAT(said.text("components.2.in_progress.0.waits_for"), HasSubstr("an answer of the stock (main.cpp:"));
  }
}

TEST_P(hangs, leave_in_time_and_are_named_and_the_others_stop) {
  if (!long_run()) return lastcall::by_median([] { expect_named_and_gone_in_time(GetParam()); });
  for (int i = 0; i < 10; ++i) expect_named_and_gone_in_time(GetParam());
}

INSTANTIATE_TEST_SUITE_P(
    all, hangs,
    testing::Values(
        hang{"start_lock", "culprit", "wait_for_a_lock"}, hang{"start_read", "culprit", "read_for_ever"},
        hang{"announce_sleep", "culprit", "sleep_for_ever"}, hang{"drain_lock", "culprit", "wait_for_a_lock"},
        hang{"drain_loop", "culprit", "turn_for_ever"},  //
        hang{"drain_never_done", "culprit"},
        hang{"drain_coroutine", "culprit", "", false, true, "waits for an answer of the stock (main.cpp:"},
        hang{"drain_done_first", "culprit", "wait_for_a_future"}, hang{"forced_stop", "culprit", "wait_for_a_lock"},
        hang{"run", "culprit", "read_for_ever"}, hang{"reload_hook", "", "", false, true, "hangs in on_reload"},
        hang{"force_condition", "culprit", "wait_for_a_condition"}, hang{"stop_lock", "culprit", "wait_for_a_lock"},
        hang{"stop_read", "culprit", "read_for_ever"}, hang{"stop_loop", "culprit", "turn_for_ever"},
        hang{"stop_join", "culprit", "join_a_thread"}, hang{"stop_future", "culprit", "wait_for_a_future"},
        hang{"stop_poll", "culprit", "poll_for_ever"},
        hang{"stop_stopped_child", "culprit", "wait_for_a_stopped_child"},
        hang{"account_sleep", "culprit", "sleep_for_ever"}, hang{"destructor", "culprit"},
        hang{"blocking_handler", "culprit", "wait_for_a_lock"}, hang{"loop_handler", "culprit", "turn_for_ever"},
        hang{"static_destructor", "", "", false, true, "after the app"},
        hang{"atexit", "", "", false, true, "after the app"}, hang{"log_sink", "", "", false, false, "the app itself"}),
    [](const auto& one) { return one.param.kind; });

/// It holds no thread: its connection is cut, and it goes with it.
TEST(hangs, of_a_coroutine_are_cut_at_the_drain_end_and_say_which_request_it_was) {
  const scratch_folder scratch;
  child_process it({program("hanging"), "coroutine_handler", scratch.file("report.json")});
  ASSERT_TRUE(it.wait_for_line("now", deadline(30s))) << it.errors();
  it.signal(SIGTERM);
  ASSERT_EQ(it.wait(deadline(30s)), exit_status{.code = 3}) << it.errors();
  const document said = document::from_file(scratch.file("report.json"));
  EXPECT_EQ(said.number("requests.forced"), 1);
  EXPECT_GE(said.number("total_ms"), 700);
  EXPECT_LE(said.number("total_ms"), 1000 + slack_ms);
  EXPECT_THAT(it.errors(), HasSubstr("GET /coroutine"));
  EXPECT_THAT(it.errors(), HasSubstr(", waits for an answer of the stock (main.cpp:"));
}

/// The other side of it: the same program without a hang leaves at once.
TEST(hangs, are_not_seen_where_there_are_none) {
  child_process it({program("hanging"), "nothing"});
  ASSERT_TRUE(it.wait_for_line("now", deadline(30s)));
  it.signal(SIGTERM);
  ASSERT_EQ(it.wait(deadline(30s)), exit_status{.code = 0}) << it.errors();
  EXPECT_THAT(it.errors(), Not(HasSubstr("hangs in")));
}

}  // namespace
