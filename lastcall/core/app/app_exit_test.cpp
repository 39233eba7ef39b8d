// How a process ends that can't end by itself: each test forks one, and looks at its exit code and its last words.
#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <poll.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <thread>
#include <utility>

#include "lastcall/core/app/app.hpp"
#include "lastcall/core/by_median_test.hpp"
#include "lastcall/core/exit/try_write_stderr.hpp"

namespace lastcall::app_exit_test {

using namespace std::chrono_literals;
using ::testing::HasSubstr;

constexpr int ready_mark = '!';

app* running = nullptr;  // the child's

/// A forked process that runs an app with one component.
class child {
 public:
  explicit child(app_options options, std::unique_ptr<component> it, log_level log = log_level::none) {
    int error_ends[2], ready_ends[2];
    if (pipe(error_ends) != 0 || pipe(ready_ends) != 0) throw std::runtime_error("no pipe");
    pid_ = fork();
    if (pid_ == 0) {
      dup2(error_ends[1], STDERR_FILENO);
      close(error_ends[0]);
      close(error_ends[1]);
      options.environment = false;
      options.log = log;
      signal(SIGHUP, SIG_DFL);  // under nohup it would stay ignored
      const int tells = ready_ends[1];
      app a{options};
      running = &a;
      a.add("victim", std::move(it));
      std::thread([&a, tells] {
        while (!a.ready()) std::this_thread::yield();
        const char mark = ready_mark;
        [[maybe_unused]] const ssize_t told = write(tells, &mark, 1);
      }).detach();
      _exit(a.run());
    }
    close(error_ends[1]);
    close(ready_ends[1]);
    errors_ = error_ends[0];
    ready_ = ready_ends[0];
  }
  ~child() {
    kill(pid_, SIGKILL);
    waitpid(pid_, nullptr, 0);
    stop_listening();
    close(ready_);
  }
  child& operator=(child&&) = delete;

  pid_t pid() const { return pid_; }
  void send(int number) const { kill(pid_, number); }
  void wait_until_ready() const {
    char mark = 0;
    ASSERT_TRUE(readable(ready_, 20s) && read(ready_, &mark, 1) == 1 && mark == ready_mark);
  }
  /// -1 when it does not exit in time.
  int exit_code() {
    const int pidfd = static_cast<int>(syscall(SYS_pidfd_open, pid_, 0));
    const bool over = readable(pidfd, 20s);
    close(pidfd);
    siginfo_t end{};  // WNOWAIT: the destructor reaps, and signals no stranger
    if (!over || waitid(P_PID, static_cast<id_t>(pid_), &end, WEXITED | WNOHANG | WNOWAIT) != 0) return -1;
    return end.si_code == CLD_EXITED ? end.si_status : -1;
  }
  /// Nobody reads its standard error any more: a write to it raises SIGPIPE.
  void stop_listening() {
    if (errors_ >= 0) close(std::exchange(errors_, -1));
  }
  void wait_for_words() const { ASSERT_TRUE(readable(errors_, 20s)); }
  std::string stderr_text() const {
    char text[4096];
    if (!readable(errors_, 0s)) return {};
    const ssize_t got = read(errors_, text, sizeof text);
    return std::string(text, got > 0 ? static_cast<std::size_t>(got) : 0);
  }

 private:
  static bool readable(int descriptor, std::chrono::milliseconds within) {
    pollfd watched{.fd = descriptor, .events = POLLIN, .revents = 0};
    return poll(&watched, 1, static_cast<int>(within.count())) == 1;
  }

  pid_t pid_ = 0;
  int errors_ = -1;
  int ready_ = -1;
};

[[noreturn]] void hang() {
  for (;;) std::this_thread::sleep_for(1h);
}

struct hangs_in_stop : component {
  void stop() noexcept override { hang(); }
};
struct hangs_when_destroyed : component {
  ~hangs_when_destroyed() override {
    if (getpid() != made_in_) hang();  // in the child only
  }
  const pid_t made_in_ = getpid();
};
struct hangs_in_start : component {
  void start(context) override { hang(); }
};
struct hangs_in_force : component {
  void drain(context, lastcall::drained done) override { never_ = std::move(done); }
  void force() noexcept override { hang(); }
  lastcall::drained never_;
};
struct drains_when_forced : component {
  void drain(context, lastcall::drained done) override { done_ = std::move(done); }
  void force() noexcept override { done_(); }
  lastcall::drained done_;
};
struct never_drains : component {
  void drain(context, lastcall::drained done) override { never_ = std::move(done); }
  lastcall::drained never_;
};

std::string content_of(const std::string& file) {
  std::stringstream text;
  text << std::ifstream(file).rdbuf();
  return text.str();
}

// Not a wait for something: signals closer together are one request.
void let_the_request_settle() { std::this_thread::sleep_for(600ms); }

TEST_BY_MEDIAN(app_exit, comes_by_the_deadline_when_a_stop_hangs_and_names_it) {
  const std::string file = testing::TempDir() + "lastcall_exit_report." + std::to_string(getpid()) + ".json";
  child it({.grace = 300ms, .report_file = file}, std::make_unique<hangs_in_stop>());
  it.wait_until_ready();
  const auto sent = std::chrono::steady_clock::now();
  it.send(SIGTERM);
  EXPECT_EQ(it.exit_code(), 4);
  EXPECT_GE(std::chrono::steady_clock::now() - sent, 300ms);
  EXPECT_THAT(it.stderr_text(),
              HasSubstr("lastcall: deadline passed: component \"victim\" hangs in stop; leaving with exit code 4\n"));
  const std::string json = content_of(file);
  EXPECT_THAT(json, HasSubstr("\"result\": \"hung\""));
  EXPECT_THAT(json, HasSubstr("\"hung_in\":\"stop\""));
  EXPECT_THAT(json, HasSubstr("\"victim\""));
  std::filesystem::remove(file);
}

TEST_BY_MEDIAN(app_exit, comes_by_the_deadline_when_a_start_hangs_and_the_end_is_asked_for) {
  struct asks_and_hangs : hangs_in_start {
    void start(context c) override {
      kill(getpid(), SIGTERM);
      hangs_in_start::start(c);
    }
  };
  child it({.grace = 200ms}, std::make_unique<asks_and_hangs>());
  EXPECT_EQ(it.exit_code(), 4);
  EXPECT_THAT(it.stderr_text(), HasSubstr("component \"victim\" hangs in start"));
}

TEST_BY_MEDIAN(app_exit, comes_by_the_deadline_without_any_signal_too) {
  struct asks_from_inside : hangs_in_stop {
    void start(context) override { running->request_shutdown("from inside"); }
  };
  child it({.grace = 200ms, .signals = {}}, std::make_unique<asks_from_inside>());
  EXPECT_EQ(it.exit_code(), 4);
  EXPECT_THAT(it.stderr_text(), HasSubstr("component \"victim\" hangs in stop"));
}

TEST_BY_MEDIAN(app_exit, keeps_its_code_and_its_report_when_nobody_reads_its_last_words) {
  const std::string file = testing::TempDir() + "lastcall_exit_unread." + std::to_string(getpid()) + ".json";
  child it({.grace = 200ms, .report_file = file}, std::make_unique<hangs_in_stop>());
  it.wait_until_ready();
  it.stop_listening();
  it.send(SIGTERM);
  EXPECT_EQ(it.exit_code(), 4);
  EXPECT_THAT(content_of(file), HasSubstr("\"hung_in\":\"stop\""));
  std::filesystem::remove(file);
}

TEST_BY_MEDIAN(app_exit, comes_by_the_deadline_when_a_destructor_hangs_and_names_it) {
  const std::string file = testing::TempDir() + "lastcall_exit_destroyed." + std::to_string(getpid()) + ".json";
  child it({.grace = 300ms, .report_file = file}, std::make_unique<hangs_when_destroyed>());
  it.wait_until_ready();
  it.send(SIGTERM);
  EXPECT_EQ(it.exit_code(), 4);
  EXPECT_EQ(it.stderr_text(),
            "lastcall: deadline passed: component \"victim\" hangs in destroy; leaving with exit code 4\n");
  EXPECT_THAT(content_of(file), HasSubstr("\"hung_in\": \"destroy\""));
  std::filesystem::remove(file);
}

TEST(app_exit, is_4_when_a_component_never_says_that_it_has_drained) {
  child it({.grace = 200ms}, std::make_unique<never_drains>());
  it.wait_until_ready();
  it.send(SIGINT);
  EXPECT_EQ(it.exit_code(), 4);
}

TEST_BY_MEDIAN(app_exit, is_3_at_once_when_asked_a_second_time) {
  child it({.grace = 1h}, std::make_unique<drains_when_forced>());
  it.wait_until_ready();
  it.send(SIGTERM);
  let_the_request_settle();
  it.send(SIGTERM);
  EXPECT_EQ(it.exit_code(), 3);
}

TEST_BY_MEDIAN(app_exit, comes_a_reserve_after_being_asked_a_second_time_although_the_force_hangs) {
  child it({.grace = 1h, .reserve = 200ms}, std::make_unique<hangs_in_force>());
  it.wait_until_ready();
  it.send(SIGTERM);
  let_the_request_settle();
  it.send(SIGTERM);
  EXPECT_EQ(it.exit_code(), 4);
  EXPECT_THAT(it.stderr_text(), HasSubstr("component \"victim\" hangs in force"));
}

TEST_BY_MEDIAN(app_exit, is_128_and_the_signal_when_asked_a_third_time_although_the_driving_thread_hangs) {
  child it({.grace = 1h}, std::make_unique<hangs_in_force>());
  it.wait_until_ready();
  it.send(SIGTERM);
  let_the_request_settle();
  it.send(SIGINT);
  let_the_request_settle();
  it.send(SIGTERM);
  EXPECT_EQ(it.exit_code(), 128 + SIGTERM);
  EXPECT_EQ(it.stderr_text(), "lastcall: asked a third time, leaving at once\n");
}

TEST(app_exit, stays_0_when_the_signal_is_sent_again_after_the_app_is_gone) {
  const pid_t pid = fork();
  if (pid == 0) {
    int code = 0;
    {
      app a{{.log = log_level::none, .environment = false}};
      kill(getpid(), SIGTERM);
      code = a.run();
    }
    kill(getpid(), SIGTERM);
    kill(getpid(), SIGINT);
    _exit(code);
  }
  int status = 0;
  ASSERT_EQ(waitpid(pid, &status, 0), pid);
  EXPECT_TRUE(WIFEXITED(status));
  EXPECT_EQ(WEXITSTATUS(status), 0);
}

TEST(app_exit, never_comes_by_itself_when_embedded_not_even_at_a_third_signal) {
  const pid_t pid = fork();
  if (pid == 0) {
    auto& a = *new app{{.grace = 1h, .reserve = 100ms, .log = log_level::none, .environment = false}};
    a.add("victim", std::make_unique<hangs_in_stop>());
    a.start();
    for (int i = 0; i < 4; ++i) {
      kill(getpid(), SIGTERM);
      let_the_request_settle();
    }
    const bool named = a.shutdown(deadline(200ms)).hung() == std::vector<std::string>{"victim"};
    std::this_thread::sleep_for(300ms);  // not a wait for something: time for what must not come
    _exit(named ? 7 : 8);
  }
  int status = 0;
  ASSERT_EQ(waitpid(pid, &status, 0), pid);
  EXPECT_TRUE(WIFEXITED(status));
  EXPECT_EQ(WEXITSTATUS(status), 7);
}

TEST_BY_MEDIAN(app_exit, comes_by_the_deadline_when_the_reload_hook_hangs_and_names_it) {
  const auto hook = [] {
    try_write_stderr("inside\n");
    hang();
  };
  child it({.grace = 300ms, .on_reload = hook}, std::make_unique<component>());
  it.wait_until_ready();
  it.send(SIGHUP);
  it.wait_for_words();
  EXPECT_EQ(it.stderr_text(), "inside\n");
  const auto sent = std::chrono::steady_clock::now();
  it.send(SIGTERM);
  EXPECT_EQ(it.exit_code(), 4);
  EXPECT_GE(std::chrono::steady_clock::now() - sent, 300ms);
  EXPECT_THAT(it.stderr_text(), HasSubstr("component \"app\" hangs in on_reload"));
}

/// Makes whoever opens the file for writing wait: the kernel waits 45 s for the lease to be given up.
class opening_hangs {
 public:
  explicit opening_hangs(const std::string& path) {
    signal(SIGIO, SIG_IGN);
    file_ = open(path.c_str(), O_RDONLY | O_CREAT | O_CLOEXEC, 0644);
    held_ = fcntl(file_, F_SETLEASE, F_RDLCK) == 0;
  }
  ~opening_hangs() {
    if (held_) fcntl(file_, F_SETLEASE, F_UNLCK);
    close(file_);
    signal(SIGIO, SIG_DFL);
  }
  bool held() const { return held_; }

 private:
  int file_ = -1;
  bool held_ = false;
};

// Both the driver and the watch stand still at it.
TEST(app_exit, comes_by_the_deadline_when_the_disk_under_the_report_does_not_answer) {
  const std::string file = testing::TempDir() + "lastcall_exit_disk." + std::to_string(getpid()) + ".json";
  child it({.grace = 300ms, .report_file = file}, std::make_unique<component>());
  it.wait_until_ready();
  const std::string of_child = "." + std::to_string(it.pid()) + ".tmp";
  const opening_hangs one(file + of_child), two(file + ".watch" + of_child);
  if (!one.held() || !two.held()) GTEST_SKIP() << "skipped: no leases on files in " << testing::TempDir();
  const auto sent = std::chrono::steady_clock::now();
  it.send(SIGTERM);
  EXPECT_EQ(it.exit_code(), 4);
  EXPECT_GE(std::chrono::steady_clock::now() - sent, 300ms);
  for (const std::string& name : {file + of_child, file + ".watch" + of_child}) std::filesystem::remove(name);
}

/// Leaves no room for a line of log on standard error.
struct fills_standard_error : component {
  void start(context) override {
    const std::string text(4096, 'x');
    const int flags = fcntl(STDERR_FILENO, F_GETFL);
    fcntl(STDERR_FILENO, F_SETFL, flags | O_NONBLOCK);
    while (write(STDERR_FILENO, text.data(), text.size()) > 0) {}
    fcntl(STDERR_FILENO, F_SETFL, flags);
  }
};

TEST(app_exit, is_not_held_up_by_a_log_that_nobody_reads) {
  child it({}, std::make_unique<fills_standard_error>(), log_level::debug);
  it.wait_until_ready();
  it.send(SIGTERM);
  EXPECT_EQ(it.exit_code(), 0);
}

TEST(app_exit, writes_every_line_of_its_log_before_it_leaves) {
  child it({}, std::make_unique<component>(), log_level::info);
  it.wait_until_ready();
  it.send(SIGTERM);
  EXPECT_EQ(it.exit_code(), 0);
  const std::string log = it.stderr_text();
  EXPECT_THAT(log, HasSubstr("app: shutting down: SIGTERM"));
  EXPECT_THAT(log, HasSubstr("; exit 0\n"));
}

TEST(app_exit, is_0_for_any_of_the_two_usual_signals) {
  for (const int number : {SIGINT, SIGTERM}) {
    child it({}, std::make_unique<component>());
    it.wait_until_ready();
    it.send(number);
    EXPECT_EQ(it.exit_code(), 0);
  }
}

}  // namespace lastcall::app_exit_test
