#include "lastcall/core/context/context.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <barrier>
#include <future>
#include <memory>
#include <optional>
#include <semaphore>
#include <thread>
#include <vector>

namespace lastcall::context_test {

using namespace std::chrono_literals;

const time_point noon(std::chrono::hours(12));

TEST(context, of_the_background_never_drains) {
  const context background;
  EXPECT_FALSE(background.draining());
  EXPECT_FALSE(background.forced());
  EXPECT_EQ(background.cause(), cause::none);
  EXPECT_EQ(background.drain_end(), time_point::max());
  EXPECT_FALSE(background.draining_token().stop_possible());
  EXPECT_FALSE(background.forced_token().stop_possible());
  EXPECT_TRUE(background.wait_for(1ms));
  EXPECT_TRUE(background.wait_until_forced_for(0s));
  EXPECT_TRUE(background.wait_for(-1s));
}

TEST(context, drains_first_and_is_forced_later) {
  context_source source;
  const context seen = source.get();
  EXPECT_FALSE(seen.draining());
  EXPECT_EQ(seen.drain_end(), time_point::max());

  source.begin_drain(noon);
  EXPECT_TRUE(seen.draining());
  EXPECT_FALSE(seen.forced());
  EXPECT_EQ(seen.cause(), cause::draining);
  EXPECT_EQ(seen.drain_end(), noon);

  source.force(cause::deadline);
  EXPECT_TRUE(seen.draining());
  EXPECT_TRUE(seen.forced());
  EXPECT_EQ(seen.cause(), cause::deadline);
  EXPECT_EQ(seen.drain_end(), noon);
}

TEST(context, counts_only_the_first_drain_and_the_first_force) {
  context_source source;
  source.begin_drain(noon);
  source.begin_drain(noon + 1h, cause::client_gone);
  EXPECT_EQ(source.get().drain_end(), noon);
  EXPECT_EQ(source.get().cause(), cause::draining);
  source.force(cause::client_gone);
  source.force(cause::deadline);
  source.begin_drain(noon + 2h);
  EXPECT_EQ(source.get().cause(), cause::client_gone);
  EXPECT_EQ(source.get().drain_end(), noon);
}

TEST(context, begins_to_drain_when_it_is_forced_at_once) {
  context_source source;
  const time_point before = steady().now();
  source.force();
  EXPECT_TRUE(source.get().draining());
  EXPECT_EQ(source.get().cause(), cause::forced);
  EXPECT_GE(source.get().drain_end(), before);
  EXPECT_LE(source.get().drain_end(), steady().now());
}

TEST(context, outlives_its_source) {
  auto source = std::make_unique<context_source>();
  const context seen = source->get();
  source->begin_drain(noon);
  source.reset();
  EXPECT_TRUE(seen.draining());
  EXPECT_FALSE(seen.forced());
}

TEST(context, stops_a_wait_when_its_stage_begins) {
  context_source source;
  auto waits = std::async(std::launch::async, [seen = source.get()] { return seen.wait_for(1h); });
  auto waits_longer = std::async(std::launch::async, [seen = source.get()] { return seen.wait_until_forced_for(1h); });
  source.begin_drain(noon);
  EXPECT_FALSE(waits.get());
  EXPECT_EQ(waits_longer.wait_for(1ms), std::future_status::timeout);
  source.force();
  EXPECT_FALSE(waits_longer.get());
}

TEST(context, does_not_wait_once_the_stage_has_begun) {
  context_source source;
  source.begin_drain(noon);
  EXPECT_FALSE(source.get().wait_for(duration::max()));
  EXPECT_TRUE(source.get().wait_until_forced_for(1ms));
  source.force();
  EXPECT_FALSE(source.get().wait_until_forced_for(duration::max()));
}

TEST(context, waits_for_as_long_as_it_was_asked_to) {
  const context_source source;
  const time_point before = steady().now();
  EXPECT_TRUE(source.get().wait_for(10ms));
  EXPECT_GE(steady().now() - before, 10ms);
}

TEST(context, gives_a_stop_token_for_each_stage) {
  context_source source;
  const context seen = source.get();
  const stop_token draining = seen.draining_token();
  const stop_token forced = seen.forced_token();
  EXPECT_TRUE(draining.stop_possible());
  EXPECT_FALSE(draining.stop_requested());
  source.begin_drain(noon);
  EXPECT_TRUE(draining.stop_requested());
  EXPECT_FALSE(forced.stop_requested());
  source.force();
  EXPECT_TRUE(forced.stop_requested());
}

TEST(context, gives_a_stopped_token_when_the_stage_has_begun) {
  context_source source;
  source.force();
  EXPECT_TRUE(source.get().draining_token().stop_requested());
  EXPECT_TRUE(source.get().forced_token().stop_requested());
}

TEST(context, shows_its_new_state_inside_a_stop_callback) {
  context_source source;
  const context seen = source.get();
  std::optional<time_point> end;
  const stop_callback drained(seen.draining_token(), [&] { end = seen.drain_end(); });
  source.begin_drain(noon);
  EXPECT_EQ(end, noon);
}

TEST(context, of_a_child_follows_its_parent) {
  context_source parent;
  const context_source child(parent.get());
  const context_source grandchild(child.get());
  parent.begin_drain(noon);
  EXPECT_TRUE(grandchild.get().draining());
  EXPECT_EQ(grandchild.get().drain_end(), noon);
  EXPECT_FALSE(grandchild.get().forced());
  parent.force(cause::deadline);
  EXPECT_TRUE(grandchild.get().forced());
  EXPECT_EQ(grandchild.get().cause(), cause::deadline);
}

TEST(context, of_a_child_ends_without_its_parent) {
  const context_source parent;
  context_source child(parent.get());
  child.force(cause::client_gone);
  EXPECT_EQ(child.get().cause(), cause::client_gone);
  EXPECT_FALSE(parent.get().draining());
}

TEST(context, of_a_child_born_late_has_its_parents_state_at_once) {
  context_source parent;
  parent.begin_drain(noon);
  parent.force(cause::deadline);
  const context_source child(parent.get());
  EXPECT_TRUE(child.get().forced());
  EXPECT_EQ(child.get().drain_end(), noon);
  EXPECT_EQ(child.get().cause(), cause::deadline);
}

TEST(context, of_a_child_follows_although_both_sources_but_the_parents_are_gone) {
  context_source parent;
  context seen;
  {
    const context_source child(parent.get());
    seen = context_source(child.get()).get();
  }
  parent.begin_drain(noon);
  EXPECT_TRUE(seen.draining());
}

TEST(context, of_a_background_parent_is_an_ordinary_source) {
  context_source child{context()};
  EXPECT_FALSE(child.get().draining());
  child.begin_drain(noon);
  EXPECT_TRUE(child.get().draining());
}

TEST(context, may_lose_its_last_holder_inside_its_own_stop_callback) {
  context_source parent;
  auto child = std::make_unique<context_source>(parent.get());
  int calls = 0;
  const stop_callback drained(child->get().draining_token(), [&] {
    ++calls;
    child.reset();
  });
  parent.begin_drain(noon);
  EXPECT_EQ(calls, 1);
  EXPECT_EQ(child, nullptr);

  auto alone = std::make_unique<context_source>();
  const stop_callback forced(alone->get().forced_token(), [&] { alone.reset(); });
  alone->force();
  EXPECT_EQ(alone, nullptr);
}

TEST(context, is_safe_while_threads_end_watch_and_unlink_at_once) {
  for (int round = 0; round < 200; ++round) {
    context_source parent;
    std::barrier start(5);
    {
      std::vector<std::jthread> threads;
      threads.emplace_back([&] {
        start.arrive_and_wait();
        parent.begin_drain(noon);
      });
      threads.emplace_back([&] {
        start.arrive_and_wait();
        parent.force(cause::deadline);
      });
      for (int i = 0; i < 3; ++i) {
        threads.emplace_back([&] {
          start.arrive_and_wait();
          { const context_source short_lived(parent.get()); }
          const context_source child(parent.get());
          const context seen = child.get();
          std::binary_semaphore told{0};
          const stop_callback forced(seen.forced_token(), [&] { told.release(); });
          EXPECT_FALSE(seen.wait_until_forced_for(20s));
          EXPECT_NE(seen.drain_end(), time_point::max());
          EXPECT_EQ(seen.cause(), cause::deadline);
          EXPECT_TRUE(told.try_acquire_for(20s));
        });
      }
    }
  }
}

TEST(context, says_what_is_waited_for_with_it_and_where) {
  context_source source;
  EXPECT_EQ(source.get().waits_for(), "");
  {
    const waiting outer(source.get(), "the stock");
    const unsigned line = __LINE__ - 1;
    EXPECT_EQ(source.get().waits_for(), "the stock (context_test.cpp:" + std::to_string(line) + ")");
    auto first = std::make_unique<waiting>(source.get(), "a");
    const waiting second(source.get(), "b");
    EXPECT_THAT(source.get().waits_for(), testing::MatchesRegex("b \\(.*\\) and a \\(.*\\) and the stock \\(.*\\)"));
    first.reset();  // not the latest
    EXPECT_THAT(source.get().waits_for(), testing::MatchesRegex("b \\(.*\\) and the stock \\(.*\\)"));
  }
  EXPECT_EQ(source.get().waits_for(), "");
  const waiting nowhere(context{}, "x");
  EXPECT_EQ(context{}.waits_for(), "");
}

TEST(context, says_at_most_four_things_that_are_waited_for) {
  context_source source;
  std::vector<std::unique_ptr<waiting>> all;
  for (int i = 0; i < 10; ++i) all.push_back(std::make_unique<waiting>(source.get(), std::to_string(i)));
  EXPECT_THAT(source.get().waits_for(), testing::StartsWith("9 ("));
  EXPECT_THAT(source.get().waits_for(), testing::HasSubstr(" and 6 ("));
  EXPECT_THAT(source.get().waits_for(), testing::Not(testing::HasSubstr(" and 5 (")));
}

TEST(context, is_waited_with_on_one_thread_and_read_on_another) {
  context_source source;
  std::atomic<bool> over{false};
  std::jthread reads([&] {
    while (!over) {
      const std::string text = source.get().waits_for();
      EXPECT_TRUE(text.empty() || text.starts_with("x (")) << text;
    }
  });
  for (int i = 0; i < 10'000; ++i) const waiting here(source.get(), "x");
  over = true;
}

}  // namespace lastcall::context_test
