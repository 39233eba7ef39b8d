// One way down for every signal that means the end: none is missed, none counts twice, whenever and however often it
// comes.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <poll.h>
#include <signal.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <array>
#include <random>
#include <thread>

#include "lastcall/app.hpp"
#include "lastcall/testing.hpp"
#include "tests/process/raw_client.hpp"
#include "tests/process/testbed.hpp"

namespace {

using namespace process_tests;
using testing::AllOf;
using testing::HasSubstr;

lastcall::time_point now() { return std::chrono::steady_clock::now(); }
double to_ms(duration d) { return std::chrono::duration<double, std::milli>(d).count(); }

TEST(signals, of_ctrl_c_and_of_the_platform_have_the_same_outcome_and_are_named_with_their_sender) {
  for (const auto& [number, name] : {std::pair{SIGINT, "SIGINT"}, {SIGTERM, "SIGTERM"}}) {
    SCOPED_TRACE(name);
    const auto m = measure({.loads = {"busy:8", "fresh:4", "inflight:4,path=/slow?ms=700"}, .signal = number});
    ASSERT_EQ(m.exit, exit_status{.code = 0}) << m.table;
    EXPECT_EQ(m.total("lost"), 0) << m.table;
    EXPECT_EQ(m.total("late"), 0) << m.table;
    EXPECT_EQ(m.total("refused_before"), 0) << m.table;
    EXPECT_EQ(m.total("unexpected") + m.total("server_errors_after"), 0) << m.table;
    EXPECT_EQ(m.report.text("result"), "drained");
    EXPECT_EQ(m.report.text("cause.kind"), "signal");
    EXPECT_EQ(m.report.text("cause.signal"), name);
    EXPECT_THAT(m.report.text("cause.sender"), HasSubstr("pid " + std::to_string(getpid())));
    expect_ledgers_add_up(m.report);
  }
}

/// Processes that fire signals at one target as soon as they learn its number. They are made before anything has
/// threads, and do nothing between fork and exit but system calls.
class senders {
 public:
  senders(int count, int signals_each, duration over) {
    if (::pipe(go_.data()) != 0 || ::pipe(done_.data()) != 0) throw std::runtime_error("senders: no pipe");
    for (int i = 0; i < count; ++i) {
      const pid_t pid = ::fork();
      if (pid == 0) fire(signals_each, over / signals_each, i % 2 == 0 ? SIGTERM : SIGINT);
      pids_.push_back(pid);
    }
  }
  ~senders() {
    for (const int fd : {go_[1], go_[0], done_[0], done_[1]}) ::close(fd);  // who still waits for a target leaves
    for (const pid_t pid : pids_) {
      if (fired_ == 0s) ::kill(pid, SIGKILL);
      ::waitpid(pid, nullptr, 0);
    }
  }
  senders(const senders&) = delete;
  senders& operator=(const senders&) = delete;

  void release_on(pid_t target) {
    began_ = now();
    const std::vector<pid_t> copies(pids_.size(), target);
    ASSERT_EQ(::write(go_[1], copies.data(), copies.size() * sizeof target),
              static_cast<ssize_t>(copies.size() * sizeof target));
  }
  /// From the release to the last signal of the last sender.   Blocks: while they fire, which is bounded.
  duration fired() {
    for (std::size_t i = 0; i < pids_.size(); ++i) {
      lastcall::time_point last;
      if (::read(done_[0], &last, sizeof last) != sizeof last) throw std::runtime_error("a sender died");
      fired_ = std::max(fired_, last - began_);
    }
    return fired_;
  }

 private:
  [[noreturn]] void fire(int count, duration every, int number) {
    ::close(go_[1]);
    pid_t target = 0;
    if (::read(go_[0], &target, sizeof target) != sizeof target) ::_exit(1);
    auto due = now();
    for (int i = 0; i < count; ++i, due += every) {
      const timespec until{.tv_sec = due.time_since_epoch() / 1s,
                           .tv_nsec = static_cast<long>((due.time_since_epoch() % 1s).count())};
      ::clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &until, nullptr);  // the pace of the load
      ::kill(target, number);
    }
    const auto last = now();
    ::_exit(::write(done_[1], &last, sizeof last) == sizeof last ? 0 : 1);
  }

  std::array<int, 2> go_{}, done_{};
  std::vector<pid_t> pids_;
  lastcall::time_point began_;
  duration fired_{};
};

TEST(signals, a_thousand_of_several_senders_within_100_ms_are_one_shutdown_that_loses_nothing) {
  using namespace lastcall::testing;
  const int wanted = runs(20, 2);
  double lost = 0;
  duration longest{};
  int valid = 0;
  for (int attempt = 0; valid < wanted && attempt < wanted + 10; ++attempt) {
    senders all(5, 200, 80ms);
    testbed server({"--log", "info"});
    probe_options options{
        .loads = {parse_load("busy:16"), parse_load("fresh:8"), parse_load("inflight:8,path=/slow?ms=1000,lead=300ms")},
        .after = 400ms};
    probe_report report{.server = server.url(), .signal = SIGTERM};
    report.result = run_probe(parse_server_address(server.url()), options,
                              {.tell = [&] { all.release_on(server.process.pid()); },
                               .kill = [&] { server.process.signal(SIGKILL); },
                               .gone = server.process.exit_descriptor()});
    const duration took = all.fired();
    report.server_exit = server.wait();
    if (took > 450ms) continue;  // this machine did not send them as one burst: two requests are right then
    ++valid;
    longest = std::max(longest, took);
    const document client(to_json(report)), said = server.report();
    lost += client.number("total.lost") + client.number("total.late");
    EXPECT_EQ(report.server_exit, exit_status{.code = 0}) << to_table(report) << server.process.errors();
    EXPECT_EQ(client.number("total.lost"), 0) << to_table(report);
    EXPECT_EQ(client.number("total.late"), 0) << to_table(report);
    EXPECT_EQ(client.number("total.unexpected") + client.number("total.server_errors_after"), 0) << to_table(report);
    ASSERT_TRUE(said);
    EXPECT_EQ(said.text("result"), "drained");
    expect_ledgers_add_up(said);
    const std::string log = server.process.errors();
    const auto first = log.find("shutting down: ");
    EXPECT_NE(first, log.npos) << log;
    EXPECT_EQ(log.find("shutting down: ", first + 1), log.npos) << log;
  }
  EXPECT_EQ(valid, wanted) << "the machine is too busy to send 1,000 signals in half a second";
  std::printf("measure: 1,000 signals from 5 senders: %d runs, sent within %.0f ms at most, lost or late %.0f\n", valid,
              to_ms(longest), lost);
}

TEST(signals, that_go_on_until_the_process_is_gone_do_not_kill_it) {
  for (int i = 0; i < runs(20, 3); ++i) {
    senders all(2, 300, 300ms);
    testbed server;
    all.release_on(server.process.pid());
    EXPECT_EQ(server.wait(), exit_status{.code = 0})
        << server.process.errors();  // not reaped before: no stranger is hit
    EXPECT_GT(all.fired(), 0s);
  }
}

TEST(signals, a_second_apart_force_what_is_in_flight) {
  const auto m = measure({.server = {"--grace", "60s"},
                          .loads = {"inflight:5,path=/slow?ms=60000,expect=any", "idle:3"},
                          .signals = 2,
                          .spacing = 1s});
  ASSERT_EQ(m.exit, exit_status{.code = 3}) << m.table;
  EXPECT_EQ(m.report.text("result"), "forced");
  EXPECT_EQ(m.report.number("requests.forced"), 5) << m.table;
  EXPECT_EQ(m.report.number("connections.forced"), 5) << m.table;
  EXPECT_TRUE(m.report.text("errors.0").starts_with("asked a second time, by SIGTERM from pid "));
  expect_ledgers_add_up(m.report);
  // The handlers' last words or a cut, nothing else, and none before it was forced.
  EXPECT_EQ(m.client.number("loads.0.server_errors_after") + m.client.number("loads.0.lost"), 5) << m.table;
  EXPECT_GE(m.client.number("signal_to_exit_ms"), 1000) << m.table;
  EXPECT_LT(m.client.number("signal_to_exit_ms"), 20'000) << m.table;  // 60 s of grace, which it did not wait for
}

TEST(signals, closer_together_than_half_a_second_do_not_force) {
  const auto m = measure({.loads = {"inflight:5,path=/slow?ms=1500"}, .signals = 4, .spacing = 20ms});
  ASSERT_EQ(m.exit, exit_status{.code = 0}) << m.table;
  EXPECT_EQ(m.client.number("total.answered"), 5) << m.table;
  EXPECT_EQ(m.report.number("requests.forced"), 0);
}

// systemd with SendSIGHUP=yes, and a terminal that closes while its program is told to end.
TEST(signals, hang_up_amid_a_drain_loses_nothing) {
  for (const int second : {SIGHUP, SIGPIPE, SIGXCPU}) {
    SCOPED_TRACE(second);
    testbed server({"--log", "info"});
    raw_client slow(lastcall::testing::parse_server_address(server.url()),
                    "GET /slow?ms=1000 HTTP/1.1\r\nHost: a\r\n\r\n");
    server.process.signal(SIGTERM);
    ASSERT_TRUE(server.process.wait_for_error_line("shutting down", deadline(20s)));
    std::this_thread::sleep_for(520ms);  // from then on another signal is another request
    server.process.signal(second);
    EXPECT_TRUE(slow.read_reply().bytes.ends_with("slow\n"));
    EXPECT_EQ(server.wait(), exit_status{.code = 0}) << server.process.errors();
    EXPECT_EQ(server.report().text("cause.signal"), "SIGTERM");
  }
}

TEST(signals, hang_up_is_what_the_program_says) {
  for (const std::string is : {"end", "reload", "ignore"}) {
    SCOPED_TRACE(is);
    testbed server({"--sighup", is});
    server.process.signal(SIGHUP);
    if (is != "end") {
      EXPECT_TRUE(raw_client(lastcall::testing::parse_server_address(server.url()), "GET / HTTP/1.1\r\nHost: a\r\n\r\n")
                      .read_reply()
                      .bytes.ends_with("hello\n"));
      server.process.signal(SIGTERM);
    }
    EXPECT_EQ(server.wait(), exit_status{.code = 0}) << server.process.errors();
    EXPECT_EQ(server.report().text("cause.signal"), is == "end" ? "SIGHUP" : "SIGTERM");
  }
}

/// Hangs when it is told to drain, and looks at nothing.
struct deaf_component : lastcall::component {
  void drain(lastcall::context, lastcall::drained) override {
    for (;;) ::pause();
  }
};

TEST(signals, a_third_time_end_even_a_process_that_hangs_with_128_and_the_number) {
  for (const int third : {SIGTERM, SIGINT}) {
    int ends[2];
    ASSERT_EQ(::pipe(ends), 0);
    const pid_t pid = ::fork();
    if (pid == 0) {
      lastcall::app app({.grace = 1h, .log = lastcall::log_level::none, .environment = false});
      app.add("deaf", std::make_unique<deaf_component>());
      std::thread([&app, to = ends[1]] {
        while (!app.ready()) std::this_thread::yield();
        [[maybe_unused]] const auto told = ::write(to, "!", 1);
      }).detach();
      ::_exit(app.run());
    }
    ::close(ends[1]);
    char ready = 0;
    EXPECT_EQ(::read(ends[0], &ready, 1), 1);
    ::close(ends[0]);
    pollfd gone{.fd = static_cast<int>(::syscall(SYS_pidfd_open, pid, 0)), .events = POLLIN, .revents = 0};
    for (const int number : {SIGTERM, SIGTERM}) {
      ::kill(pid, number);
      EXPECT_EQ(::poll(&gone, 1, 700), 0) << "it left before the third";
    }
    const auto sent = now();
    ::kill(pid, third);
    EXPECT_EQ(::poll(&gone, 1, 20'000), 1) << "it is still there";
    const auto took = now() - sent;
    ::close(gone.fd);
    ::kill(pid, SIGKILL);
    int status = 0;
    ASSERT_EQ(::waitpid(pid, &status, 0), pid);
    EXPECT_TRUE(WIFEXITED(status));
    EXPECT_EQ(WEXITSTATUS(status), 128 + third);
    std::printf("measure: third signal to a process that hangs: gone after %.1f ms\n", to_ms(took));
  }
}

/// A testbed that is signalled at a moment of its start, which takes 300 ms.
class starting : public lastcall::testing::program {
 public:
  starting() : program({process_tests::program("testbed"), "--port", "0", "--start-delay", "300ms", "--log", "info"}) {}
  duration since_exec() const { return now() - executed_; }

 private:
  lastcall::time_point executed_ = now();
};

/// Exit 0, a report that says so, and nothing that had started was left behind.
void expect_clean(const lastcall::testing::program_end& end, int number) {
  ASSERT_EQ(end.exit, exit_status{.code = 0}) << to_text(end);
  ASSERT_TRUE(end.report) << to_text(end);
  const lastcall::report& report = *end.report;
  EXPECT_EQ(report.outcome, lastcall::outcome::graceful);
  EXPECT_EQ(report.exit_code, 0);
  EXPECT_EQ(report.cause.signal, number == SIGINT ? "SIGINT" : "SIGTERM");
  EXPECT_THAT(report.errors, testing::IsEmpty());
  for (const lastcall::component_report& c : report.components) {
    EXPECT_EQ(c.stopped, c.start_ms.has_value()) << c.name;
    EXPECT_FALSE(c.hung) << c.name;
  }
  EXPECT_TRUE(report.connections().adds_up());
  EXPECT_TRUE(report.requests().adds_up());
}

class starts : public testing::Test {
 protected:
  // Printed, so that a failure can be had again.
  const unsigned seed_ = std::random_device{}();
  std::mt19937 random_{seed_};

  void SetUp() override { std::printf("seed %u\n", seed_); }
  duration up_to(duration most) {
    return duration(std::uniform_int_distribution<duration::rep>(0, most.count())(random_));
  }
  int either() { return random_() % 2 == 0 ? SIGINT : SIGTERM; }
};

TEST_F(starts, end_cleanly_at_any_moment_once_the_handler_stands) {
  int before_ready = 0;
  duration earliest = 1h;
  const int all = runs(200, sanitized ? 10 : 30);
  for (int i = 0; i < all && !HasFailure(); ++i) {
    starting it;
    const int number = either();
    ASSERT_TRUE(it.wait_until_it_catches(number, deadline(20s))) << it.process().errors();
    earliest = std::min(earliest, it.since_exec());
    it.let_run_for(up_to(330ms));
    const auto end = it.stop(number);
    expect_clean(end, number);
    before_ready += end.output.empty() ? 1 : 0;
  }
  EXPECT_GT(before_ready, all / 2) << "most were meant to come before it served";
  std::printf(
      "measure: signals at random moments of a start of 300 ms: %d, of them before it served %d; handler stands "
      "%.1f ms after exec at the earliest\n",
      all, before_ready, to_ms(earliest));
}

TEST_F(starts, are_killed_by_a_signal_only_before_there_is_a_handler) {
  int killed = 0;
  duration latest{};
  const int all = runs(200, sanitized ? 10 : 30);
  for (int i = 0; i < all && !HasFailure(); ++i) {
    starting it;
    const int number = either();
    it.let_run_for(up_to(20ms));
    const bool caught = it.catches(number);
    const duration at = it.since_exec();
    const auto end = it.stop(number);
    if (!caught && end.exit == exit_status{.code = -1, .signal = number}) {  // before main() it is the kernel's
      ++killed;
      latest = std::max(latest, at);
    } else {
      expect_clean(end, number);
    }
  }
  std::printf(
      "measure: signals within 20 ms after exec: %d, of them the kernel's, since no handler stood: %d, the last %.1f "
      "ms after exec\n",
      all, killed, to_ms(latest));
}

TEST(signals, that_nobody_can_catch_are_refused_with_the_reason) {
  for (const auto& [number, name] : {std::pair{SIGKILL, "SIGKILL"}, {SIGSTOP, "SIGSTOP"}}) {
    try {
      lastcall::app app({.signals = {SIGTERM, number}, .log = lastcall::log_level::none, .environment = false});
      FAIL() << name << " was taken";
    } catch (const std::invalid_argument& error) {
      EXPECT_THAT(error.what(), AllOf(HasSubstr(name), HasSubstr("caught"))) << error.what();
    }
  }
}

}  // namespace
