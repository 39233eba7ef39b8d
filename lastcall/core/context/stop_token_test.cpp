#include "lastcall/core/context/stop_token.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <barrier>
#include <functional>
#include <memory>
#include <optional>
#include <semaphore>
#include <thread>
#include <vector>

#include "lastcall/core/context/context.hpp"

namespace lastcall::stop_token_test {

using namespace std::chrono_literals;

const time_point noon(std::chrono::hours(12));

struct may_throw_when_made {
  may_throw_when_made(const may_throw_when_made&) noexcept(false) {}
  void operator()() const {}
};
using plain = void (*)();
static_assert(std::is_nothrow_constructible_v<stop_callback<plain>, stop_token, plain>);
static_assert(!std::is_nothrow_constructible_v<stop_callback<may_throw_when_made>, stop_token, may_throw_when_made>);
static_assert(!std::is_copy_constructible_v<stop_callback<plain>>);
static_assert(std::is_nothrow_default_constructible_v<stop_token>);

TEST(stop_token, that_is_empty_never_stops) {
  int calls = 0;
  const stop_token never;
  {
    const stop_callback unused(never, [&] { ++calls; });
    const stop_callback of_background(context().forced_token(), [&] { ++calls; });
  }
  EXPECT_FALSE(never.stop_possible());
  EXPECT_FALSE(never.stop_requested());
  EXPECT_EQ(never, context().draining_token());
  EXPECT_EQ(calls, 0);
}

TEST(stop_token, equals_only_those_of_its_stage_and_context) {
  const context_source source;
  EXPECT_EQ(source.get().draining_token(), source.get().draining_token());
  EXPECT_NE(source.get().draining_token(), source.get().forced_token());
  EXPECT_NE(source.get().draining_token(), context_source().get().draining_token());
}

TEST(stop_token, calls_each_function_once_at_its_stage) {
  context_source source;
  std::vector<std::string> calls;
  const stop_callback drains(source.get().draining_token(), [&] { calls.emplace_back("drains"); });
  const stop_callback forced(source.get().forced_token(), [&] { calls.emplace_back("forced"); });
  EXPECT_THAT(calls, testing::IsEmpty());
  source.begin_drain(noon);
  EXPECT_THAT(calls, testing::ElementsAre("drains"));
  source.begin_drain(noon);
  source.force();
  source.force();
  EXPECT_THAT(calls, testing::ElementsAre("drains", "forced"));
}

TEST(stop_token, that_has_stopped_calls_at_once_on_the_same_thread) {
  context_source source;
  source.begin_drain(noon);
  std::thread::id on;
  const stop_callback late(source.get().draining_token(), [&] { on = std::this_thread::get_id(); });
  EXPECT_EQ(on, std::this_thread::get_id());
}

TEST(stop_token, does_not_call_functions_whose_callback_is_gone) {
  context_source source;
  const stop_token until = source.get().draining_token();
  std::vector<int> calls;
  using callback = stop_callback<std::function<void()>>;
  std::vector<std::unique_ptr<callback>> all;
  for (int i = 0; i < 5; ++i)
    all.push_back(std::make_unique<callback>(until, std::function<void()>([&calls, i] { calls.push_back(i); })));
  all[4].reset();  // the latest, the first and one in the middle
  all[0].reset();
  all[2].reset();
  source.begin_drain(noon);
  EXPECT_THAT(calls, testing::UnorderedElementsAre(1, 3));
}

TEST(stop_token, keeps_the_state_of_its_context_alive) {
  auto source = std::make_unique<context_source>();
  const stop_token until = source->get().draining_token();
  source->begin_drain(noon);
  source.reset();
  EXPECT_TRUE(until.stop_requested());
}

TEST(stop_token, lets_a_function_destroy_its_own_callback_and_others) {
  context_source source;
  using callback = stop_callback<std::function<void()>>;
  std::optional<callback> own, other;
  int calls = 0;
  const std::function<void()> destroys_both = [&] {
    ++calls;
    own.reset();
    other.reset();
  };
  own.emplace(source.get().draining_token(), destroys_both);
  other.emplace(source.get().draining_token(), destroys_both);
  source.begin_drain(noon);
  EXPECT_EQ(calls, 1);
}

TEST(stop_token, takes_callbacks_inside_of_a_callback) {
  context_source source;
  int calls = 0;
  const stop_callback outer(source.get().draining_token(), [&] {
    const stop_callback same_stage(source.get().draining_token(), [&] { ++calls; });
    const stop_callback next_stage(source.get().forced_token(), [&] { ++calls; });
    source.force();
  });
  source.begin_drain(noon);
  EXPECT_EQ(calls, 2);
}

TEST(stop_token, makes_a_destructor_wait_for_a_function_that_runs_on_another_thread) {
  context_source source;
  std::binary_semaphore inside{0}, goes_on{0};
  std::atomic<bool> over{false};
  using callback = stop_callback<std::function<void()>>;
  auto slow = std::make_unique<callback>(source.get().draining_token(), std::function<void()>([&] {
                                           inside.release();
                                           EXPECT_TRUE(goes_on.try_acquire_for(20s));
                                           over = true;
                                         }));
  std::jthread ends([&] { source.begin_drain(noon); });
  ASSERT_TRUE(inside.try_acquire_for(20s));
  std::jthread lets_go([&] { goes_on.release(); });
  slow.reset();
  EXPECT_TRUE(over);
}

TEST(stop_token, does_not_wait_for_the_function_of_another_callback) {
  context_source source;
  std::binary_semaphore inside{0}, goes_on{0};
  std::optional<stop_callback<std::function<void()>>> idle;
  const auto slow_one = [&] {
    inside.release();
    EXPECT_TRUE(goes_on.try_acquire_for(20s));
  };
  idle.emplace(source.get().forced_token(), [] {});
  const stop_callback slow(source.get().draining_token(), slow_one);
  std::jthread ends([&] { source.begin_drain(noon); });
  ASSERT_TRUE(inside.try_acquire_for(20s));
  idle.reset();  // returns, although the other runs
  goes_on.release();
}

#ifdef __cpp_lib_jthread
TEST(stop_token, converts_to_the_standards) {
  context_source source;
  const std::stop_token draining = source.get().draining_token();
  const std::stop_token forced = source.get().forced_token();
  EXPECT_TRUE(draining.stop_possible());
  EXPECT_FALSE(draining.stop_requested());
  int calls = 0;
  const std::stop_callback counts(draining, [&] { ++calls; });
  const std::stop_callback converts(source.get().draining_token(), [&] { ++calls; });
  source.begin_drain(noon);
  EXPECT_TRUE(draining.stop_requested());
  EXPECT_FALSE(forced.stop_requested());
  EXPECT_EQ(calls, 2);
  source.force();
  EXPECT_TRUE(forced.stop_requested());
  const std::stop_token late = source.get().draining_token();
  EXPECT_TRUE(late.stop_requested());
  EXPECT_FALSE(std::stop_token(stop_token()).stop_possible());
}

TEST(stop_token, that_first_converts_after_its_stop_has_stopped) {
  context_source source;
  source.force();
  EXPECT_TRUE(std::stop_token(source.get().draining_token()).stop_requested());
  EXPECT_TRUE(std::stop_token(source.get().forced_token()).stop_requested());
}
#endif

// Each function runs before its callback is gone, or not at all; each callback that outlives the stop has run.
TEST(stop_token, is_safe_while_threads_stop_it_and_come_and_go) {
  for (int round = 0; round < 300; ++round) {
    context_source source;
    const stop_token draining = source.get().draining_token();
    const stop_token forced = source.get().forced_token();
    std::barrier start(5);
    std::vector<std::jthread> threads;
    threads.emplace_back([&] {
      start.arrive_and_wait();
      source.begin_drain(noon);
    });
    threads.emplace_back([&] {
      start.arrive_and_wait();
      source.force();
    });
    for (int i = 0; i < 3; ++i)
      threads.emplace_back([&] {
        start.arrive_and_wait();
        for (int k = 0; k < 20; ++k) {
          auto alive = std::make_unique<std::atomic<int>>(k);  // the two stages may run at once
          std::optional<stop_callback<std::function<void()>>> first, second;
          first.emplace(draining, [&] { ++*alive; });
          second.emplace(forced, [&] { ++*alive; });
          first.reset();
          second.reset();
          alive.reset();  // a function that ran now would use freed memory
#ifdef __cpp_lib_jthread
          const std::stop_token standard = draining;
          const std::stop_callback standards(standard, [] {});
#endif
        }
        std::binary_semaphore ran{0};
        const stop_callback stays(forced, [&] { ran.release(); });
        EXPECT_TRUE(ran.try_acquire_for(20s));
      });
  }
}

}  // namespace lastcall::stop_token_test
