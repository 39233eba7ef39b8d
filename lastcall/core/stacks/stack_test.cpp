#include "lastcall/core/stacks/stack.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <link.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <csignal>
#include <cstdint>
#include <ctime>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "lastcall/core/stacks/stack_double_test.hpp"
#include "lastcall/core/stacks/symbols.hpp"
#include "lastcall/core/stacks/thread_facts.hpp"

namespace lastcall {

std::atomic<pid_t> spinning{0};  // the thread that has come that far

constexpr int spins_at = __LINE__ + 1;
[[gnu::noinline]] void spins_here(const bool& over) {
  spinning = gettid();
  while (!__atomic_load_n(&over, __ATOMIC_RELAXED)) {}  // not std::atomic: unoptimised, that is a function of its own
}

[[gnu::noinline]] void locks_here(std::mutex& mutex) { const std::lock_guard lock(mutex); }

std::string text_of(const thread_stack& one) { return to_text(std::span(&one, 1)); }

[[gnu::noinline]] void reads_here(int fd) {
  char byte;
  while (read(fd, &byte, 1) < 0 && errno == EINTR) {}
}

[[gnu::noinline]] void sleeps_here(const std::atomic<bool>& over) {
  const timespec long_time{20, 0};
  while (!over.load()) nanosleep(&long_time, nullptr);  // a signal ends it early
}

[[gnu::noinline]] int holds_the_loader_here(dl_phdr_info*, std::size_t, void* fd) {
  reads_here(*static_cast<int*>(fd));
  return 1;
}

namespace stack_test {

using namespace std::chrono_literals;
using ::testing::AllOf;
using ::testing::Contains;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;
using ::testing::StartsWith;

const stack_limits plain{.answer = 10s, .names = 0s};  // who must answer has long; without libdw

struct pipe_ends {
  int ends[2];
  pipe_ends() { EXPECT_EQ(pipe(ends), 0); }
  ~pipe_ends() {
    close(ends[0]);
    close(ends[1]);
  }
  void let_go() const { EXPECT_EQ(write(ends[1], "x", 1), 1); }
};

#ifndef __SANITIZE_THREAD__
// ThreadSanitizer runs a handler when the thread next calls into its runtime, not where the thread stands: one that
// loops or sleeps in the kernel does not answer, and frames are those of the runtime.

const stack_limits patient{.answer = 10s, .names = 20s};

bool spins(const standing_thread& thread) {
  return comes_true([&] { return spinning.load() == thread.tid(); });
}

TEST(stack, shows_a_thread_in_an_endless_loop) {
  bool over = false;
  const standing_thread thread([&] { spins_here(over); }, [&] { __atomic_store_n(&over, true, __ATOMIC_RELAXED); });
  ASSERT_TRUE(spins(thread));
  const auto stack = capture_stack(thread.tid(), patient);
  ASSERT_TRUE(stack);
  EXPECT_EQ(stack->answer, stack_answer::given);
  EXPECT_EQ(stack->waits, "");
  ASSERT_THAT(stack->frames, Not(IsEmpty()));
  EXPECT_THAT(stack->frames[0], StartsWith("lastcall::spins_here(bool const&)"));  // and nothing of ours before it
}

TEST(stack, gives_file_and_line) {
  const std::uintptr_t known[] = {reinterpret_cast<std::uintptr_t>(&spins_here) + 1};
  if (detail::names_from_debug_info(known).empty())
    GTEST_SKIP() << "skipped: built without libdw, or it is not installed";
  bool over = false;
  const standing_thread thread([&] { spins_here(over); }, [&] { __atomic_store_n(&over, true, __ATOMIC_RELAXED); });
  ASSERT_TRUE(spins(thread));
  const auto stack = capture_stack(thread.tid(), patient);
  ASSERT_TRUE(stack);
  const std::string where = "stack_test.cpp:" + std::to_string(spins_at + 2) + ")";  // the loop's line
  EXPECT_THAT(stack->frames, Contains(testing::AllOf(HasSubstr("spins_here("), HasSubstr(where))));
}

TEST(stack, shows_a_thread_that_waits_for_a_lock) {
  std::mutex mutex;
  mutex.lock();
  const standing_thread thread([&] { locks_here(mutex); }, [&] { mutex.unlock(); });
  ASSERT_TRUE(thread.comes_to_wait("futex"));
  const auto stack = capture_stack(thread.tid(), plain);
  ASSERT_TRUE(stack);
  EXPECT_EQ(stack->waits, "futex");
  EXPECT_THAT(stack->frames, Contains(HasSubstr("locks_here")));
}

TEST(stack, shows_a_thread_in_a_read_which_goes_on_afterwards) {
  pipe_ends ends;
  const standing_thread thread([&] { reads_here(ends.ends[0]); }, [&] { ends.let_go(); });
  ASSERT_TRUE(thread.comes_to_wait("read"));
  for (int again = 0; again < 3; ++again) {
    const auto stack = capture_stack(thread.tid(), plain);
    ASSERT_TRUE(stack);
    EXPECT_THAT(stack->waits, StartsWith("read on fd " + std::to_string(ends.ends[0]) + " (pipe:["));
    EXPECT_THAT(stack->frames, Contains(HasSubstr("reads_here")));
    ASSERT_TRUE(thread.comes_to_wait("read"));
  }
}

TEST(stack, shows_a_thread_that_sleeps_and_may_end_its_sleep_early) {
  std::atomic<bool> over{false};
  std::optional<standing_thread> thread;
  thread.emplace([&] { sleeps_here(over); }, [] {});
  ASSERT_TRUE(thread->comes_to_wait("clock_nanosleep"));
  const auto stack = capture_stack(thread->tid(), plain);
  ASSERT_TRUE(stack);
  EXPECT_THAT(stack->frames, Contains(HasSubstr("sleeps_here")));
  ASSERT_TRUE(thread->comes_to_wait("clock_nanosleep"));  // again, by its own loop
  over = true;
  const time_point before = steady().now();
  EXPECT_TRUE(capture_stack(thread->tid(), plain));
  thread.reset();
  EXPECT_LT(steady().now() - before, 15s);  // its 20 s ended early, as is documented
}

TEST(stack, shows_the_calling_thread_too) {
  const auto stack = capture_stack(gettid(), plain);
  ASSERT_TRUE(stack);
  EXPECT_EQ(stack->answer, stack_answer::given);
  EXPECT_THAT(stack->frames, Contains(HasSubstr("capture_stack")));
}

TEST(stack, is_cut_at_64_frames) {
  bool over = false;
  struct deep {
    static void go(int left, const bool& until) {
      if (left == 0) return spins_here(until);
      go(left - 1, until);
      asm volatile("");  // no tail call
    }
  };
  const standing_thread thread([&] { deep::go(500, over); }, [&] { __atomic_store_n(&over, true, __ATOMIC_RELAXED); });
  ASSERT_TRUE(comes_true([&] {
    const auto stack = capture_stack(thread.tid(), plain);
    return stack && stack->frames.size() == 64;
  }));
}

TEST(stack, is_there_although_a_thread_holds_the_lock_of_the_loader) {
  pipe_ends ends;
  const standing_thread thread([&] { dl_iterate_phdr(holds_the_loader_here, &ends.ends[0]); }, [&] { ends.let_go(); });
  ASSERT_TRUE(thread.comes_to_wait("read"));
  const auto stack = capture_stack(thread.tid(), {.answer = 10s, .names = 50ms});
  ASSERT_TRUE(stack);
  EXPECT_THAT(stack->frames, Contains(HasSubstr("holds_the_loader_here")));
}
/// Until its child has exited the kernel lets this thread do nothing, not even take a signal.
[[gnu::noinline]] void waits_for_a_child(int descriptor) {
  const pid_t child = vfork();
  if (child == 0) {
    char c;
    _exit(read(descriptor, &c, 1) == 1 ? 0 : 1);
  }
  int status = 0;
  EXPECT_EQ(waitpid(child, &status, 0), child);
}

TEST(stack, tells_of_a_thread_that_does_not_answer_within_20_ms_what_the_kernel_knows) {
  pipe_ends ends;
  const standing_thread thread([&] { waits_for_a_child(ends.ends[0]); }, [&] { ends.let_go(); });
  ASSERT_TRUE(comes_true([&] {
    const auto facts = facts_of_thread(thread.tid());
    return facts && facts->state == 'D';
  }));
  const time_point before = steady().now();
  const auto stack = capture_stack(thread.tid());
  EXPECT_GE(steady().now() - before, 20ms);
  ASSERT_TRUE(stack);
  EXPECT_EQ(stack->answer, stack_answer::late);
  EXPECT_THAT(stack->frames, IsEmpty());
  EXPECT_EQ(stack->state, 'D');
  EXPECT_THAT(stack->waits, StartsWith("vfork"));
  EXPECT_THAT(text_of(*stack), HasSubstr("no frames: it did not answer in time"));
}
#endif  // __SANITIZE_THREAD__

TEST(stack, tells_of_a_thread_that_blocks_signals_what_the_kernel_knows) {
  pipe_ends ends;
  const standing_thread thread(
      [&] {
        sigset_t all;
        sigfillset(&all);
        pthread_sigmask(SIG_BLOCK, &all, nullptr);
        reads_here(ends.ends[0]);
      },
      [&] { ends.let_go(); });
  ASSERT_TRUE(thread.comes_to_wait("read"));
  const time_point before = steady().now();
  const auto stack = capture_stack(thread.tid(), {.answer = 10s});
  ASSERT_TRUE(stack);
  EXPECT_LT(steady().now() - before, 10s);  // nobody waits for an answer that can't come
  EXPECT_EQ(stack->answer, stack_answer::blocked);
  EXPECT_THAT(stack->frames, IsEmpty());
  EXPECT_EQ(stack->state, 'S');
  EXPECT_THAT(stack->waits, StartsWith("read on fd "));
  EXPECT_THAT(text_of(*stack), HasSubstr("no frames: it blocks signals"));
}

TEST(stack, is_not_asked_of_a_thread_that_takes_signals_itself) {
  std::atomic<int> taken{0};
  std::atomic<pthread_t> self{};
  const standing_thread thread(
      [&] {
        self = pthread_self();
        sigset_t all;
        sigfillset(&all);
        pthread_sigmask(SIG_BLOCK, &all, nullptr);
        for (int signal = 0; signal != SIGUSR1; ++taken) sigwait(&all, &signal);
      },
      [&] { pthread_kill(self, SIGUSR1); });
  ASSERT_TRUE(thread.comes_to_wait("rt_sigtimedwait"));
  const auto stack = capture_stack(thread.tid(), plain);
  ASSERT_TRUE(stack);
  EXPECT_EQ(stack->answer, stack_answer::blocked);
  EXPECT_EQ(taken, 0);
}

TEST(stack, is_empty_for_a_thread_that_is_not_there) { EXPECT_FALSE(capture_stack(getppid(), plain)); }

TEST(stack, leaves_the_programs_own_signals_alone_and_takes_its_own_back) {
  static std::atomic<int> theirs{0};
  struct sigaction mine{};
  mine.sa_handler = [](int) { ++theirs; };
  std::vector<int> all;
  for (int signal = SIGRTMIN; signal <= SIGRTMAX; ++signal) all.push_back(signal);
  for (const int signal : all) ASSERT_EQ(sigaction(signal, &mine, nullptr), 0);
  const auto none_free = capture_stack(gettid(), plain);
  ASSERT_TRUE(none_free);
  EXPECT_EQ(none_free->answer, stack_answer::unasked);

  struct sigaction standard{};
  standard.sa_handler = SIG_DFL;
  const int only = SIGRTMIN + 5;
  ASSERT_EQ(sigaction(only, &standard, nullptr), 0);
  const auto one_free = capture_stack(gettid(), plain);
  ASSERT_TRUE(one_free);
  EXPECT_EQ(one_free->answer, stack_answer::given);
  EXPECT_EQ(theirs, 0);
  for (const int signal : all) {
    struct sigaction now{};
    ASSERT_EQ(sigaction(signal, signal == only ? nullptr : &standard, &now), 0);
    if (signal == only)
      EXPECT_EQ(now.sa_handler, SIG_DFL);
    else
      EXPECT_EQ(now.sa_handler, mine.sa_handler) << signal;
  }
}

#ifndef __SANITIZE_THREAD__  // as above: a thread in a system call does not answer
TEST(stack, takes_of_the_registered_threads_those_that_are_wanted) {
  const pipe_ends of_first, of_second;  // one each: whoever is let go by a byte must be the one who reads it
  const auto work = [](const pipe_ends& ends, const char* component) {
    return [&ends, component] {
      const watched_thread here(component, "handler");
      const activity now("GET", "/block");
      reads_here(ends.ends[0]);
    };
  };
  const standing_thread first(work(of_first, "http"), [&] { of_first.let_go(); });
  const standing_thread second(work(of_second, "admin"), [&] { of_second.let_go(); });
  ASSERT_TRUE(first.comes_to_wait("read") && second.comes_to_wait("read"));
  const auto stacks = capture_stacks([](const thread_entry& of) { return of.component == "http"; }, plain);
  ASSERT_EQ(stacks.size(), 1u);
  EXPECT_EQ(stacks[0].tid, first.tid());
  EXPECT_EQ(stacks[0].role, "handler");
  EXPECT_EQ(stacks[0].activity, "GET /block");
  EXPECT_GT(stacks[0].age, 0s);
  EXPECT_EQ(capture_stacks(nullptr, {.answer = 10s, .names = 0s, .threads = 1}).size(), 1u);

  std::vector<thread_stack> before_names;
  const auto named = capture_stacks([](const thread_entry& of) { return of.component == "http"; }, plain,
                                    [&](const std::vector<thread_stack>& so_far) { before_names = so_far; });
  ASSERT_EQ(before_names.size(), 1u);
  EXPECT_EQ(before_names[0].activity, "GET /block");
  EXPECT_THAT(before_names[0].frames, AllOf(Contains(HasSubstr("+0x")), Not(Contains(HasSubstr("reads_here")))));
  ASSERT_EQ(named.size(), 1u);
  EXPECT_THAT(named[0].frames, Contains(HasSubstr("reads_here")));

  const std::size_t all = watched_thread::snapshot(100).size();  // others may be left behind by another test
  const std::string text = describe_threads(plain);
  EXPECT_THAT(text, StartsWith("stacks of " + std::to_string(all) + " registered threads, of "));
  EXPECT_THAT(text, HasSubstr(" http handler: GET /block for "));
  EXPECT_THAT(text, HasSubstr(" admin handler: GET /block for "));
}
#endif

thread_stack some_stack() {
  thread_stack made;
  made.tid = 12;
  made.name = "lastcall-block";
  made.component = "http";
  made.role = "handler";
  made.activity = "GET /block";
  made.age = 12'345ms;
  made.state = 'S';
  made.waits = "futex";
  made.frames = {"a() (a.cpp:1)", "b() (b.cpp:2)"};
  made.answer = stack_answer::given;
  return made;
}

TEST(stack, reads_as_lines) {
  EXPECT_EQ(text_of(some_stack()),
            "thread 12 (lastcall-block) http handler: GET /block for 12s; waits in futex\n"
            "    #0 a() (a.cpp:1)\n"
            "    #1 b() (b.cpp:2)\n");
  thread_stack bare;
  bare.tid = 13;
  bare.name = "x";
  bare.state = 'D';
  bare.answer = stack_answer::late;
  EXPECT_EQ(text_of(bare), "thread 13 (x): is in state D\n    no frames: it did not answer in time\n");
  bare.state = 'R';
  EXPECT_THAT(text_of(bare), HasSubstr("thread 13 (x): runs\n"));
}

TEST(stack, lets_nothing_out_that_steers_a_terminal) {
  thread_stack made = some_stack();
  made.activity = "GET /\x1b[2J\n";
  EXPECT_THAT(text_of(made), HasSubstr("GET /?[2J? for"));
}

TEST(stack, tells_the_same_stack_of_several_threads_once) {
  thread_stack other = some_stack();
  other.tid = 14;
  other.activity = "GET /other";
  thread_stack different = some_stack();
  different.tid = 13;
  different.frames.pop_back();
  const thread_stack all[] = {some_stack(), different, other};
  EXPECT_EQ(to_text(all),
            "thread 12 (lastcall-block) http handler: GET /block for 12s; waits in futex\n"
            "thread 14 (lastcall-block) http handler: GET /other for 12s; waits in futex\n"
            "    #0 a() (a.cpp:1)\n"
            "    #1 b() (b.cpp:2)\n"
            "thread 13 (lastcall-block) http handler: GET /block for 12s; waits in futex\n"
            "    #0 a() (a.cpp:1)\n");
}

}  // namespace stack_test
}  // namespace lastcall
