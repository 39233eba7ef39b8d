#include "lastcall/core/report/report_file.hpp"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <chrono>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <thread>

namespace lastcall::report_file_test {

using lastcall::temporary_name;
using lastcall::write_whole;

class report_file : public testing::Test {
 protected:
  report_file() {
    std::string pattern = testing::TempDir() + "lastcall_report_file.XXXXXX";
    folder_ = mkdtemp(pattern.data());
    path_ = folder_ + "/report.json";
  }
  ~report_file() override { std::filesystem::remove_all(folder_); }

  std::error_code put(const std::string& text) const {
    return write_whole(path_.c_str(), temporary_name(path_).c_str(), text);
  }
  std::string content() const {
    std::stringstream text;
    text << std::ifstream(path_).rdbuf();
    return text.str();
  }

  std::string folder_;
  std::string path_;
};

TEST_F(report_file, replaces_what_was_there_and_leaves_nothing_beside_it) {
  EXPECT_FALSE(put("a longer text"));
  EXPECT_FALSE(put("short"));
  EXPECT_EQ(content(), "short");
  EXPECT_EQ(std::distance(std::filesystem::directory_iterator(folder_), {}), 1);
}

TEST_F(report_file, is_never_seen_half_written_by_who_has_it_open) {
  EXPECT_FALSE(put("the old text"));
  std::ifstream reader(path_);
  EXPECT_FALSE(put("new"));
  std::string word;
  std::getline(reader, word);
  EXPECT_EQ(word, "the old text");
}

TEST_F(report_file, is_an_error_where_there_is_no_folder) {
  path_ = folder_ + "/none/report.json";
  EXPECT_EQ(put("text"), std::errc::no_such_file_or_directory);
}

TEST_F(report_file, is_written_in_place_where_a_device_stands) {
  path_ = "/dev/null";
  EXPECT_FALSE(put("text"));
  EXPECT_TRUE(std::filesystem::is_character_file("/dev/null"));
}

TEST_F(report_file, is_written_through_a_link_which_stays_one) {
  const std::string target = folder_ + "/target.json";
  std::ofstream(target) << "a longer text";
  ASSERT_EQ(symlink(target.c_str(), path_.c_str()), 0);
  EXPECT_FALSE(put("short"));
  EXPECT_TRUE(std::filesystem::is_symlink(path_));
  std::stringstream text;
  text << std::ifstream(target).rdbuf();
  EXPECT_EQ(text.str(), "short");
}

TEST_F(report_file, is_appended_to_what_standard_error_goes_to) {
  const int kept = dup(STDERR_FILENO);
  const int log = open(path_.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644);
  ASSERT_GE(dup2(log, STDERR_FILENO), 0);
  close(log);
  const bool logged = write(STDERR_FILENO, "a line\n", 7) == 7;
  const std::error_code failure = put("the report");
  dup2(kept, STDERR_FILENO);
  close(kept);
  EXPECT_TRUE(logged);
  EXPECT_FALSE(failure);
  EXPECT_EQ(content(), "a line\nthe report");
}

TEST_F(report_file, goes_whole_through_a_pipe_that_is_read) {
  ASSERT_EQ(mkfifo(path_.c_str(), 0600), 0);
  std::string read_back;
  std::thread reads([&] {
    std::stringstream text;
    text << std::ifstream(path_).rdbuf();
    read_back = text.str();
  });
  const std::string large(300'000, 'x');  // more than a pipe holds
  std::error_code failure;
  for (const auto by = std::chrono::steady_clock::now() + std::chrono::seconds(20);
       (failure = put(large)) == std::errc::no_such_device_or_address && std::chrono::steady_clock::now() < by;)
    std::this_thread::yield();  // the reader is not there yet
  reads.join();
  EXPECT_FALSE(failure);
  EXPECT_EQ(read_back.size(), large.size());
}

TEST_F(report_file, does_not_wait_for_a_reader_of_a_pipe) {
  ASSERT_EQ(mkfifo(path_.c_str(), 0600), 0);
  EXPECT_EQ(put("text"), std::errc::no_such_device_or_address);
}

TEST_F(report_file, is_written_in_place_where_nothing_can_be_put_beside_it) {
  EXPECT_FALSE(put("the old text"));
  // A temporary name that can't be: as in a folder that is not ours.
  EXPECT_FALSE(write_whole(path_.c_str(), (folder_ + "/none/tmp").c_str(), "new"));
  EXPECT_EQ(content(), "new");
}

}  // namespace lastcall::report_file_test
