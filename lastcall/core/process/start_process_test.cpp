#include "lastcall/core/process/start_process.hpp"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/wait.h>

#include <optional>
#include <stdexcept>
#include <system_error>
#include <thread>

#include "lastcall/core/process/exit_status.hpp"

namespace lastcall::start_process_test {

using namespace lastcall::detail;

/// What it says, once it and all that hold its output have ended.
std::string output_of(const std::vector<std::string>& command, process_start with) {
  const descriptor nothing = open_file("/dev/null", O_RDWR, "test");
  auto out = make_pipe("test");
  with.input = *nothing;
  with.output = with.errors = *out[1];
  const started_process made = start_process(with, "test");
  out[1].reset();
  std::string said;
  char bytes[4096];
  for (ssize_t n; (n = ::read(*out[0], bytes, sizeof bytes)) > 0;) said.append(bytes, static_cast<std::size_t>(n));
  siginfo_t ended;
  EXPECT_EQ(::waitid(P_PID, static_cast<id_t>(made.pid), &ended, WEXITED), 0) << command.front();
  return said;
}

const std::vector<std::string> no_variables;

TEST(start_process, gives_the_program_its_folder_its_variables_and_nothing_else_of_ours) {
  const int leaked = ::fcntl(STDOUT_FILENO, F_DUPFD, 50);  // without O_CLOEXEC, as a library might
  ASSERT_GE(leaked, 50);
  const std::vector<std::string> variables{"GREETING=bye", "GREETING=hello"};
  const std::vector<std::string> command{
      "sh", "-c", "pwd; echo $GREETING; readlink /proc/$$/fd/" + std::to_string(leaked) + " || echo closed"};
  EXPECT_EQ(output_of(command, {.command = command, .environment = variables, .folder = "/"}), "/\nhello\nclosed\n");
  ::close(leaked);
}

TEST(start_process, leaves_it_no_signal_mask_and_no_ignored_sigpipe) {
  sigset_t all, before;
  ::sigfillset(&all);
  ::pthread_sigmask(SIG_SETMASK, &all, &before);
  const auto pipes = ::signal(SIGPIPE, SIG_IGN);
  const std::vector<std::string> command{"sh", "-c", "exec grep -E '^Sig(Blk|Ign)' /proc/self/status"};
  const std::string said = output_of(command, {.command = command, .environment = no_variables});
  ::signal(SIGPIPE, pipes);
  ::pthread_sigmask(SIG_SETMASK, &before, nullptr);
  EXPECT_THAT(said, testing::HasSubstr("SigBlk:\t0000000000000000"));
  const auto ignored = std::stoull(said.substr(said.find("SigIgn:\t") + 8), nullptr, 16);
  EXPECT_EQ(ignored & (1ULL << (SIGPIPE - 1)), 0U);
}

TEST(start_process, has_the_kernel_kill_it_when_the_thread_that_started_it_ends) {
  const std::vector<std::string> command{"sleep", "600"};
  started_process made;
  std::thread([&] {
    const descriptor nothing = open_file("/dev/null", O_RDWR, "test");
    made = start_process({.command = command, .environment = no_variables, .input = *nothing}, "test");
  }).join();
  siginfo_t ended{};
  ASSERT_EQ(::waitid(P_PID, static_cast<id_t>(made.pid), &ended, WEXITED), 0);
  EXPECT_EQ(ended.si_code, CLD_KILLED);
  EXPECT_EQ(ended.si_status, SIGKILL);
}

TEST(start_process, names_the_program_that_is_not_there) {
  const std::vector<std::string> command{"/no/such/program"};
  try {
    static_cast<void>(start_process({.command = command, .environment = no_variables}, "indexer"));
    FAIL();
  } catch (const std::system_error& e) {
    EXPECT_STREQ(e.what(), "indexer: cannot start /no/such/program: No such file or directory");
  }
  EXPECT_EQ(::waitpid(-1, nullptr, WNOHANG), -1) << "nothing is left to collect";
  const std::vector<std::string> none;
  EXPECT_THROW(static_cast<void>(start_process({.command = none, .environment = no_variables}, "indexer")),
               std::invalid_argument);
}

TEST(start_process, fails_when_the_folder_is_not_there) {
  const std::vector<std::string> command{"true"};
  EXPECT_THROW(static_cast<void>(start_process(
                   {.command = command, .environment = no_variables, .folder = "/no/such/folder"}, "indexer")),
               std::system_error);
}

TEST(exit_status, says_how_it_ended) {
  EXPECT_EQ(to_text(exit_status{.code = 3}), "exit 3");
  EXPECT_EQ(to_text(exit_status{.signal = SIGKILL}), "signal 9 (Killed)");
  EXPECT_EQ(to_text(exit_status{}), "unknown");
}

}  // namespace lastcall::start_process_test
