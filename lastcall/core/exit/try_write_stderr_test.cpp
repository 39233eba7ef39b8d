#include "lastcall/core/exit/try_write_stderr.hpp"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <string>

namespace lastcall::try_write_stderr_test {

/// Puts the writing end of a pipe in the place of standard error while it lives.
class stderr_pipe {
 public:
  stderr_pipe() : before_(dup(STDERR_FILENO)) {
    if (pipe2(ends_, O_CLOEXEC | O_NONBLOCK) != 0) throw std::bad_alloc();
    dup2(ends_[1], STDERR_FILENO);
  }
  ~stderr_pipe() {
    dup2(before_, STDERR_FILENO);
    for (const int each : {before_, ends_[0], ends_[1]}) close(each);
  }
  stderr_pipe& operator=(stderr_pipe&&) = delete;

  std::string read_all() {
    std::string all;
    char some[4096];
    for (ssize_t got; (got = read(ends_[0], some, sizeof some)) > 0;) all.append(some, static_cast<std::size_t>(got));
    return all;
  }
  void fill() {
    const std::string block(4096, 'x');
    while (write(ends_[1], block.data(), block.size()) > 0) {}
  }

 private:
  int before_;
  int ends_[2]{};
};

TEST(try_write_stderr, writes_one_line) {
  stderr_pipe pipe;
  try_write_stderr("leaving\n");
  EXPECT_EQ(pipe.read_all(), "leaving\n");
}

TEST(try_write_stderr, writes_no_more_than_a_pipe_takes_at_once) {
  stderr_pipe pipe;
  try_write_stderr(std::string(10'000, 'x'));
  EXPECT_EQ(pipe.read_all().size(), 4096u);
}

TEST(try_write_stderr, writes_nothing_into_a_full_pipe) {
  stderr_pipe pipe;
  pipe.fill();
  try_write_stderr("leaving\n");
  EXPECT_EQ(pipe.read_all().find("leaving"), std::string::npos);
}

}  // namespace lastcall::try_write_stderr_test
