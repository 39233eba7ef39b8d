#include "lastcall/core/signals/signals.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <poll.h>
#include <semaphore.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <csignal>
#include <fstream>
#include <future>
#include <semaphore>
#include <stdexcept>
#include <string>
#include <thread>
#include <utility>
#include <vector>

namespace lastcall::signals_test {

using namespace std::chrono_literals;
using ::testing::HasSubstr;

constexpr auto generous = 20s;

// Counts what arrives; the last record can be read after `wait`.
struct seen {
  std::atomic<int> count{0};
  signal_record last;
  std::counting_semaphore<> arrived{0};

  function<void(const signal_record&)> callback() {
    return [this](const signal_record& record) {
      last = record;
      ++count;
      arrived.release();
    };
  }
  bool wait() { return arrived.try_acquire_for(generous); }
};

// The exit status of a function run in a child process; 256 + n when signal n ended it, -1 when it took too long.
template <class F> int status_of_child(F f) {
  const pid_t child = fork();
  if (child == 0) {
    f();
    _exit(99);
  }
  int status = 0;
  for (auto end = steady().now() + generous; steady().now() < end;) {
    if (waitpid(child, &status, WNOHANG) == child)
      return WIFEXITED(status) ? WEXITSTATUS(status) : 256 + WTERMSIG(status);
    poll(nullptr, 0, 1);
  }
  kill(child, SIGKILL);
  waitpid(child, &status, 0);
  return -1;
}

// True once the thread sleeps in the kernel.
bool sleeps(pid_t thread) {
  for (const auto end = steady().now() + generous; steady().now() < end; poll(nullptr, 0, 1)) {
    std::ifstream file("/proc/self/task/" + std::to_string(thread) + "/stat");
    std::string text;
    std::getline(file, text);
    if (text.find(") S ") != text.npos) return true;
  }
  return false;
}

TEST(signals, hands_over_number_sender_and_time) {
  seen got;
  signals caught({SIGUSR1}, got.callback());
  const time_point before = steady().now();
  kill(getpid(), SIGUSR1);
  ASSERT_TRUE(got.wait());
  EXPECT_EQ(got.last.number, SIGUSR1);
  EXPECT_EQ(got.last.code, SI_USER);
  EXPECT_EQ(got.last.pid, getpid());
  EXPECT_EQ(got.last.uid, getuid());
  EXPECT_GE(got.last.at, before);
  EXPECT_LE(got.last.at, steady().now());
  EXPECT_EQ(describe_sender(got.last), "this process");
}

TEST(signals, names_a_sender_that_is_still_there) {
  seen got;
  signals caught({SIGUSR1}, got.callback());
  const pid_t child = fork();
  if (child == 0) {
    kill(getppid(), SIGUSR1);
    pause();
    _exit(0);
  }
  ASSERT_TRUE(got.wait());
  kill(child, SIGKILL);
  waitpid(child, nullptr, 0);
  EXPECT_THAT(describe_sender(got.last), HasSubstr("pid " + std::to_string(child) + " ("));
}

TEST(signals, describes_senders_that_have_no_pid) {
  EXPECT_EQ(describe_sender({.number = SIGTERM, .code = SI_USER}), "outside this container");
  EXPECT_EQ(describe_sender({.number = SIGINT, .code = SI_KERNEL}), "terminal");
  EXPECT_EQ(describe_sender({.number = SIGALRM, .code = SI_TIMER, .pid = 0}), "kernel");
  EXPECT_EQ(describe_sender({.number = SIGTERM, .code = SI_USER, .pid = 123, .sender = "kubelet"}),
            "pid 123 (kubelet)");
  EXPECT_EQ(describe_sender({.number = SIGTERM, .code = SI_USER, .pid = 123}), "pid 123");
}

TEST(signals, survives_a_thousand_from_several_processes_and_threads) {
  std::atomic<bool> over{false};
  std::jthread before_us([&] {  // a thread from before the handler was there
    while (!over.load()) poll(nullptr, 0, 1);
  });
  seen got;
  signals caught({SIGUSR1, SIGUSR2}, got.callback());
  std::vector<pid_t> children;
  for (int sender = 0; sender < 4; ++sender) {
    const pid_t child = fork();
    if (child == 0) {
      for (int i = 0; i < 200; ++i) kill(getppid(), i % 2 == 0 ? SIGUSR1 : SIGUSR2);
      _exit(0);
    }
    children.push_back(child);
  }
  {
    std::vector<std::jthread> senders;
    for (int sender = 0; sender < 4; ++sender) {
      senders.emplace_back([] {
        for (int i = 0; i < 50; ++i) raise(SIGUSR1);
      });
    }
  }
  for (const pid_t child : children) waitpid(child, nullptr, 0);
  ASSERT_TRUE(got.wait());
  over = true;
  // raise() returns after the handler ran: these 200 can't have been merged by the kernel, and the pipe has room for
  // them.
  for (int more = 1; more < 200; ++more) ASSERT_TRUE(got.wait()) << more;
  EXPECT_LE(got.count.load(), 1000);
}

#ifndef __SANITIZE_THREAD__  // which now and then keeps a signal back from the only thread that takes it
TEST(signals, arrive_although_the_mask_was_inherited_blocked) {
  EXPECT_EQ(status_of_child([] {
              sigset_t all;
              sigfillset(&all);
              pthread_sigmask(SIG_BLOCK, &all, nullptr);
              signals caught({SIGTERM}, [](const signal_record&) { _exit(7); });
              kill(getpid(), SIGTERM);
              poll(nullptr, 0, 10'000);
            }),
            7);
}
#endif

extern "C" void count_usr1(int);
std::atomic<int> usr1_of_others{0};
extern "C" void count_usr1(int) { ++usr1_of_others; }

TEST(signals, gives_the_old_handler_back) {
  struct sigaction mine{};
  struct sigaction original{};
  mine.sa_handler = count_usr1;
  sigaction(SIGUSR1, &mine, &original);
  usr1_of_others = 0;
  {
    seen got;
    signals caught({SIGUSR1}, got.callback());
    raise(SIGUSR1);
    ASSERT_TRUE(got.wait());
    EXPECT_EQ(usr1_of_others, 0);
  }
  raise(SIGUSR1);
  EXPECT_EQ(usr1_of_others, 1);
  sigaction(SIGUSR1, &original, nullptr);
}

TEST(signals, leaves_a_handler_alone_that_somebody_installed_over_ours) {
  struct sigaction theirs{};
  struct sigaction original{};
  sigaction(SIGUSR1, nullptr, &original);
  theirs.sa_handler = count_usr1;
  {
    signals caught({SIGUSR1}, [](const signal_record&) {});
    sigaction(SIGUSR1, &theirs, nullptr);
  }
  struct sigaction now{};
  sigaction(SIGUSR1, &original, &now);
  EXPECT_EQ(now.sa_handler, count_usr1);
}

// Runs `blocked` on a thread of its own, sends that thread a hundred signals, calls `unblock` and returns what
// `blocked` did.
template <class F, class G> long while_interrupted(F blocked, G unblock) {
  seen got;
  signals caught({SIGUSR1}, got.callback());
  std::promise<std::pair<pthread_t, pid_t>> started;
  auto answer = std::async(std::launch::async, [&] {
    started.set_value({pthread_self(), gettid()});
    return static_cast<long>(blocked());
  });
  const auto [thread, id] = started.get_future().get();
  for (int i = 0; i < 100; ++i) {
    EXPECT_TRUE(sleeps(id));
    pthread_kill(thread, SIGUSR1);
    if (!got.wait()) {
      ADD_FAILURE() << "signal " << i << " did not arrive";
      break;
    }
  }
  unblock();
  return answer.get();
}

TEST(signals, does_not_interrupt_a_thread_that_waits) {
  sem_t semaphore;
  ASSERT_EQ(sem_init(&semaphore, 0, 0), 0);
  EXPECT_EQ(while_interrupted([&] { return sem_wait(&semaphore); }, [&] { sem_post(&semaphore); }), 0);
  sem_destroy(&semaphore);
}

#ifndef __SANITIZE_THREAD__  // which runs no handler inside a blocked read, but puts it off until the read returns
TEST(signals, does_not_interrupt_a_blocked_read) {
  int ends[2];
  ASSERT_EQ(pipe(ends), 0);
  char byte = 0;
  EXPECT_EQ(while_interrupted([&] { return read(ends[0], &byte, 1); }, [&] { EXPECT_EQ(write(ends[1], "x", 1), 1); }),
            1);
  close(ends[0]);
  close(ends[1]);
}
#endif

TEST(signals, keeps_errno_for_whoever_it_interrupts) {
  seen got;
  signals caught({SIGUSR1}, got.callback());
  errno = 1234;
  raise(SIGUSR1);
  EXPECT_EQ(errno, 1234);
  ASSERT_TRUE(got.wait());
}

TEST(signals, refuses_sigkill_and_leaves_nothing_behind) {
  try {
    signals caught({SIGUSR1, SIGKILL}, [](const signal_record&) {});
    FAIL() << "SIGKILL was accepted";
  } catch (const std::invalid_argument& error) {
    EXPECT_THAT(error.what(), HasSubstr("SIGKILL can't be caught"));
  }
  seen got;
  signals again({SIGUSR1}, got.callback());  // the claim on SIGUSR1 was given back
  raise(SIGUSR1);
  EXPECT_TRUE(got.wait());
}

TEST(signals, refuses_a_signal_that_another_object_catches) {
  signals first({SIGUSR1}, [](const signal_record&) {});
  signals other({SIGUSR2}, [](const signal_record&) {});
  try {
    signals second({SIGUSR1}, [](const signal_record&) {});
    FAIL() << "SIGUSR1 was accepted twice";
  } catch (const std::invalid_argument& error) {
    EXPECT_THAT(error.what(), HasSubstr("SIGUSR1 is caught by another"));
  }
}

TEST(signals, takes_the_same_number_twice_in_one_list_for_once) {
  seen got;
  signals caught({SIGUSR1, SIGUSR1}, got.callback());
  raise(SIGUSR1);
  EXPECT_TRUE(got.wait());
}

TEST(signals, respects_an_ignored_sighup) {
  struct sigaction ignore{};
  struct sigaction original{};
  ignore.sa_handler = SIG_IGN;
  sigaction(SIGHUP, &ignore, &original);
  {
    seen got;
    signals caught({SIGHUP, SIGUSR1}, got.callback());
    raise(SIGHUP);
    raise(SIGUSR1);
    ASSERT_TRUE(got.wait());
    EXPECT_EQ(got.last.number, SIGUSR1);
    EXPECT_EQ(got.count, 1);
  }
  sigaction(SIGHUP, &original, nullptr);
}

#ifndef __SANITIZE_THREAD__  // whose own handler stands between the kernel's default action and the child
TEST(signals, lets_a_forked_child_die_by_what_the_parent_catches) {
  seen got;
  const auto before = std::signal(SIGTERM, SIG_DFL);  // an app of an earlier test may have left its own
  signals caught({SIGTERM}, got.callback());
  EXPECT_EQ(status_of_child([] {
              raise(SIGTERM);
              poll(nullptr, 0, 10'000);
            }),
            256 + SIGTERM);
  EXPECT_EQ(got.count, 0);
  raise(SIGTERM);
  EXPECT_TRUE(got.wait());
  std::signal(SIGTERM, before);
}
#endif

TEST(signals, wakes_at_the_time_asked_for_even_without_signals) {
  std::promise<time_point> woken;
  signals none({}, nullptr);
  const time_point asked = steady().now() + 20ms;
  none.wake_at(asked, [&] { woken.set_value(steady().now()); });
  auto when = woken.get_future();
  ASSERT_EQ(when.wait_for(generous), std::future_status::ready);
  EXPECT_GE(when.get(), asked);
}

TEST(signals, wakes_at_once_for_a_time_that_has_passed) {
  std::promise<void> woken;
  signals none({}, nullptr);
  none.wake_at(time_point::min(), [&] { woken.set_value(); });
  EXPECT_EQ(woken.get_future().wait_for(generous), std::future_status::ready);
}

TEST(signals, counts_only_the_last_wake_up) {
  std::promise<int> woken;
  signals none({}, nullptr);
  none.wake_at(steady().now() + 1h, [&] { woken.set_value(1); });
  none.wake_at(steady().now() + 2h, [&] { woken.set_value(2); });
  none.wake_at(steady().now(), [&] { woken.set_value(3); });
  auto which = woken.get_future();
  ASSERT_EQ(which.wait_for(generous), std::future_status::ready);
  EXPECT_EQ(which.get(), 3);
}

TEST(signals, does_not_wake_once_it_is_gone) {
  std::atomic<int> woken{0};
  seen got;
  {
    signals caught({SIGUSR1}, got.callback());
    for (int i = 0; i < 1000; ++i) caught.wake_at(steady().now() + 1h, [&] { ++woken; });
    raise(SIGUSR1);
    ASSERT_TRUE(got.wait());
  }
  EXPECT_EQ(woken, 0);
}

TEST(signals, can_leave_the_process_from_the_wake_up_while_the_main_thread_hangs) {
  EXPECT_EQ(status_of_child([] {
              signals caught({SIGTERM}, [](const signal_record&) {});
              caught.wake_at(steady().now() + 10ms, [] { _exit(4); });
              for (;;) pause();
            }),
            4);
}

}  // namespace lastcall::signals_test
