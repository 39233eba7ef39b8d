#include "lastcall/core/log.hpp"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <algorithm>
#include <stdexcept>
#include <string>
#include <thread>
#include <utility>
#include <vector>

namespace lastcall {
namespace {

using testing::ElementsAre;
using testing::EndsWith;
using testing::HasSubstr;

// A pipe that takes the log; its reader never blocks.
struct log_pipe {
  log_pipe() {
    EXPECT_EQ(pipe2(ends, O_CLOEXEC), 0);
    EXPECT_EQ(fcntl(ends[0], F_SETFL, O_NONBLOCK), 0);
  }
  ~log_pipe() { close(ends[0]), close_writer(); }
  log_pipe(const log_pipe&) = delete;
  log_pipe& operator=(const log_pipe&) = delete;
  void close_writer() { close(std::exchange(ends[1], -1)); }
  std::string all() {
    std::string text;
    char buffer[4096];
    for (ssize_t got; (got = read(ends[0], buffer, sizeof buffer)) > 0;)
      text.append(buffer, static_cast<std::size_t>(got));
    return text;
  }
  int ends[2];
};

TEST(log, lets_through_what_reaches_the_threshold) {
  std::vector<std::string> lines;
  const logger log(log_level::warning, [&](const log_record& record) {
    lines.push_back(std::string(to_text(record.level)) + " " + std::string(record.component) + " " +
                    std::string(record.text));
  });
  log.debug("a", "one");
  log.info("a", "two");
  log.warning("a", "three");
  log.error("b", "four");
  log.write(log_level::none, "b", "five");
  EXPECT_THAT(lines, ElementsAre("warning a three", "error b four"));
  EXPECT_FALSE(log.enabled(log_level::info));
  EXPECT_TRUE(log.enabled(log_level::error));
}

TEST(log, is_silent_at_none) {
  int lines = 0;
  const logger log(log_level::none, [&](const log_record&) { ++lines; });
  log.error("a", "one");
  EXPECT_EQ(lines, 0);
  EXPECT_FALSE(log.enabled(log_level::none));
}

TEST(log, hands_fields_to_the_sink) {
  std::string seen;
  const logger log(log_level::info, [&](const log_record& record) {
    for (const log_field& field : record.fields) seen.append(field.key).append("=").append(field.value).append(";");
  });
  log.info("http", "reset", {{"remote", "127.0.0.1"}, {"kind", "reset"}});
  EXPECT_EQ(seen, "remote=127.0.0.1;kind=reset;");
}

TEST(log, swallows_what_a_sink_throws) {
  const logger log(log_level::info, [](const log_record&) { throw std::runtime_error("full"); });
  EXPECT_NO_THROW(log.error("a", "one"));
}

TEST(log, reads_its_levels_from_text) {
  for (const auto level : {log_level::debug, log_level::info, log_level::warning, log_level::error, log_level::none}) {
    EXPECT_EQ(parse_log_level(to_text(level)), level);
  }
  EXPECT_EQ(parse_log_level("Info"), std::nullopt);
  EXPECT_EQ(parse_log_level(""), std::nullopt);
}

TEST(log, writes_one_line_a_record_to_a_descriptor) {
  log_pipe pipe;
  const logger log(log_level::info, descriptor_sink(pipe.ends[1]));
  log.info("http", "listening", {{"port", "8080"}});
  EXPECT_THAT(pipe.all(), EndsWith("Z info  http: listening port=8080\n"));
}

TEST(log, drops_and_counts_when_nobody_reads_instead_of_waiting) {
  log_pipe pipe;
  const logger log(log_level::info, descriptor_sink(pipe.ends[1]));
  const std::string text(1000, 'x');
  for (int i = 0; i < 1000; ++i) log.info("http", text);  // a pipe takes 64 KiB: this would block
  const std::string first = pipe.all();
  const auto went_through = std::ranges::count(first, '\n');
  EXPECT_LT(went_through, 1000);
  EXPECT_GT(went_through, 0);

  log.info("http", "again");
  const std::string second = pipe.all();
  EXPECT_THAT(second, HasSubstr("http: again\n"));
  EXPECT_THAT(second, HasSubstr(" lines=" + std::to_string(1000 - went_through) + "\n"));
  log.info("http", "once more");
  EXPECT_THAT(pipe.all(), testing::Not(HasSubstr("lines=")));
}

TEST(log, survives_a_reader_that_is_gone) {
  int ends[2];
  ASSERT_EQ(pipe2(ends, O_CLOEXEC), 0);
  close(ends[0]);
  const logger log(log_level::info, descriptor_sink(ends[1]));
  log.info("http", "to nobody");  // a plain write would end this test by SIGPIPE
  close(ends[1]);
}

TEST(log, keeps_lines_whole_when_threads_write_at_once) {
  log_pipe pipe;
  const logger log(log_level::info, descriptor_sink(pipe.ends[1]));
  {
    std::vector<std::jthread> writers;
    for (int writer = 0; writer < 4; ++writer) {
      writers.emplace_back([log] {
        for (int i = 0; i < 100; ++i) log.info("http", "whole");
      });
    }
  }
  const std::string text = pipe.all();
  std::size_t lines = 0;
  for (std::size_t begin = 0; begin < text.size(); ++lines) {
    const std::size_t end = text.find('\n', begin);
    ASSERT_NE(end, text.npos);
    EXPECT_THAT(text.substr(begin, end - begin), EndsWith("Z info  http: whole"));
    begin = end + 1;
  }
  EXPECT_EQ(lines, 400u);
}

}  // namespace
}  // namespace lastcall
