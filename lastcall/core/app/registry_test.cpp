#include "lastcall/core/app/registry.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <barrier>
#include <cstdint>
#include <future>
#include <map>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "lastcall/core/app/app.hpp"
#include "lastcall/core/by_median_test.hpp"

namespace lastcall::registry_test {

using namespace std::chrono_literals;
using ::testing::ElementsAre;

struct stopped_clock : clock {
  time_point now() const noexcept override { return at; }
  time_point at{1h};
};

context draining_context(time_point end) {
  context_source source;
  source.begin_drain(end);
  return source.get();
}

TEST(registry, knows_who_is_there) {
  registry known;
  EXPECT_EQ(known.size(), 0u);
  {
    const auto first = known.add({.label = "chat"});
    auto second = known.add({.label = "chat"});
    EXPECT_EQ(known.size(), 2u);
    second.leave();
    EXPECT_EQ(known.size(), 1u);
    second.leave();
  }
  EXPECT_EQ(known.size(), 0u);
}

TEST(registry, lists_the_oldest_first_with_their_age) {
  stopped_clock time;
  registry known(time);
  const auto a = known.add({.label = "chat", .remote = "10.0.0.1:1"});
  time.at += 2s;
  const auto b = known.add({.label = "feed", .remote = "10.0.0.2:2"});
  const auto c = known.add({.label = "late", .remote = "10.0.0.3:3"});
  const auto items = known.snapshot(time.at + 1s, 2);
  ASSERT_EQ(items.size(), 2u);
  EXPECT_EQ(items[0].label, "chat");
  EXPECT_EQ(items[0].remote, "10.0.0.1:1");
  EXPECT_EQ(items[0].age, 3s);
  EXPECT_EQ(items[1].label, "feed");
  EXPECT_EQ(items[1].age, 1s);
}

TEST(registry, tells_everyone_once_and_is_drained_when_the_last_is_gone) {
  registry known;
  std::vector<std::string> told;
  int drained = 0;
  const time_point end(5h);
  auto a = known.add({.label = "a", .tell = [&](context ctx) { told.push_back(ctx.drain_end() == end ? "a" : "?"); }});
  auto b = known.add({.label = "b", .tell = [&](context) { told.push_back("b"); }});
  auto silent = known.add({.label = "silent"});
  known.drain(draining_context(end), [&] { ++drained; });
  EXPECT_THAT(told, ElementsAre("a", "b"));
  EXPECT_EQ(drained, 0);
  a.leave();
  silent.leave();
  EXPECT_EQ(drained, 0);
  b.leave();
  EXPECT_EQ(drained, 1);
  known.drain(context(), [&] { ++drained; });
  EXPECT_THAT(told, ElementsAre("a", "b"));
  EXPECT_EQ(drained, 1);
}

TEST(registry, is_drained_at_once_when_nobody_is_there) {
  registry known;
  int drained = 0;
  known.drain(context(), [&] { ++drained; });
  EXPECT_EQ(drained, 1);
}

TEST(registry, is_not_drained_while_it_is_empty_before_the_drain) {
  registry known;
  known.add({.label = "early"}).leave();
  int drained = 0;
  auto entry = known.add({.label = "there"});
  known.drain(context(), [&] { ++drained; });
  EXPECT_EQ(drained, 0);
  entry.leave();
  EXPECT_EQ(drained, 1);
}

TEST(registry, tells_newcomers_at_once) {
  registry known;
  auto there = known.add({.label = "there"});
  int drained = 0;
  known.drain(context(), [&] { ++drained; });
  int told = 0;
  int cut = 0;
  auto late = known.add({.label = "late", .tell = [&](context) { ++told; }, .cut = [&] { ++cut; }});
  EXPECT_EQ(told, 1);
  EXPECT_EQ(cut, 0);
  known.force();
  EXPECT_EQ(known.cut(), 2u);
  auto later = known.add({.label = "later", .tell = [&](context) { ++told; }, .cut = [&] { ++cut; }});
  EXPECT_EQ(told, 2);
  EXPECT_EQ(cut, 2);
  there.leave();
  late.leave();
  EXPECT_EQ(drained, 0);
  later.leave();
  EXPECT_EQ(drained, 1);
}

TEST(registry, cuts_what_is_left_and_counts_it_once) {
  registry known;
  std::vector<std::string> cut;
  auto a = known.add({.label = "a", .cut = [&] { cut.push_back("a"); }});
  auto b = known.add({.label = "b", .cut = [&] { cut.push_back("b"); }});
  auto c = known.add({.label = "c", .cut = [&] { cut.push_back("c"); }});
  known.drain(context(), [] {});
  b.leave();
  known.force();
  EXPECT_EQ(known.cut(), 2u);
  EXPECT_THAT(cut, ElementsAre("a", "c"));
  known.force();
  EXPECT_EQ(known.cut(), 2u) << "each once";
  EXPECT_EQ(known.size(), 2u);
}

TEST(registry, lets_an_entry_be_destroyed_inside_its_own_callback) {
  registry known;
  std::map<int, registry::entry> sessions;
  int drained = 0;
  bool was_drained_inside = false;
  for (int i = 0; i < 3; ++i) {
    sessions[i] = known.add({.label = "s", .tell = [&, i, alive = std::make_shared<int>(i)](context) {
                               sessions.erase(i);
                               was_drained_inside = was_drained_inside || drained > 0;
                               EXPECT_EQ(*alive, i);  // what it captured is still there
                             }});
  }
  known.drain(context(), [&] { ++drained; });
  EXPECT_TRUE(sessions.empty());
  EXPECT_FALSE(was_drained_inside);
  EXPECT_EQ(drained, 1);
}

TEST(registry, may_be_called_by_what_a_callback_captured) {
  registry known;
  struct session {
    explicit session(registry& where) : of(where) {}
    ~session() { EXPECT_EQ(of.size(), 0u); }  // would deadlock if the lock were held
    registry& of;
    registry::entry entry;
  };
  auto only = std::make_shared<session>(known);
  only->entry = known.add({.label = "s", .tell = [only](context) { only->entry.leave(); }});
  only.reset();
  int drained = 0;
  known.drain(context(), [&] { ++drained; });
  EXPECT_EQ(drained, 1);
}

TEST(registry, waits_for_a_callback_on_another_thread_before_an_entry_is_gone) {
  registry known;
  std::promise<void> inside;
  std::promise<void> go_on;
  std::atomic<bool> returned{false};
  auto entry = std::make_optional(known.add({.label = "s", .tell = [&](context) {
                                               inside.set_value();
                                               go_on.get_future().wait();
                                               returned = true;
                                             }}));
  std::jthread drains([&] { known.drain(context(), [] {}); });
  inside.get_future().wait();
  auto gone = std::async(std::launch::async, [&] {
    entry.reset();
    return returned.load();
  });
  EXPECT_EQ(gone.wait_for(10ms), std::future_status::timeout);
  go_on.set_value();
  EXPECT_TRUE(gone.get());
}

TEST(registry, cuts_one_that_hangs_while_it_is_told) {
  registry known;
  std::promise<void> inside;
  std::promise<void> cut;
  std::promise<void> drained;
  auto entry = known.add({.label = "hangs",
                          .tell =
                              [&](context) {
                                inside.set_value();
                                cut.get_future().wait();
                              },
                          .cut = [&] { cut.set_value(); }});
  std::jthread drains([&] { known.drain(context(), [&] { drained.set_value(); }); });
  inside.get_future().wait();
  known.force();
  EXPECT_EQ(known.cut(), 1u);
  entry.leave();
  EXPECT_EQ(drained.get_future().wait_for(20s), std::future_status::ready);
}

TEST(registry, goes_on_when_a_callback_throws) {
  registry known;
  int told = 0;
  const auto a = known.add({.label = "a", .tell = [](context) { throw std::runtime_error("no"); }});
  const auto b = known.add({.label = "b", .tell = [&](context) { ++told; }});
  known.drain(context(), [] {});
  EXPECT_EQ(told, 1);
  EXPECT_EQ(known.failures(), 1u);
}

TEST(registry, may_go_before_its_entries) {
  auto known = std::make_unique<registry>();
  int drained = 0;
  auto entry = known->add({.label = "s"});
  known->drain(context(), [&] { ++drained; });
  known.reset();
  entry.leave();
  EXPECT_EQ(drained, 0);
}

TEST(registry, tells_each_once_while_they_come_go_and_are_cut_at_once) {
  for (int round = 0; round < 50; ++round) {
    registry known;
    std::atomic<int> told{0};
    std::atomic<int> twice{0};
    std::promise<void> drained;
    std::barrier start(6);
    {
      std::vector<std::jthread> threads;
      for (int i = 0; i < 4; ++i) {
        threads.emplace_back([&] {
          start.arrive_and_wait();
          for (int n = 0; n < 100; ++n) {
            struct session {
              std::atomic<int> told{0};
              std::atomic<int> cut{0};
              std::atomic<bool> over{false};
            };
            session mine;
            auto entry = known.add({.label = "s",
                                    .tell =
                                        [&](context) {
                                          EXPECT_FALSE(mine.over);
                                          ++told;
                                          if (++mine.told > 1) ++twice;
                                        },
                                    .cut =
                                        [&] {
                                          EXPECT_FALSE(mine.over);
                                          if (++mine.cut > 1) ++twice;
                                        }});
            entry.leave();
            mine.over = true;
          }
        });
      }
      threads.emplace_back([&] {
        start.arrive_and_wait();
        known.drain(context(), [&] { drained.set_value(); });
      });
      threads.emplace_back([&] {
        start.arrive_and_wait();
        known.force();
        static_cast<void>(known.snapshot(steady().now(), 10));
      });
    }
    EXPECT_EQ(drained.get_future().wait_for(20s), std::future_status::ready);
    EXPECT_EQ(twice, 0);
  }
}

app_options quiet(app_options options = {}) {
  options.signals = {};
  options.log = log_level::none;
  options.environment = false;
  return options;
}

using fields = std::vector<std::pair<std::string, report_value>>;

TEST(registry, in_an_app_tells_all_and_has_drained_when_they_are_gone) {
  app a{quiet()};
  const auto sessions = a.add<registry>("sessions", {});
  std::vector<registry::entry> there(2);
  for (registry::entry& each : there) {
    each = sessions->add({.label = "chat", .tell = [&](context ctx) {
                            EXPECT_TRUE(ctx.draining());
                            each.leave();
                          }});
  }
  a.start();
  const report& r = a.shutdown(deadline(20s));
  EXPECT_EQ(r.exit_code, 0);
  EXPECT_TRUE(r.components[0].drained);
  EXPECT_EQ(r.components[0].fields, (fields{{"told", std::int64_t{2}}, {"cut", std::int64_t{0}}}));
}

TEST(registry, in_an_app_cuts_at_the_drain_end_who_does_not_go) {
  app a{quiet({.grace = 20s, .reserve = 19900ms})};
  const auto sessions = a.add<registry>("sessions", {});
  registry::entry stays, hangs_on;
  stays = sessions->add({.label = "chat", .cut = [&] { stays.leave(); }});
  hangs_on = sessions->add({.label = "chat", .cut = [] { throw std::runtime_error("no"); }});
  std::jthread goes([&] {
    while (sessions->failures() == 0) std::this_thread::yield();
    hangs_on.leave();
  });
  a.start();
  const report& r = a.shutdown(deadline(20s));
  EXPECT_EQ(r.exit_code, 3);
  EXPECT_TRUE(r.components[0].forced);
  EXPECT_FALSE(r.components[0].hung);
  EXPECT_EQ(r.components[0].fields,
            (fields{{"told", std::int64_t{2}}, {"cut", std::int64_t{2}}, {"failures", std::int64_t{1}}}));
}

TEST_BY_MEDIAN(registry, in_an_app_that_has_no_time_left_lost_nothing_if_nobody_was_there) {
  app a{quiet()};
  a.add<registry>("sessions", {});
  a.start();
  const report& r = a.shutdown(deadline(0s));
  EXPECT_TRUE(r.components[0].forced);
  EXPECT_EQ(r.exit_code, 0);
}

TEST(registry, says_whom_a_shutdown_waits_for) {
  stopped_clock time;
  registry known(time);
  const auto a = known.add({.label = "chat", .remote = "10.0.0.1:1"});
  time.at += 2s;
  const auto b = known.add({.label = "feed", .remote = "10.0.0.2:2"});
  std::vector<work_item> items;
  known.in_progress(items, 1);
  ASSERT_EQ(items.size(), 1u);
  EXPECT_EQ(to_text(items[0]), "chat for 10.0.0.1:1, for 2s");
}

}  // namespace lastcall::registry_test
