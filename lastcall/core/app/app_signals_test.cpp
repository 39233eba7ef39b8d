// An app and signals sent to this very process.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/mman.h>
#include <unistd.h>

#include <csignal>
#include <thread>

#include "lastcall/core/app/app.hpp"
#include "lastcall/core/lifecycle/component_double_test.hpp"

namespace lastcall::app_signals_test {

using namespace std::chrono_literals;
using ::testing::ElementsAre;
using testing_core::behaviour;
using testing_core::component_double;
using testing_core::journal;

// Under the thread sanitizer a thread takes its signals only when it calls something: yield() is nothing.
void take_a_moment() { std::this_thread::sleep_for(100us); }

#ifdef __SANITIZE_THREAD__
constexpr bool loses_signals = true;  // seen by strace: given to the main thread, and its handler never called
#else
constexpr bool loses_signals = false;
#endif

/// Waits until a signal that was sent is heard of; where signals get lost it is sent again.
template <class Heard> void wait_until(int number, const Heard& heard) {
  auto again = std::chrono::steady_clock::now() + 500ms;
  while (!heard()) {
    take_a_moment();
    if (!loses_signals || std::chrono::steady_clock::now() < again) continue;
    kill(getpid(), number);
    again += 500ms;
  }
}

template <class Heard> void send_until(int number, const Heard& heard) {
  kill(getpid(), number);
  wait_until(number, heard);
}

void end_by(int number, app& a) {
  send_until(number, [&] { return a.asked_to_end(); });
}

/// What is written to stderr while it lives. Nothing is lost between two looks, as with gtest's capture.
class caught_stderr {
 public:
  caught_stderr() : file_(memfd_create("stderr", MFD_CLOEXEC)), before_(dup(STDERR_FILENO)) {
    dup2(file_, STDERR_FILENO);
  }
  ~caught_stderr() {
    dup2(before_, STDERR_FILENO);
    close(before_);
    close(file_);
  }
  std::string text() const {
    std::string all(64 * 1024, '\0');
    const ssize_t size = pread(file_, all.data(), all.size(), 0);
    all.resize(size > 0 ? static_cast<std::size_t>(size) : 0);
    return all;
  }

 private:
  const int file_, before_;
};

class app_signals : public testing::TestWithParam<int> {
 protected:
  // Under nohup SIGHUP is ignored, which an app leaves as it is.
  app_signals() { signal(SIGHUP, SIG_DFL); }
  static app_options quiet() { return {.log = log_level::none, .environment = false}; }
  static std::jthread sends_when_ready(app& a, int number, int times = 1) {
    return std::jthread([&a, number, times](const std::stop_token& given_up) {
      while (!a.ready() && !given_up.stop_requested()) take_a_moment();
      for (int i = 1; i < times; ++i) kill(getpid(), number);
      end_by(number, a);
    });
  }
};

TEST_P(app_signals, end_a_serving_app_whichever_it_is) {
  journal notes;
  app a{quiet()};
  a.add("http", std::make_unique<component_double>("http", notes));
  const std::jthread sends = sends_when_ready(a, GetParam());
  EXPECT_EQ(a.run(), 0);
  EXPECT_THAT(notes.lines(), ElementsAre("start http", "announce http", "drain http", "stop http", "~http"));
}

INSTANTIATE_TEST_SUITE_P(, app_signals, testing::Values(SIGINT, SIGTERM),
                         [](const auto& param) { return param.param == SIGINT ? "SIGINT" : "SIGTERM"; });

TEST_F(app_signals, name_the_cause_in_the_report) {
  app a{quiet()};
  a.start();
  end_by(SIGTERM, a);
  EXPECT_FALSE(a.ready());
  const report& r = a.shutdown(deadline(1s));
  EXPECT_EQ(r.cause.kind, cause_kind::signal);
  EXPECT_EQ(r.cause.signal, "SIGTERM");
  EXPECT_EQ(r.cause.sender, "this process");
}

TEST_F(app_signals, in_a_burst_are_one_request) {
  journal notes;
  app a{quiet()};
  a.add("http", std::make_unique<component_double>("http", notes));
  const std::jthread sends = sends_when_ready(a, SIGTERM, 100);
  EXPECT_EQ(a.run(), 0);
}

TEST_F(app_signals, during_a_start_end_it_and_what_had_started) {
  journal notes;
  app a{quiet()};
  const auto pg = a.add("pg", std::make_unique<component_double>("pg", notes));
  behaviour slow{.start = [&a](context c) {
    end_by(SIGTERM, a);
    EXPECT_FALSE(c.wait_for(60s));
  }};
  const auto it = a.add("slow", std::make_unique<component_double>("slow", notes, std::move(slow)), {pg});
  a.add("next", std::make_unique<component_double>("next", notes), {it});
  EXPECT_EQ(a.run(), 0);
  EXPECT_THAT(notes.lines(), ElementsAre("start pg", "start slow", "drain slow", "stop slow", "drain pg", "stop pg",
                                         "~next", "~slow", "~pg"));
}

TEST_F(app_signals, during_a_start_that_throws_because_of_it_are_no_failure) {
  journal notes;
  app a{quiet()};
  a.add("slow", std::make_unique<component_double>("slow", notes, behaviour{.start = [&a](context c) {
                                                     end_by(SIGINT, a);
                                                     if (!c.wait_for(60s)) throw std::runtime_error("given up");
                                                   }}));
  EXPECT_EQ(a.run(), 0);
  EXPECT_THAT(notes.lines(), ElementsAre("start slow", "~slow"));
}

TEST_F(app_signals, before_the_run_are_not_missed) {
  journal notes;
  app a{quiet()};
  a.add("http", std::make_unique<component_double>("http", notes));
  end_by(SIGTERM, a);
  EXPECT_EQ(a.run(), 0);
  EXPECT_THAT(notes.lines(), ElementsAre("~http"));
}

TEST_F(app_signals, hup_reloads_and_ends_nothing) {
  std::atomic<int> reloads{0};
  app_options o = quiet();
  o.on_reload = [&] {
    ++reloads;
    throw std::runtime_error("a bad file is logged, and no more");
  };
  app a{o};
  std::jthread sends([&] {
    while (!a.ready()) take_a_moment();
    for (int i = 1; i <= 3; ++i) {
      send_until(SIGHUP, [&] { return reloads >= i; });
    }
    EXPECT_FALSE(a.asked_to_end());
    end_by(SIGTERM, a);
  });
  EXPECT_EQ(a.run(), 0);
  EXPECT_TRUE(loses_signals ? reloads >= 3 : reloads == 3) << reloads;
}

TEST_F(app_signals, hup_reloads_components_too_without_a_hook_of_the_program) {
  std::atomic<int> reloads{0};
  app_options o = quiet();
  o.sighup = hangup::reload;
  app a(std::move(o));
  a.also_reload([] { throw std::runtime_error("no such file"); });
  a.also_reload([&] { ++reloads; });
  std::thread killer([&] {
    while (!a.ready()) take_a_moment();
    send_until(SIGHUP, [&] { return reloads >= 1; });
    end_by(SIGTERM, a);
  });
  EXPECT_EQ(a.run(), 0);
  killer.join();
  EXPECT_TRUE(loses_signals ? reloads >= 1 : reloads == 1) << reloads;
  EXPECT_THROW(a.also_reload([] {}), std::logic_error);
}

TEST_F(app_signals, hup_stays_the_programs_own_where_it_catches_its_signals_itself) {
  struct sigaction before{};
  sigaction(SIGHUP, nullptr, &before);
  app_options o = quiet();
  o.signals = {};
  app a(std::move(o));
  a.also_reload([] {});
  struct sigaction now{};
  sigaction(SIGHUP, nullptr, &now);
  EXPECT_EQ(now.sa_handler, before.sa_handler);
}

TEST_F(app_signals, hup_during_a_reload_is_one_more) {
  std::atomic<int> reloads{0};
  std::atomic<bool> go_on{false};
  app_options o = quiet();
  o.on_reload = [&] {
    ++reloads;
    while (!go_on) take_a_moment();
  };
  app a{o};
  std::jthread sends([&] {
    while (!a.ready()) take_a_moment();
    send_until(SIGHUP, [&] { return reloads >= 1; });
    for (int i = 0; i < 5; ++i) kill(getpid(), SIGHUP);
    std::this_thread::sleep_for(50ms);  // not a wait for something: time for what must not come
    EXPECT_EQ(reloads, 1);
    go_on = true;
    wait_until(SIGHUP, [&] { return reloads >= 2; });
    end_by(SIGTERM, a);
  });
  EXPECT_EQ(a.run(), 0);
  EXPECT_TRUE(loses_signals ? reloads >= 2 : reloads == 2) << reloads;
}

TEST_F(app_signals, hup_cannot_both_end_and_reload) {
  app_options o = quiet();
  o.signals = {SIGHUP};
  o.on_reload = [] {};
  EXPECT_THROW(app{o}, std::invalid_argument);
  o.signals = {SIGTERM};
  for (const hangup other : {hangup::end, hangup::ignore}) {
    o.sighup = other;
    EXPECT_THROW(app{o}, std::invalid_argument);
  }
  o.on_reload = nullptr;
  o.signals = {SIGHUP};
  EXPECT_THROW(app{o}, std::invalid_argument);
}

void* handler_of(int number) {
  struct sigaction now{};
  sigaction(number, nullptr, &now);
  return reinterpret_cast<void*>(now.sa_sigaction);
}

TEST_F(app_signals, hup_ends_an_app_that_reloads_nothing_itself) {
  app a{quiet()};
  a.also_reload([] { ADD_FAILURE() << "certificates alone are no reason to reload"; });
  const std::jthread sends = sends_when_ready(a, SIGHUP);
  EXPECT_EQ(a.run(), 0);
}

TEST_F(app_signals, hup_can_be_ignored) {
  app_options o = quiet();
  o.sighup = hangup::ignore;
  app a{std::move(o)};
  a.start();
  kill(getpid(), SIGHUP);  // read before the next, whose record comes behind it
  end_by(SIGTERM, a);
  EXPECT_EQ(a.shutdown(deadline(1s)).cause.signal, "SIGTERM");
}

TEST_F(app_signals, hup_and_the_limit_of_cpu_time_amid_a_drain_force_nothing) {
  for (const int number : {SIGHUP, SIGXCPU}) {
    journal notes;
    app a{quiet()};
    behaviour drains{.drain = [&](context c, drained done) {
      c.wait_until_forced_for(600ms);  // time for what must not come; longer than one request lasts
      kill(getpid(), number);
      EXPECT_TRUE(c.wait_until_forced_for(100ms));
      done();
    }};
    a.add("http", std::make_unique<component_double>("http", notes, std::move(drains)));
    const std::jthread sends = sends_when_ready(a, SIGTERM);
    EXPECT_EQ(a.run(), 0);
  }
}

TEST_F(app_signals, xcpu_ends_an_app) {
  app a{quiet()};
  const std::jthread sends = sends_when_ready(a, SIGXCPU);
  EXPECT_EQ(a.run(), 0);
}

TEST_F(app_signals, pipe_does_nothing_while_an_app_lives) {
  {
    app a{quiet()};
    kill(getpid(), SIGPIPE);
    EXPECT_FALSE(a.asked_to_end());
  }
  EXPECT_EQ(handler_of(SIGPIPE), reinterpret_cast<void*>(SIG_DFL));
}

TEST_F(app_signals, that_are_not_named_stay_with_the_programs_own_handlers) {
  for (const int number : {SIGHUP, SIGXCPU, SIGPIPE}) {
    const auto before = signal(number, [](int) {});
    void* const own = handler_of(number);
    {
      app a{quiet()};
      EXPECT_EQ(handler_of(number), own) << number;
    }
    EXPECT_EQ(handler_of(number), own) << number;
    signal(number, before);
  }
  app a{quiet()};
  for (const int number : {SIGUSR1, SIGUSR2, SIGALRM})
    EXPECT_EQ(handler_of(number), reinterpret_cast<void*>(SIG_DFL)) << number;
}

TEST_F(app_signals, that_were_ignored_by_who_started_the_process_are_heard_but_for_hup) {
  for (const int number : {SIGINT, SIGTERM, SIGHUP}) signal(number, SIG_IGN);  // as a shell's & does, and nohup
  {
    app a{quiet()};
    EXPECT_EQ(handler_of(SIGHUP), reinterpret_cast<void*>(SIG_IGN));
    const std::jthread sends = sends_when_ready(a, SIGINT);
    EXPECT_EQ(a.run(), 0);
  }
  for (const int number : {SIGINT, SIGTERM, SIGHUP}) signal(number, SIG_DFL);
}

TEST_F(app_signals, that_another_handler_takes_before_all_has_started_are_named_in_one_line) {
  std::vector<std::string> lines;
  app_options o = quiet();
  o.log = log_level::warning;
  o.sink = [&](const log_record& r) {
    for (const log_field& f : r.fields) lines.push_back(std::string(r.text) + " " + std::string(f.value));
  };
  app a{std::move(o)};
  signal(SIGTERM, [](int) {});
  a.start();
  ASSERT_EQ(lines.size(), 1U);
  EXPECT_THAT(lines.front(), testing::HasSubstr("another handler"));
  EXPECT_THAT(lines.front(), testing::EndsWith(" SIGTERM"));
  a.shutdown(deadline(1s));
  signal(SIGTERM, SIG_DFL);
}

TEST_F(app_signals, quit_says_how_everything_stands_and_ends_nothing) {
  struct works : component {
    void in_progress(std::vector<work_item>& out, std::size_t) const override {
      out.push_back({.label = "counting sheep", .remote = "10.0.0.7:1"});
    }
  };
  app a{quiet()};
  a.add("shepherd", std::make_unique<works>());
  std::jthread sends([&] {
    while (!a.ready()) take_a_moment();
    std::string said;
    {
      const caught_stderr caught;
      send_until(SIGQUIT, [&] { return (said = caught.text()).find("sheep") != said.npos; });
    }
    EXPECT_THAT(said, testing::HasSubstr("lastcall: serving\n  shepherd: running\n"));
    EXPECT_THAT(said, testing::HasSubstr("shepherd is at work on counting sheep for 10.0.0.7:1"));
    EXPECT_FALSE(a.asked_to_end());
    end_by(SIGTERM, a);
  });
  EXPECT_EQ(a.run(), 0);
}

// What hangs in a start is to be seen too.
TEST_F(app_signals, quit_says_how_everything_stands_while_it_starts) {
  struct starts_slowly : component {
    explicit starts_slowly(std::atomic<bool>& go) : go_on(go) {}
    void start(context) override {
      inside = true;
      while (!go_on) take_a_moment();
    }
    std::atomic<bool>& go_on;
    std::atomic<bool> inside{false};
  };
  std::atomic<bool> go_on{false};
  app a{quiet()};
  auto added = std::make_unique<starts_slowly>(go_on);
  starts_slowly& slow = *added;
  a.add("slow", std::move(added));
  std::jthread sends([&] {
    while (!slow.inside) take_a_moment();
    std::string said;
    {
      const caught_stderr caught;
      send_until(SIGQUIT, [&] { return (said = caught.text()).find("slow verb: start slow") != said.npos; });
    }
    EXPECT_THAT(said, testing::HasSubstr("lastcall: starting\n  slow: starting\n"));
    go_on = true;
    while (!a.ready()) take_a_moment();
    end_by(SIGTERM, a);
  });
  EXPECT_EQ(a.run(), 0);
}

// Its thread is inside of what the program gave, so the components that it may use must not be destroyed meanwhile.
TEST_F(app_signals, hup_whose_reload_goes_on_is_waited_for_before_anything_is_destroyed) {
  std::atomic<bool> inside{false}, over{false};
  struct looks : component {
    explicit looks(std::atomic<bool>& o) : over(o) {}
    ~looks() override { EXPECT_TRUE(over); }
    std::atomic<bool>& over;
  };
  app_options o = quiet();
  o.on_reload = [&] {
    inside = true;
    std::this_thread::sleep_for(100ms);
    over = true;
  };
  app a{o};
  a.add("used", std::make_unique<looks>(over));
  std::jthread sends([&] {
    while (!a.ready()) take_a_moment();
    send_until(SIGHUP, [&] { return inside.load(); });
    end_by(SIGTERM, a);
  });
  EXPECT_EQ(a.run(), 0);
}

}  // namespace lastcall::app_signals_test
