#include "lastcall/core/log/log_queue.hpp"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <algorithm>
#include <cstdint>
#include <optional>
#include <string>
#include <thread>
#include <utility>
#include <vector>

namespace lastcall::log_queue_test {

using namespace std::chrono_literals;
using ::testing::EndsWith;

constexpr duration generous = 20s;

// A pipe of 4 KiB that takes the log; its reader waits only for the writer's end.
struct log_pipe {
  log_pipe() {
    EXPECT_EQ(pipe2(ends, O_CLOEXEC), 0);
    EXPECT_EQ(fcntl(ends[1], F_SETPIPE_SZ, 4096), 4096);
  }
  ~log_pipe() { close_reader(), close_writer(); }
  log_pipe& operator=(log_pipe&&) = delete;
  void close_reader() { close(std::exchange(ends[0], -1)); }
  void close_writer() { close(std::exchange(ends[1], -1)); }
  // Everything until the last writer has closed.
  std::string all() {
    std::string text;
    char buffer[4096];
    for (ssize_t got; (got = read(ends[0], buffer, sizeof buffer)) > 0;)
      text.append(buffer, static_cast<std::size_t>(got));
    return text;
  }
  int ends[2];
};

const std::string long_text(1000, 'x');

log_record line(std::string_view text) { return {log_level::info, "http", text, {}}; }

auto lines_of(const std::string& text) { return std::count(text.begin(), text.end(), '\n'); }

TEST(log_queue, writes_one_line_a_record) {
  log_pipe pipe;
  std::optional<log_queue> queue(std::in_place, pipe.ends[1]);
  const log_field port{"port", "8080"};
  queue->write({log_level::info, "http", "listening", {&port, 1}});
  EXPECT_TRUE(queue->flush(generous));
  EXPECT_EQ(queue->dropped(), 0U);
  queue.reset();
  pipe.close_writer();
  EXPECT_THAT(pipe.all(), EndsWith("Z info  http: listening port=8080\n"));
}

TEST(log_queue, has_nothing_to_flush_before_the_first_line) {
  log_pipe pipe;
  std::optional<log_queue> queue(std::in_place, pipe.ends[1]);
  EXPECT_TRUE(queue->flush(0s));
}

TEST(log_queue, keeps_for_a_slow_reader_what_the_pipe_does_not_take) {
  log_pipe pipe;
  {
    std::optional<log_queue> queue(std::in_place, pipe.ends[1]);
    for (int i = 0; i < 100; ++i) queue->write(line(long_text));  // 25 times the pipe
    EXPECT_FALSE(queue->flush(0s));
    std::string read;
    std::thread reader([&] { read = pipe.all(); });
    EXPECT_TRUE(queue->flush(generous));
    EXPECT_EQ(queue->dropped(), 0U);
    queue.reset();
    pipe.close_writer();
    reader.join();
    EXPECT_EQ(lines_of(read), 100);
  }
}

TEST(log_queue, drops_what_finds_it_full_and_says_how_many_where_they_are_missing) {
  log_pipe pipe;
  std::optional<log_queue> queue(std::in_place, pipe.ends[1], 16 * 1024);
  for (int i = 0; i < 1000; ++i) queue->write(line(long_text));  // this would block
  const auto dropped = queue->dropped();
  EXPECT_GT(dropped, 900U);
  EXPECT_LT(dropped, 1000U);
  std::string read;
  std::thread reader([&] { read = pipe.all(); });
  EXPECT_TRUE(queue->flush(generous));
  queue->write(line("again"));
  EXPECT_TRUE(queue->flush(generous));
  queue.reset();
  pipe.close_writer();
  reader.join();
  EXPECT_TRUE(read.ends_with("http: again\n"));
  std::uint64_t told = 0;
  std::ptrdiff_t times = 0;
  for (std::size_t at = 0; (at = read.find(" lines=", at)) != read.npos; ++times)
    told += std::stoul(read.substr(at += 7));
  EXPECT_EQ(told, dropped);
  EXPECT_LE(times, 2) << "once a gap: one may come before the thread has begun";
  EXPECT_EQ(lines_of(read), static_cast<std::ptrdiff_t>(1000 - dropped) + times + 1);
}

TEST(log_queue, keeps_room_for_the_app_and_for_warnings_when_others_flood_it) {
  log_pipe pipe;
  std::optional<log_queue> queue(std::in_place, pipe.ends[1], 64 * 1024);
  for (int i = 0; i < 300; ++i) queue->write(line(long_text));
  EXPECT_GT(queue->dropped(), 100U);
  queue->write({log_level::info, "app", "shutting down", {}});
  queue->write({log_level::warning, "http", "a warning", {}});
  std::string read;
  std::thread reader([&] { read = pipe.all(); });
  EXPECT_TRUE(queue->flush(generous));
  queue.reset();
  pipe.close_writer();
  reader.join();
  EXPECT_THAT(read, ::testing::HasSubstr("app: shutting down\n"));
  EXPECT_THAT(read, ::testing::HasSubstr("http: a warning\n"));
}

TEST(log_queue, is_not_held_up_at_its_end_by_a_reader_that_never_comes) {
  log_pipe pipe;
  const time_point begin = steady().now();
  {
    std::optional<log_queue> queue(std::in_place, pipe.ends[1]);
    for (int i = 0; i < 100; ++i) queue->write(line(long_text));
    EXPECT_FALSE(queue->flush(1ms));
  }
  EXPECT_LT(steady().now() - begin, generous);
}

TEST(log_queue, survives_a_reader_that_is_gone_and_counts) {
  log_pipe pipe;
  pipe.close_reader();
  std::optional<log_queue> queue(std::in_place, pipe.ends[1]);
  queue->write(line("to nobody"));  // a plain write would end this test by SIGPIPE
  queue->write(line("to nobody"));
  EXPECT_TRUE(queue->flush(generous));
  EXPECT_GE(queue->dropped(), 2U);
}

TEST(log_queue, waits_for_room_on_a_descriptor_that_does_not_block) {
  log_pipe pipe;
  ASSERT_EQ(fcntl(pipe.ends[1], F_SETFL, O_NONBLOCK), 0);
  std::optional<log_queue> queue(std::in_place, pipe.ends[1]);
  for (int i = 0; i < 100; ++i) queue->write(line(long_text));
  std::string read;
  std::thread reader([&] { read = pipe.all(); });
  EXPECT_TRUE(queue->flush(generous));
  queue.reset();
  pipe.close_writer();
  reader.join();
  EXPECT_EQ(lines_of(read), 100);
}

TEST(log_queue, keeps_lines_whole_and_in_order_when_threads_write_at_once) {
  log_pipe pipe;
  std::optional<log_queue> queue(std::in_place, pipe.ends[1]);
  std::string read;
  std::thread reader([&] { read = pipe.all(); });
  {
    std::vector<std::jthread> writers;
    for (int writer = 0; writer < 4; ++writer) {
      writers.emplace_back([&queue] {
        for (int i = 0; i < 100; ++i) queue->write(line("whole"));
      });
    }
  }
  EXPECT_TRUE(queue->flush(generous));
  queue.reset();
  pipe.close_writer();
  reader.join();
  std::size_t lines = 0;
  for (std::size_t begin = 0; begin < read.size(); ++lines) {
    const std::size_t end = read.find('\n', begin);
    ASSERT_NE(end, read.npos);
    EXPECT_THAT(read.substr(begin, end - begin), EndsWith("Z info  http: whole"));
    begin = end + 1;
  }
  EXPECT_EQ(lines, 400U);
}

}  // namespace lastcall::log_queue_test
