// The spool of examples/34_spool: each file is worked on at least once and moved once, however often the spool is
// killed; and told to stop it leaves what it has not begun where it is.
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <iterator>
#include <map>
#include <random>
#include <sstream>
#include <string>
#include <thread>

#include "tests/process/testbed.hpp"

namespace {

using namespace process_tests;
namespace fs = std::filesystem;

struct spool_folder {
  spool_folder() { fs::create_directories(path / "in"); }

  void add(int files) {
    for (int i = 0; i < files; ++i) {
      const std::string name = "file" + std::to_string(added++);
      std::ofstream(path / "in" / ("." + name)) << name << std::string(1000, 'x');
      fs::rename(path / "in" / ("." + name), path / "in" / name);  // whole from its first moment on
    }
  }
  /// Without those that have a dot in front: what a killed spool had not finished.
  std::size_t count(const char* where) const {
    std::size_t files = 0;
    for (const auto& entry : fs::directory_iterator(path / where))
      files += entry.path().filename().string().front() != '.';
    return files;
  }
  void expect_all_is_done() const {
    EXPECT_EQ(count("in"), 0U);
    EXPECT_EQ(count("done"), static_cast<std::size_t>(added));
    EXPECT_EQ(count("out"), static_cast<std::size_t>(added));
    for (int i = 0; i < added; ++i) {
      const std::string name = "file" + std::to_string(i);
      std::ifstream from(path / "out" / name);
      const std::string text(std::istreambuf_iterator<char>(from), {});
      EXPECT_EQ(text, "FILE" + std::to_string(i) + std::string(1000, 'X')) << name;
    }
  }

  scratch_folder scratch;
  const fs::path path = scratch.file("spool");
  int added = 0;
};

TEST(spool, works_on_each_file_at_least_once_and_moves_it_once_however_often_it_is_killed) {
  spool_folder files;
  std::map<std::string, int> done;
  const auto count = [&](const std::string& output) {
    std::istringstream lines(output);
    for (std::string word; lines >> word;)
      if (word.starts_with("file")) ++done[word];
  };
  const int kills = runs(50, 5);
  const auto seed = std::random_device{}();
  SCOPED_TRACE("seed " + std::to_string(seed));
  std::mt19937 random(seed);
  for (int i = 0; i < kills; ++i) {
    files.add(200);
    child_process it({program("spool"), files.path});
    const std::size_t first = files.added - 200 + random() % 150;  // so it is killed amid the work
    for (const deadline by(60s); files.count("in") > files.added - first;) {
      ASSERT_FALSE(by.passed(std::chrono::steady_clock::now())) << it.errors();
      std::this_thread::yield();
    }
    it.signal(SIGKILL);
    ASSERT_EQ(it.wait(deadline(30s)), exit_status{.signal = SIGKILL});
    count(it.output());
  }
  child_process it({program("spool"), files.path});
  for (const deadline by(60s); files.count("in") > 0;) {
    ASSERT_FALSE(by.passed(std::chrono::steady_clock::now())) << it.errors();
    std::this_thread::sleep_for(5ms);
  }
  it.signal(SIGTERM);
  EXPECT_EQ(it.wait(deadline(30s)), exit_status{.code = 0}) << it.errors();
  count(it.output());
  files.expect_all_is_done();
  EXPECT_LE(done.size(), static_cast<std::size_t>(files.added));
  for (const auto& [name, times] : done) EXPECT_EQ(times, 1) << name << " was said to be done again after it was moved";
}

TEST(spool, leaves_what_it_has_not_begun_to_the_next_process) {
  spool_folder files;
  files.add(1000);
  child_process it({program("spool"), files.path});
  ASSERT_TRUE(it.wait_for_line("done", deadline(60s))) << it.errors();
  it.signal(SIGTERM);
  EXPECT_EQ(it.wait(deadline(30s)), exit_status{.code = 0}) << it.errors();
  EXPECT_EQ(files.count("in") + files.count("done"), 1000U);
  EXPECT_EQ(files.count("out"), files.count("done"));
  child_process next({program("spool"), files.path});
  for (const deadline by(60s); files.count("in") > 0;) {
    ASSERT_FALSE(by.passed(std::chrono::steady_clock::now())) << next.errors();
    std::this_thread::sleep_for(5ms);
  }
  next.signal(SIGTERM);
  EXPECT_EQ(next.wait(deadline(30s)), exit_status{.code = 0}) << next.errors();
  files.expect_all_is_done();
}

}  // namespace
