#include "lastcall/work/queue_book.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <random>

namespace lastcall::queue_book_test {

using detail::queue_book;
using detail::queue_item;
using detail::queue_waiter;
using ::testing::ElementsAre;

std::unique_ptr<queue_item> item(std::string label, std::string key = {}, std::size_t bytes = 0) {
  auto it = std::make_unique<queue_item>();
  it->label = std::move(label);
  it->key = std::move(key);
  it->bytes = bytes;
  return it;
}

struct producer : queue_waiter {
  using queue_waiter::queue_waiter;
  void told() noexcept override { ++times; }
  int times = 0;
};

struct book : ::testing::Test {
  static queue_book with_keys() { return queue_book({.most = 100, .keys = true}); }
  static bool add(queue_book& to, std::unique_ptr<queue_item> it) { return to.add(it, {}); }
  static std::string take(queue_book& from) {
    const auto it = from.take({});
    return it ? it->label : "nothing";
  }
};

TEST_F(book, gives_items_out_in_the_order_in_which_they_came) {
  queue_book of({});
  for (const char* label : {"a", "b", "c"}) EXPECT_TRUE(add(of, item(label)));
  EXPECT_EQ(of.waiting(), 3U);
  EXPECT_EQ(take(of), "a");
  EXPECT_EQ(take(of), "b");
  EXPECT_EQ(take(of), "c");
  EXPECT_EQ(take(of), "nothing");
  EXPECT_EQ(of.in_work(), 3U);
}

TEST_F(book, gives_out_one_item_of_a_key_at_a_time) {
  queue_book of = with_keys();
  add(of, item("a1", "a"));
  add(of, item("a2", "a"));
  add(of, item("b1", "b"));
  add(of, item("a3", "a"));
  EXPECT_EQ(take(of), "a1");
  EXPECT_EQ(take(of), "b1");
  EXPECT_EQ(take(of), "nothing");
  of.over("b");
  EXPECT_EQ(take(of), "nothing");
  of.over("a");
  EXPECT_EQ(take(of), "a2");
  of.over("a");
  EXPECT_EQ(take(of), "a3");
  of.over("a");
  EXPECT_EQ(of.in_work(), 0U);
  add(of, item("a4", "a"));
  EXPECT_EQ(take(of), "a4");
}

TEST_F(book, gives_room_to_producers_in_the_order_in_which_they_came) {
  queue_book of({.most = 1});
  EXPECT_TRUE(add(of, item("a")));
  auto none = item("b");
  EXPECT_FALSE(of.add(none, {}));
  EXPECT_TRUE(none) << "it stays the caller's";
  producer first(std::move(none));
  producer second(item("c"));
  of.enqueue(first);
  of.enqueue(second);
  EXPECT_EQ(take(of), "a");
  EXPECT_EQ(first.at, queue_waiter::state::granted);
  EXPECT_EQ(first.times, 1);
  EXPECT_EQ(second.at, queue_waiter::state::waiting);
  EXPECT_FALSE(add(of, item("d"))) << "others wait";
  EXPECT_EQ(take(of), "b");
  EXPECT_EQ(take(of), "c");
  EXPECT_EQ(of.producers(), 0U);
}

TEST_F(book, forgets_a_producer_that_has_given_up) {
  queue_book of({.most = 1});
  add(of, item("a"));
  producer gone(item("b"));
  producer stays(item("c"));
  of.enqueue(gone);
  of.enqueue(stays);
  of.withdraw(gone, {});
  EXPECT_EQ(take(of), "a");
  EXPECT_EQ(take(of), "c");
  EXPECT_TRUE(gone.item);
}

TEST_F(book, gives_room_to_those_behind_a_producer_that_has_given_up) {
  queue_book of({.most = 10, .most_bytes = 100});
  add(of, item("a", {}, 60));
  producer large(item("b", {}, 50));
  producer small(item("c", {}, 10));
  of.enqueue(large);
  of.enqueue(small);
  of.withdraw(large, {});
  EXPECT_EQ(small.at, queue_waiter::state::granted);
}

TEST_F(book, counts_bytes) {
  queue_book of({.most = 10, .most_bytes = 100});
  EXPECT_TRUE(add(of, item("a", {}, 60)));
  EXPECT_FALSE(add(of, item("b", {}, 41)));
  EXPECT_TRUE(add(of, item("c", {}, 40)));
  EXPECT_EQ(of.bytes(), 100U);
  EXPECT_TRUE(of.fits_never(*item("d", {}, 101)));
  producer large(item("e", {}, 100));
  producer small(item("f", {}, 1));
  of.enqueue(large);
  of.enqueue(small);
  EXPECT_EQ(take(of), "a");
  EXPECT_EQ(small.at, queue_waiter::state::waiting) << "nobody overtakes";
  EXPECT_EQ(take(of), "c");
  EXPECT_EQ(large.at, queue_waiter::state::granted);
  EXPECT_EQ(take(of), "e");
  EXPECT_EQ(take(of), "f");
}

TEST_F(book, refuses_those_that_wait_once_it_is_closed_and_gives_the_rest_in_order) {
  queue_book of({.most = 4, .keys = true});
  for (const char* key : {"x", "x", "y", "x"}) add(of, item(std::to_string(of.waiting()), key));
  producer waits(item("late", "y"));
  of.enqueue(waits);
  of.close();
  EXPECT_EQ(waits.at, queue_waiter::state::refused);
  EXPECT_FALSE(add(of, item("later", "z")));
  EXPECT_EQ(take(of), "0");
  std::vector<std::string> rest;
  for (const auto& it : of.take_rest()) rest.push_back(it->label);
  EXPECT_THAT(rest, ElementsAre("1", "2", "3"));
  EXPECT_EQ(of.waiting(), 0U);
  of.over("x");
  EXPECT_EQ(take(of), "nothing");
  EXPECT_EQ(of.in_work(), 0U);
}

// Any order of calls: each item comes out once, those of a key in order and one at a time.
TEST_F(book, holds_its_promises_in_any_order_of_calls) {
  const auto seed = std::random_device{}();
  SCOPED_TRACE("seed " + std::to_string(seed));
  std::mt19937 random(seed);
  queue_book of({.most = 8, .keys = true});
  std::list<producer> producers;
  std::vector<std::pair<std::string, int>> in_work;
  std::vector<int> next_in(4), next_out(4);
  int out = 0;
  int sent = 0;
  while (out < 2000) {
    switch (random() % 3) {
      case 0: {
        if (sent == 2000) break;
        ++sent;
        const std::size_t key = random() % 4;
        auto it = item(std::to_string(next_in[key]++), std::to_string(key));
        if (!of.add(it, {})) of.enqueue(producers.emplace_back(std::move(it)));
        break;
      }
      case 1:
        if (const auto it = of.take({})) {
          const auto key = std::stoul(it->key);
          ASSERT_EQ(it->label, std::to_string(next_out[key]++));
          for (const auto& [other, number] : in_work) ASSERT_NE(other, it->key);
          in_work.emplace_back(it->key, 0);
          ++out;
        }
        break;
      case 2:
        if (in_work.empty()) break;
        std::swap(in_work[random() % in_work.size()], in_work.back());
        of.over(in_work.back().first);
        in_work.pop_back();
        break;
    }
    ASSERT_LE(of.waiting(), 8U);
    ASSERT_TRUE(of.producers() == 0 || of.waiting() == 8);
  }
}

}  // namespace lastcall::queue_book_test
