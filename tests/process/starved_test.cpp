// A program that lacks something when it ends: stack, /proc, descriptors, disk, memory, threads. It is gone in time,
// and says what there is to say.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/resource.h>
#include <unistd.h>

#include <fstream>

#include "tests/process/testbed.hpp"

namespace {

using namespace process_tests;
using testing::HasSubstr;

struct lack {
  std::string name;
  std::vector<std::string> before;  // the command that takes it away
  bool needs_root = false;
};

void PrintTo(const lack& l, std::ostream* to) { *to << l.name; }

class hanging : public testing::TestWithParam<lack> {};

INSTANTIATE_TEST_SUITE_P(, hanging,
                         testing::Values(lack{"stack_of_64_KiB", {"prlimit", "--stack=65536:65536"}},
                                         lack{"stack_of_96_KiB", {"prlimit", "--stack=98304:98304"}},
                                         lack{"stack_without_limit", {"prlimit", "--stack=unlimited"}},
                                         lack{"no_proc",
                                              {"unshare", "-m", "--propagation", "unchanged", "sh", "-c",
                                               "mount --make-private /proc && mount -t tmpfs none /proc && exec \"$@\"",
                                               "sh"},
                                              true}),
                         [](const auto& one) { return one.param.name; });

TEST_P(hanging, is_named_all_the_same) {
  if (GetParam().needs_root && ::geteuid() != 0) GTEST_SKIP() << "skipped: only root can take /proc away";
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
}

struct place {
  std::string name;
  std::string path;  // of the report; % is the scratch folder
  std::string says;
};
void PrintTo(const place& p, std::ostream* to) { *to << p.name; }
class no_place : public testing::TestWithParam<place> {};

INSTANTIATE_TEST_SUITE_P(, no_place,
                         testing::Values(place{"full_device", "/dev/full", "No space left on device"},
                                         place{"folder_that_is_gone", "%/gone/report.json",
                                               "No such file or directory"},
                                         place{"folder", "%", "Is a directory"}),
                         [](const auto& one) { return one.param.name; });

std::size_t count(const std::string& in, const std::string& what) {
  std::size_t n = 0;
  for (auto at = in.find(what); at != in.npos; at = in.find(what, at + 1)) ++n;
  return n;
}

TEST_P(no_place, for_the_report_is_told_once_and_changes_no_exit_code) {
  const scratch_folder scratch;
  std::string path = GetParam().path;
  if (const auto at = path.find('%'); at != path.npos) path.replace(at, 1, scratch.file(""));
  for (const char* level : {"warning", "none"}) {
    child_process it({program("testbed"), "--port", "0", "--log", level, "--report", path});
    ASSERT_TRUE(it.wait_for_line("listening on ", deadline(30s))) << it.errors();
    it.signal(SIGTERM);
    ASSERT_EQ(it.wait(deadline(30s)), exit_status{.code = 0}) << it.errors();
    EXPECT_EQ(count(it.errors(), "report not written"), 1U) << it.errors();
    EXPECT_THAT(it.errors(), HasSubstr(GetParam().says));
  }
}

TEST(starved, of_memory_it_ends_in_order) {
  if (sanitized) GTEST_SKIP() << "skipped: sanitizers take addresses by the terabyte";
  for (int i = 0; i < 5; ++i) {
    testbed server;
    std::ifstream pages("/proc/" + std::to_string(server.process.pid()) + "/statm");
    rlim_t taken = 0;
    ASSERT_TRUE(pages >> taken);
    const rlimit no_more{taken * 4096, taken * 4096};
    ASSERT_EQ(::prlimit(server.process.pid(), RLIMIT_AS, &no_more, nullptr), 0);
    server.process.signal(SIGTERM);
    ASSERT_EQ(server.wait(), exit_status{.code = 0}) << server.process.errors();
    EXPECT_EQ(server.report().text("result"), "drained");
  }
}

TEST(starved, of_descriptors_it_is_gone_at_once_and_says_that_there_is_no_report) {
  for (const rlim_t limit : {3, 0}) {  // the next one would be the fourth, and all are taken; 0: poll fails, too
    testbed server;
    const rlimit none{limit, limit};
    ASSERT_EQ(::prlimit(server.process.pid(), RLIMIT_NOFILE, &none, nullptr), 0);
    server.process.signal(SIGTERM);
    const auto told = std::chrono::steady_clock::now();
    ASSERT_EQ(server.wait(), exit_status{.code = 0}) << server.process.errors();
    EXPECT_LT(std::chrono::steady_clock::now() - told, 5s) << "of 20 s";
    EXPECT_EQ(count(server.process.errors(), "report not written"), 1U) << server.process.errors();
  }
}

}  // namespace
