// Workers: a loop with a context.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <filesystem>
#include <future>
#include <latch>
#include <memory>
#include <stdexcept>
#include <thread>

#include "lastcall/core/app/functions_double_test.hpp"
#include "lastcall/core/stacks/watched_thread.hpp"

namespace lastcall::functions_worker_test {

using namespace lastcall::testing_core;
using namespace std::chrono_literals;
using ::testing::ElementsAre;

TEST(worker, runs_until_its_context_drains_and_before_what_it_needs_stops) {
  std::atomic<int> beats = 0;
  journal notes;
  app a{quiet()};
  const auto store = a.add("store", double_of("store", notes));
  a.add("heartbeat",
        [&](const context& ctx) {
          while (ctx.wait_for(1ms)) ++beats;
          notes.note("last beat");
        },
        {store});
  a.start();
  while (beats < 3) std::this_thread::yield();
  EXPECT_EQ(a.shutdown(deadline(20s)).exit_code, 0);
  EXPECT_THAT(notes.lines(), ElementsAre("start store", "announce store", "last beat", "drain store", "stop store"));
}

TEST(worker, may_return_before_it_is_told) {
  std::promise<void> returns;
  app a{quiet()};
  a.add("once", [&, owned = std::make_unique<int>(1)](const context&) { returns.set_value(); });
  a.start();
  returns.get_future().wait();
  EXPECT_TRUE(a.ready());
  const report& r = a.shutdown(deadline(20s));
  EXPECT_TRUE(component_of(r, "once").drained);
  EXPECT_EQ(field(component_of(r, "once"), "failure"), std::nullopt);
}

TEST(worker, may_be_over_between_two_looks_at_whether_it_is_ready) {
  std::atomic<bool> asked = false, was_ready = false;
  const auto runs = [] {
    const auto all = watched_thread::snapshot(1000);
    return std::ranges::any_of(all,
                               [](const thread_entry& each) { return each.component == "job" && each.role == "run"; });
  };
  app a{quiet()};
  a.add("job", {.run =
                    [&] {
                      asked.wait(false);
                      was_ready = true;
                    },
                .ready =
                    [&] {
                      const bool is = was_ready;
                      asked = true;
                      asked.notify_all();
                      while (!is && (!was_ready || runs())) std::this_thread::yield();
                      return is;
                    },
                .may_return = true});
  a.start();
  EXPECT_EQ(a.shutdown(deadline(20s)).exit_code, 0);
}

TEST(worker, that_throws_ends_the_app_in_order) {
  app a{quiet()};
  std::latch serving(1);
  a.add("feed", [&](const context&) {
    serving.wait();
    throw std::runtime_error("feed lost");
  });
  a.start();
  serving.count_down();
  while (!a.asked_to_end()) std::this_thread::yield();
  EXPECT_EQ(a.shutdown(deadline(20s)).cause.text, "component \"feed\" failed: its run ended by itself: feed lost");
}

TEST(worker, leaves_no_thread_behind) {
  const auto threads = [] {
    const std::filesystem::directory_iterator all("/proc/self/task");
    return std::distance(begin(all), end(all));
  };
  std::thread([] {}).join();  // a sanitizer has a thread of its own from the first one on
  const auto before = threads();
  for (int i = 0; i < 200; ++i) {
    app a{quiet()};
    for (const char* name : {"a", "b", "c"})
      a.add(name, [](const context& ctx) {
        while (ctx.wait_for(1h)) {}
      });
    a.start();
    ASSERT_EQ(a.shutdown(deadline(20s)).exit_code, 0);
  }
  // One that was joined may be listed for a moment more.
  for (const auto by = steady().now() + 20s; threads() > before && steady().now() < by;) std::this_thread::yield();
  EXPECT_LE(threads(), before);  // what another test left may end meanwhile
}

}  // namespace lastcall::functions_worker_test
