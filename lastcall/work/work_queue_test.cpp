#include "lastcall/work/work_queue.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <cstdlib>
#include <future>
#include <latch>
#include <mutex>
#include <random>
#include <semaphore>
#include <thread>

#include "lastcall/core/metrics.hpp"
#include "lastcall/core/report/report.hpp"
#include "lastcall/core/stacks/watched_thread.hpp"
#include "lastcall/work/in_time_test.hpp"

namespace lastcall::work_queue_test {

using namespace std::chrono_literals;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using testing_work::drain_of;
using testing_work::take;
using testing_work::until;
using testing_work::value_of;

std::string field(const component& of, const std::string& name) {
  component_report out;
  of.account(out);
  for (const auto& [key, value] : out.fields)
    if (key == name) return std::to_string(std::get<std::int64_t>(value));
  return "none";
}

bool lost(const component& of) {
  component_report out;
  of.account(out);
  return out.lost.value_or(false);
}

std::string measured(const component& of) {
  metrics into;
  of.measure(into);
  return into.text();
}

/// Until monitoring says so: a producer that waits does nothing that a test could see.
void until_a_producer_waits(const component& of) {
  until("a producer that waits",
        [&] { return measured(of).find("lastcall_queue_producers_waiting 1\n") != std::string::npos; });
}

/// A queue of numbers whose work waits until it is let go.
struct queue_of_numbers : ::testing::Test {
  work_queue_options<int> usual() {
    return {.work =
                [this](int& n, const context& with) {
                  begun.release();
                  while (!go && with.wait_until_forced_for(1ms)) {}
                  if (with.forced()) throw std::runtime_error("cut");
                  const std::lock_guard held(mutex);
                  done.push_back(n);
                },
            .label = [](const int& n) { return "number " + std::to_string(n); },
            .workers = 1,
            .most = 2,
            .longest_wait = 60s,
            .name = "numbers"};
  }

  std::atomic<bool> go = false;
  std::counting_semaphore<> begun{0};
  std::mutex mutex;
  std::vector<int> done;
};

TEST_F(queue_of_numbers, works_off_what_waits_when_it_drains) {
  work_queue<int> of(usual());
  of.start({});
  EXPECT_EQ(*of.push({}, 1), 0U);
  take(begun);
  EXPECT_EQ(*of.push({}, 2), 0U);
  EXPECT_EQ(*of.push({}, 3), 1U);
  const drain_of drained(of);
  EXPECT_EQ(of.push({}, 4).error().why(), not_queued::reason::draining);
  EXPECT_FALSE(drained.is_over());
  go = true;
  drained.wait();
  of.stop();
  EXPECT_THAT(done, ElementsAre(1, 2, 3));
  EXPECT_EQ(field(of, "done"), "3");
  EXPECT_EQ(field(of, "left"), "none");
  EXPECT_FALSE(lost(of));
  EXPECT_THAT(of.push({}, 5).error().what(), HasSubstr("numbers: has stopped"));
}

TEST_F(queue_of_numbers, refuses_use_before_its_start) {
  work_queue<int> of(usual());
  EXPECT_THROW(static_cast<void>(of.push({}, 1)), std::logic_error);
}

TEST_F(queue_of_numbers, lets_a_producer_wait_for_room) {
  work_queue<int> of(usual());
  of.start({});
  *of.push({}, 1);
  take(begun);
  *of.push({}, 2);
  *of.push({}, 3);
  auto waits = std::async(std::launch::async, [&] { return *of.push({}, 4); });
  until_a_producer_waits(of);
  EXPECT_EQ(of.try_push(5).error().why(), not_queued::reason::full) << "others wait";
  go = true;
  EXPECT_EQ(waits.get(), 1U);
  drain_of(of).wait();
  of.stop();
  EXPECT_THAT(done, ElementsAre(1, 2, 3, 4));
}

TEST_F(queue_of_numbers, says_what_its_workers_do_when_there_is_no_room_in_time) {
  auto options = usual();
  options.longest_wait = 20ms;
  work_queue<int> of(std::move(options));
  of.start({});
  *of.push({}, 1);
  take(begun);
  *of.push({}, 2);
  *of.push({}, 3);
  int four = 4;
  const auto none = of.push({}, std::move(four));
  ASSERT_FALSE(none);
  EXPECT_EQ(none.error().why(), not_queued::reason::full);
  EXPECT_THAT(none.error().what(),
              HasSubstr("numbers: no room within 20ms: 2 wait, 1 of 1 workers are at work: number 1 for "));
  EXPECT_THROW(static_cast<void>(*none), unavailable);
  EXPECT_THAT(measured(of), HasSubstr("lastcall_queue_refused_total{why=\"full\"} 1\n"));
  go = true;
  drain_of(of).wait();
  of.stop();
}

TEST_F(queue_of_numbers, wakes_a_producer_whose_context_is_forced_and_those_that_wait_when_it_drains) {
  work_queue<int> of(usual());
  of.start({});
  *of.push({}, 1);
  take(begun);
  *of.push({}, 2);
  *of.push({}, 3);
  context_source caller;
  auto forced = std::async(std::launch::async, [&] { return of.push(caller.get(), 4).error().why(); });
  until_a_producer_waits(of);
  caller.force();
  EXPECT_EQ(forced.get(), not_queued::reason::forced);
  auto refused = std::async(std::launch::async, [&] { return of.push({}, 5).error().why(); });
  until_a_producer_waits(of);
  const drain_of drained(of);
  EXPECT_EQ(refused.get(), not_queued::reason::draining);
  go = true;
  drained.wait();
  of.stop();
}

TEST_F(queue_of_numbers, names_what_it_is_at_work_on_and_what_waits) {
  work_queue<int> of(usual());
  of.start({});
  *of.push({}, 1);
  take(begun);
  *of.push({}, 2);
  std::vector<work_item> items;
  of.in_progress(items, 10);
  ASSERT_EQ(items.size(), 2U);
  EXPECT_EQ(items[0].label, "number 1");
  EXPECT_EQ(items[1].label, "queued: number 2");
  go = true;
  drain_of(of).wait();
  of.stop();
}

TEST_F(queue_of_numbers, goes_on_after_an_item_that_failed) {
  auto options = usual();
  options.work = [this](int& n, const context&) {
    if (n == 1) throw std::runtime_error("no such order");
    const std::lock_guard held(mutex);
    done.push_back(n);
  };
  std::string logged;
  const logger log(log_level::info, [&](const log_record& line) {
    logged.append(line.text);
    for (const log_field& each : line.fields) logged.append(" ").append(each.key).append("=").append(each.value);
  });
  work_queue<int> of(std::move(options), log);
  of.start({});
  *of.push({}, 1);
  *of.push({}, 2);
  drain_of(of).wait();
  of.stop();
  EXPECT_THAT(done, ElementsAre(2));
  EXPECT_EQ(field(of, "failed"), "1");
  EXPECT_FALSE(lost(of));
  EXPECT_THAT(logged, HasSubstr("an item failed item=number 1 error=no such order"));
}

TEST_F(queue_of_numbers, hands_back_what_waits_and_what_was_cut_when_it_is_forced) {
  std::vector<int> back;
  auto options = usual();
  options.hand_back = [&](std::vector<int> rest) {
    const std::lock_guard held(mutex);
    back.insert(back.end(), rest.begin(), rest.end());
  };
  work_queue<int> of(std::move(options));
  of.start({});
  *of.push({}, 1);
  take(begun);
  *of.push({}, 2);
  *of.push({}, 3);
  const drain_of drained(of);
  EXPECT_FALSE(drained.is_over());
  of.force();
  drained.wait();
  of.stop();
  std::ranges::sort(back);
  EXPECT_THAT(back, ElementsAre(1, 2, 3));
  EXPECT_EQ(field(of, "handed_back"), "3");
  EXPECT_EQ(field(of, "failed"), "none");
  EXPECT_FALSE(lost(of));
}

TEST_F(queue_of_numbers, hands_back_at_once_when_it_is_not_to_finish) {
  std::promise<std::vector<int>> back;
  auto options = usual();
  options.finishes = false;
  options.hand_back = [&](std::vector<int> rest) { back.set_value(std::move(rest)); };
  work_queue<int> of(std::move(options));
  of.start({});
  *of.push({}, 1);
  take(begun);
  *of.push({}, 2);
  *of.push({}, 3);
  const drain_of drained(of);
  EXPECT_THAT(value_of(back.get_future()), ElementsAre(2, 3));
  go = true;
  drained.wait();
  of.stop();
  EXPECT_THAT(done, ElementsAre(1));
}

TEST_F(queue_of_numbers, names_what_is_left_when_nobody_takes_it_back) {
  std::string logged;
  const logger log(log_level::error, [&](const log_record& line) {
    logged.append(line.text);
    for (const log_field& each : line.fields) logged.append(" ").append(each.key).append("=").append(each.value);
  });
  auto options = usual();
  work_queue<int> of(std::move(options), log);
  of.start({});
  *of.push({}, 1);
  take(begun);
  *of.push({}, 2);
  *of.push({}, 3);
  of.force();
  of.stop();
  EXPECT_EQ(field(of, "left"), "3") << "the item that was cut, too";
  EXPECT_TRUE(lost(of));
  EXPECT_THAT(logged, HasSubstr("items are left that nobody has worked on left=3 first=number 2"));
}

TEST_F(queue_of_numbers, has_lost_what_could_not_be_handed_back) {
  auto options = usual();
  options.hand_back = [](std::vector<int>) { throw std::runtime_error("disk full"); };
  work_queue<int> of(std::move(options), logger(log_level::none, nullptr));
  of.start({});
  *of.push({}, 1);
  take(begun);
  *of.push({}, 2);
  const drain_of drained(of);
  of.force();
  drained.wait();
  of.stop();
  EXPECT_EQ(field(of, "left"), "2");
  EXPECT_TRUE(lost(of));
}

TEST_F(queue_of_numbers, leaves_an_item_that_it_does_not_take_with_the_producer) {
  work_queue<std::string> of({.work = [](std::string&, const context&) {},
                              .bytes = [](const std::string& text) { return text.size(); },
                              .most_bytes = 10});
  std::string large = "eleven byte";
  EXPECT_THROW(static_cast<void>(of.push({}, std::move(large))), std::logic_error) << "not started";
  EXPECT_EQ(large, "eleven byte");  // NOLINT: that is the promise
  of.start({});
  EXPECT_EQ(of.push({}, std::move(large)).error().why(), not_queued::reason::too_large);
  EXPECT_EQ(large, "eleven byte");  // NOLINT: that is the promise
  EXPECT_EQ(of.try_push(std::move(large)).error().why(), not_queued::reason::too_large);
  EXPECT_EQ(large, "eleven byte");  // NOLINT
  drain_of(of).wait();
  of.stop();
}

TEST_F(queue_of_numbers, replaces_a_worker_whose_thread_was_ended) {
  for (int i = 0; i < 50; ++i) {  // the thread may end before the stop waits for it, or after
    auto options = usual();
    options.work = [this](int& n, const context&) {
      if (n == 1) ::pthread_exit(nullptr);
      const std::lock_guard held(mutex);
      done = {n};
    };
    work_queue<int> of(std::move(options), logger(log_level::none, nullptr));
    of.start({});
    *of.push({}, 1);
    *of.push({}, 2);
    drain_of(of).wait();
    of.stop();
    EXPECT_THAT(done, ElementsAre(2));
    EXPECT_EQ(field(of, "failed"), "1");
  }
}

TEST_F(queue_of_numbers, may_go_without_its_verbs) {
  {
    work_queue<int> of(usual(), logger(log_level::none, nullptr));
    of.start({});
    *of.push({}, 1);
    take(begun);
    *of.push({}, 2);
  }
  until("the end of its worker, which still uses this object", [] {
    return std::ranges::none_of(watched_thread::snapshot(1000),
                                [](const thread_entry& each) { return each.component == "numbers"; });
  });
  EXPECT_TRUE(done.empty());
}

// Many shutdowns amid the work: each item is done once or handed back, and never both; the order per key is kept.
TEST(work_queue, does_each_item_once_or_hands_it_back) {
  struct job {
    int key;
    int number;
  };
  constexpr int keys = 16, producers = 4;
  const bool in_full = std::getenv("LASTCALL_LONG") != nullptr;
  const int rounds = in_full ? 50 : 5;
  const int jobs = 100'000 / 50;
  const auto seed = std::random_device{}();
  SCOPED_TRACE("seed " + std::to_string(seed));
  std::mt19937 random(seed);
  for (int round = 0; round < rounds; ++round) {
    std::array<std::mutex, keys> one_at_a_time;
    std::array<int, keys> last{};
    std::mutex mutex;
    std::vector<int> seen(jobs, 0);  // done or handed back
    std::atomic<int> done = 0, back = 0, refused = 0;
    std::atomic<bool> disorder = false;
    const bool finishes = round % 2 == 0;
    work_queue<job> of({.work =
                            [&](job& it, const context&) {
                              const std::unique_lock alone(one_at_a_time[it.key], std::try_to_lock);
                              if (!alone || last[it.key] >= it.number) disorder = true;
                              last[it.key] = it.number;
                              const std::lock_guard held(mutex);
                              ++seen[it.number - 1];
                              ++done;
                            },
                        .key = [](const job& it) { return std::to_string(it.key); },
                        .hand_back =
                            [&](std::vector<job> rest) {
                              const std::lock_guard held(mutex);
                              std::vector<int> of_key(keys, 0);
                              for (const job& it : rest) {
                                if (of_key[it.key] >= it.number) disorder = true;
                                of_key[it.key] = it.number;
                                ++seen[it.number - 1];
                                ++back;
                              }
                            },
                        .workers = 4,
                        .most = 64,
                        .longest_wait = 60s,
                        .finishes = finishes});
    of.start({});
    std::vector<std::jthread> pushing;
    for (int p = 0; p < producers; ++p)  // each has its keys, so that their order is that of its pushes
      pushing.emplace_back([&, p] {
        for (int n = p; n < jobs; n += producers)
          if (!of.push({}, job{.key = p + producers * (n / producers % (keys / producers)), .number = n + 1}))
            ++refused;
      });
    const int enough = static_cast<int>(random() % jobs);
    until("so much work", [&] { return done >= enough; });
    const drain_of drained(of);
    if (round % 3 == 0) of.force();
    drained.wait();
    of.stop();
    pushing.clear();
    EXPECT_FALSE(disorder);
    EXPECT_EQ(done + back + refused, jobs);
    EXPECT_LE(*std::ranges::max_element(seen), 1);
    EXPECT_EQ(std::ranges::count(seen, 1), done + back);
    EXPECT_EQ(field(of, "done"), std::to_string(done));
    EXPECT_EQ(field(of, "handed_back"), back == 0 ? "none" : std::to_string(back));
    EXPECT_EQ(field(of, "left"), "none");
  }
}

}  // namespace lastcall::work_queue_test
