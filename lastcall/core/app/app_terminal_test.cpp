// Ctrl-C at a real terminal: nobody is there who would have to notice that readiness is gone.
#include <gtest/gtest.h>
#include <poll.h>
#include <pty.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <cstdlib>
#include <string>
#include <thread>

#include "lastcall/core/app/app.hpp"
#include "lastcall/core/signals/signals.hpp"

namespace lastcall::app_terminal_test {

using namespace std::chrono_literals;

/// A process at a terminal of its own, which is asked to end by Ctrl-C and has an hour of readiness delay.
class at_a_terminal {
 public:
  at_a_terminal() {
    pid_ = forkpty(&terminal_, nullptr, nullptr, nullptr);
    if (pid_ == 0) {
      app a{{.grace = 3h, .readiness_delay = 1h, .log = log_level::info, .environment = false}};
      a.add("x", std::make_unique<component>());
      _exit(a.run());
    }
  }
  ~at_a_terminal() {
    kill(pid_, SIGKILL);
    waitpid(pid_, nullptr, 0);
    close(terminal_);
  }
  at_a_terminal& operator=(at_a_terminal&&) = delete;

  /// What it writes until `text` is there, or until it is gone or 20 s have passed.
  std::string read_until(const std::string& text) {
    const auto by = steady().now() + 20s;
    pollfd watched{.fd = terminal_, .events = POLLIN, .revents = 0};
    while (said_.find(text) == said_.npos && steady().now() < by && poll(&watched, 1, 100) >= 0) {
      char some[4096];
      if ((watched.revents & POLLIN) == 0) {
        if ((watched.revents & POLLHUP) != 0) break;
        continue;
      }
      const ssize_t got = read(terminal_, some, sizeof some);
      if (got <= 0) break;
      said_.append(some, static_cast<std::size_t>(got));
    }
    return said_;
  }
  void type(char key) const { ASSERT_EQ(write(terminal_, &key, 1), 1); }
  /// -1 when it does not exit in time.
  int exit_code() const {
    pollfd gone{.fd = static_cast<int>(syscall(SYS_pidfd_open, pid_, 0)), .events = POLLIN, .revents = 0};
    const bool over = poll(&gone, 1, 20'000) == 1;
    close(gone.fd);
    siginfo_t end{};
    if (!over || waitid(P_PID, static_cast<id_t>(pid_), &end, WEXITED | WNOHANG | WNOWAIT) != 0) return -1;
    return end.si_code == CLD_EXITED ? end.si_status : -1;
  }

 private:
  pid_t pid_ = 0;
  int terminal_ = -1;
  std::string said_;
};

TEST(app_terminal, ends_by_ctrl_c_without_the_readiness_delay_and_says_who_asked) {
  at_a_terminal it;
  ASSERT_NE(it.read_until("ready").find("ready"), std::string::npos);
  it.type('\x03');
  EXPECT_NE(it.read_until("; exit ").find("SIGINT from terminal"), std::string::npos);
  EXPECT_EQ(it.exit_code(), 0);
}

double readiness_of(app_options options) {
  options.signals = {};
  options.log = log_level::none;
  options.environment = false;
  app a{options};
  a.add("x", std::make_unique<component>());
  a.start();
  a.request_shutdown(signal_record{.number = SIGINT, .code = SI_KERNEL});
  return a.shutdown(deadline(options.grace)).readiness_ms;
}

TEST(app_terminal, waits_the_readiness_delay_where_that_is_wanted) {
  EXPECT_LT(readiness_of({.grace = 3h, .readiness_delay = 1h}), 60'000);
  EXPECT_GE(readiness_of({.grace = 20s, .readiness_delay = 50ms, .readiness_delay_from_terminal = true}), 50);
}

}  // namespace lastcall::app_terminal_test
