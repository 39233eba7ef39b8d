// A program that lacks something when it ends: stack, /proc, descriptors, disk, memory, threads. It is gone in time,
// and says what there is to say.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include "lastcall/core/by_median_test.hpp"
#include "tests/process/testbed.hpp"

namespace {

using namespace process_tests;
using testing::HasSubstr;

struct lack {
  std::string name;
  std::vector<std::string> before;  // the command that takes it away
  bool has_names = true;            // of functions
};

void PrintTo(const lack& l, std::ostream* to) { *to << l.name; }

class starved : public testing::TestWithParam<lack> {};

INSTANTIATE_TEST_SUITE_P(, starved,
                         testing::Values(lack{"stack_of_64_KiB", {"prlimit", "--stack=65536:65536"}},
                                         lack{"stack_of_96_KiB", {"prlimit", "--stack=98304:98304"}},
                                         lack{"stack_without_limit", {"prlimit", "--stack=unlimited"}},
                                         lack{"no_proc",
                                              {"unshare", "-m", "sh", "-c", "mount -t tmpfs none /proc; exec \"$@\"",
                                               "sh"},
                                              false}),
                         [](const auto& one) { return one.param.name; });

TEST_P(starved, names_what_hangs_all_the_same) {
  if (!GetParam().has_names && ::geteuid() != 0) GTEST_SKIP() << "skipped: only root can take /proc away";
  const scratch_folder scratch;
  const std::string report = scratch.file("report.json");
  std::vector<std::string> command = GetParam().before;
  command.insert(command.end(), {program("hanging"), "stop_lock", report});
  child_process it(command);
  ASSERT_TRUE(it.wait_for_line("now", deadline(30s))) << it.errors();
  it.signal(SIGTERM);
  ASSERT_EQ(it.wait(deadline(30s)), exit_status{.code = 4}) << it.errors();
  const document said = document::from_file(report);
  ASSERT_TRUE(said) << it.errors();
  EXPECT_EQ(said.text("hung.0"), "culprit");
  EXPECT_THAT(it.errors(), HasSubstr("stop culprit")) << "its stack begins so";
  if (GetParam().has_names) {
    EXPECT_THAT(it.errors(), HasSubstr("wait_for_a_lock"));
  }
}

}  // namespace
