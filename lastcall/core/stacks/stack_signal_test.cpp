// How asking for stacks holds against threads that are busy, that come and go, and that answer late or never.
#include "lastcall/core/stacks/stack_signal.hpp"

#include <dlfcn.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <cerrno>
#include <csignal>
#include <cstdlib>
#include <string>
#include <thread>
#include <vector>

#include "lastcall/core/stacks/stack.hpp"
#include "lastcall/core/stacks/stack_double_test.hpp"

namespace lastcall::stack_signal_test {

using namespace std::chrono_literals;

constexpr duration long_time = 10s;

/// Threads that do `body` again and again until the end of this.
class busy_threads {
 public:
  template <class F> busy_threads(int count, F body) {
    for (int i = 0; i < count; ++i)
      threads_.emplace_back([this, body] {
        tids_[static_cast<std::size_t>(ready_.fetch_add(1))] = gettid();
        while (!over_.load(std::memory_order_relaxed)) body();
      });
    EXPECT_TRUE(comes_true([&] { return ready_.load() == count; }));
  }
  ~busy_threads() {
    over_ = true;
    for (std::thread& each : threads_) each.join();
  }

  std::vector<thread_facts> facts() const {
    std::vector<thread_facts> all;
    for (int i = 0; i < ready_.load(); ++i)
      if (auto known = facts_of_thread(tids_[static_cast<std::size_t>(i)])) all.push_back(std::move(*known));
    return all;
  }

 private:
  std::atomic<bool> over_{false};
  std::atomic<int> ready_{0};
  std::array<std::atomic<pid_t>, 64> tids_{};
  std::vector<std::thread> threads_;
};

void allocates() {
  void* volatile kept[32];
  for (std::size_t i = 0; i < 32; ++i) kept[i] = std::malloc(16 << (i % 8));
  for (std::size_t i = 0; i < 32; ++i) std::free(kept[i]);
#ifndef __SANITIZE_THREAD__  // which does not see the loader's own locks
  if (void* const library = dlopen("libBrokenLocale.so.1", RTLD_NOW)) dlclose(library);
#endif
}

TEST(stack_signal, is_answered_by_threads_that_allocate_and_load_libraries_furiously) {
  const busy_threads busy(4, allocates);
  int given = 0;
  for (int i = 0; i < 200; ++i)
    for (const raw_stack& each : ask_for_stacks(busy.facts(), long_time)) {
      EXPECT_EQ(each.addresses.empty(), each.answer != stack_answer::given);
      if (each.answer == stack_answer::given) ++given;
    }
  // Not of all 800: a thread that blocks signals for a moment is not asked, be it that the handler of the question
  // before is about to return.
  EXPECT_GT(given, 400);
}

TEST(stack_signal, asks_more_threads_than_there_is_room_for_at_once) {
  const busy_threads busy(50, [] { poll(nullptr, 0, 1); });
  const auto facts = busy.facts();
  ASSERT_EQ(facts.size(), 50u);
  for (const raw_stack& each : ask_for_stacks(facts, long_time)) EXPECT_EQ(each.answer, stack_answer::given);
}

TEST(stack_signal, never_piles_its_handlers_up_on_one_stack) {
  const busy_threads busy(1, [] {});
  for (int i = 0; i < 2000; ++i) {
    for (const raw_stack& each : ask_for_stacks(busy.facts(), i % 2 == 0 ? long_time : duration::zero()))
      EXPECT_LT(each.addresses.size(), 20U);
  }
}

TEST(stack_signal, stays_sound_when_nobody_waits_for_the_answers) {
  const busy_threads busy(4, allocates);
  int late = 0;
  for (int i = 0; i < 1000; ++i)
    for (const raw_stack& each : ask_for_stacks(busy.facts(), duration::zero()))
      if (each.answer == stack_answer::late) ++late;
  EXPECT_GT(late, 0);
  // Handlers of those questions may still run: now they would be taken for answers to these, if anything could be.
  for (int i = 0; i < 50; ++i)
    for (const raw_stack& each : ask_for_stacks(busy.facts(), long_time)) EXPECT_NE(each.answer, stack_answer::late);
}

/// Tests of what hangs leave their threads behind, if all run in one process.
const auto not_hung_elsewhere = [](const thread_entry& of) { return of.component != "x"; };

TEST(stack_signal, leaves_out_threads_that_have_ended) {
  std::atomic<bool> over{false};
  std::vector<std::thread> makers;
  for (int i = 0; i < 3; ++i)
    makers.emplace_back([&] {
      while (!over.load()) {
        std::thread short_lived([] {
          const watched_thread here("short-lived", "handler");
          const activity now("one", "moment");
        });
        short_lived.join();
      }
    });
  const stack_limits limits{.answer = long_time, .names = 0s};
  std::size_t seen = 0;
  for (int i = 0; i < 300; ++i)
    for (const thread_stack& each : capture_stacks(not_hung_elsewhere, limits)) {
      ++seen;
      EXPECT_EQ(each.component, "short-lived");
    }
  over = true;
  for (std::thread& each : makers) each.join();
  RecordProperty("seen", static_cast<int>(seen));
}

TEST(stack_signal, may_be_asked_from_several_threads_at_once) {
  const busy_threads busy(2, [] { poll(nullptr, 0, 1); });
  std::vector<std::thread> askers;
  for (int i = 0; i < 3; ++i)
    askers.emplace_back([&] {
      for (int k = 0; k < 30; ++k)
        for (const raw_stack& each : ask_for_stacks(busy.facts(), long_time))
          EXPECT_THAT(each.answer, testing::AnyOf(stack_answer::given, stack_answer::blocked));
    });
  for (std::thread& each : askers) each.join();
}

#if !defined(__SANITIZE_THREAD__) && !defined(__SANITIZE_ADDRESS__)  // which make an ordinary fork of it
TEST(stack_signal, does_not_end_the_process_when_a_thread_can_answer_only_after_all_is_over) {
  int ends[2];
  ASSERT_EQ(pipe(ends), 0);
  std::atomic<bool> back{false};
  {
    // The parent of a vfork sleeps uninterruptibly, until the child ends or becomes another program.
    const standing_thread thread(
        [&] {
          const pid_t child = vfork();
          if (child == 0) {
            char byte;
            [[maybe_unused]] const ssize_t got = read(ends[0], &byte, 1);
            _exit(0);
          }
          waitpid(child, nullptr, 0);
          back = true;
        },
        [&] { EXPECT_EQ(write(ends[1], "x", 1), 1); });
    ASSERT_TRUE(comes_true([&] {
      const auto facts = facts_of_thread(thread.tid());
      return facts && facts->state == 'D';
    }));
    for (int i = 0; i < 40; ++i) {  // more than there are places for answers
      const auto stack = capture_stack(thread.tid(), {.answer = 1ms, .names = 0s});
      ASSERT_TRUE(stack);
      EXPECT_EQ(stack->answer, stack_answer::late);
      EXPECT_EQ(stack->state, 'D');
      EXPECT_NE(stack->waits, "");
    }
  }
  EXPECT_TRUE(back);  // and the signals that were pending for it ended nothing
  close(ends[0]);
  close(ends[1]);
}
#endif

}  // namespace lastcall::stack_signal_test
