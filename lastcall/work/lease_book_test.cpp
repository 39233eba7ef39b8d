#include "lastcall/work/lease_book.hpp"

#include <gtest/gtest.h>

#include <array>

namespace lastcall::lease_book_test {

using namespace std::chrono_literals;
using detail::lease_book;
using detail::lease_waiter;

struct caller final : lease_waiter {
  void told() noexcept override { ++times_told; }
  int times_told = 0;
};

const time_point t0 = time_point() + 1h;

lease_book::timing usual(std::size_t most) { return {.most = most, .lifetime = 30min, .idle_time = 5min}; }

std::size_t open_one(lease_book& book, time_point now = t0) {
  const auto slot = book.next_to_open(now);
  EXPECT_TRUE(slot);
  book.opened(*slot, now, 0);
  return *slot;
}

TEST(lease_book, opens_one_for_the_first_that_waits_and_lends_it) {
  lease_book book(usual(2));
  EXPECT_FALSE(book.next_to_open(t0));
  EXPECT_FALSE(book.lend());
  caller first;
  book.enqueue(first);
  const std::size_t slot = open_one(book);
  EXPECT_FALSE(book.next_to_open(t0));  // nobody waits for a second one: the first is idle
  EXPECT_TRUE(book.grant());
  EXPECT_EQ(first.at, lease_waiter::state::granted);
  EXPECT_EQ(first.slot, slot);
  EXPECT_EQ(first.times_told, 1);
  EXPECT_EQ(book.lent(), 1u);
}

TEST(lease_book, serves_those_that_wait_in_the_order_of_their_coming) {
  lease_book book(usual(1));
  std::array<caller, 3> callers;
  for (caller& one : callers) book.enqueue(one);
  std::size_t slot = open_one(book);
  for (caller& one : callers) {
    EXPECT_FALSE(book.lend()) << "one that comes now must not overtake those that wait";
    EXPECT_EQ(one.at, lease_waiter::state::waiting);
    ASSERT_TRUE(book.grant());
    EXPECT_EQ(one.at, lease_waiter::state::granted);
    book.returned(slot, true, t0);
  }
  EXPECT_EQ(book.lend(), slot);
}

TEST(lease_book, forgets_a_caller_that_has_given_up) {
  lease_book book(usual(1));
  caller gone;
  caller next;
  book.enqueue(gone);
  book.enqueue(next);
  book.withdraw(gone);
  open_one(book);
  EXPECT_TRUE(book.grant());
  EXPECT_EQ(gone.times_told, 0);
  EXPECT_EQ(next.at, lease_waiter::state::granted);
}

TEST(lease_book, opens_at_most_as_many_as_it_may_and_four_at_a_time) {
  lease_book book(usual(6));
  std::array<caller, 10> callers;
  for (caller& one : callers) book.enqueue(one);
  std::size_t began = 0;
  while (book.next_to_open(t0)) ++began;
  EXPECT_EQ(began, lease_book::most_opening);
  for (std::size_t slot = 0; slot < began; ++slot) book.opened(slot, t0, 0);
  while (book.grant()) continue;
  while (book.next_to_open(t0)) ++began;
  EXPECT_EQ(began, 6u);
  EXPECT_EQ(book.waiting(), 6u);
}

TEST(lease_book, tries_again_alone_and_after_pauses_that_double_up_to_a_bound) {
  lease_book book(usual(8));
  std::array<caller, 8> callers;
  for (caller& one : callers) book.enqueue(one);
  time_point now = t0;
  duration pause = 100ms;
  for (int failures = 0; failures < 10; ++failures) {
    const auto slot = book.next_to_open(now);
    ASSERT_TRUE(slot);
    if (failures > 0) {
      EXPECT_FALSE(book.next_to_open(now)) << "one at a time while openings fail";
    }
    book.failed_to_open(*slot, now, 1);
    EXPECT_EQ(book.pause(), pause);
    EXPECT_FALSE(book.next_to_open(now + pause - 1ns));
    EXPECT_EQ(book.wakes(now), now + pause);
    EXPECT_EQ(book.failing_since(), t0);
    now += pause;
    pause = std::min<duration>(5s, 2 * pause);
  }
  open_one(book, now);
  EXPECT_FALSE(book.failing_since());
  EXPECT_TRUE(book.next_to_open(now));
}

TEST(lease_book, tries_again_although_nobody_waits_where_that_is_wanted) {
  for (const bool wanted : {false, true}) {
    lease_book::timing of = usual(1);
    of.tries_unasked = wanted;
    lease_book book(of);
    EXPECT_FALSE(book.next_to_open(t0)) << "nothing has failed";
    caller one;
    book.enqueue(one);
    book.failed_to_open(*book.next_to_open(t0), t0, 1);
    book.withdraw(one);
    EXPECT_EQ(book.next_to_open(t0 + 100ms).has_value(), wanted);
  }
}

TEST(lease_book, takes_half_of_a_pause_at_random) {
  lease_book book(usual(1));
  caller one;
  book.enqueue(one);
  book.failed_to_open(*book.next_to_open(t0), t0, 0);
  EXPECT_TRUE(book.next_to_open(t0 + 50ms));
}

TEST(lease_book, closes_what_came_back_broken_and_opens_another_for_those_that_wait) {
  lease_book book(usual(1));
  caller first;
  caller next;
  book.enqueue(first);
  const std::size_t slot = open_one(book);
  book.grant();
  book.enqueue(next);
  book.returned(slot, false, t0);
  EXPECT_FALSE(book.grant());
  EXPECT_FALSE(book.next_to_open(t0)) << "the broken one still takes the only place";
  EXPECT_EQ(book.next_to_close(), slot);
  EXPECT_FALSE(book.next_to_close());
  book.closed(slot);
  open_one(book);
  EXPECT_TRUE(book.grant());
  EXPECT_EQ(next.at, lease_waiter::state::granted);
}

TEST(lease_book, closes_what_was_idle_too_long_but_for_those_that_are_kept) {
  lease_book::timing timing = usual(3);
  timing.kept_idle = 1;
  lease_book book(timing);
  std::array<caller, 3> callers;
  for (caller& one : callers) book.enqueue(one);
  while (const auto slot = book.next_to_open(t0)) book.opened(*slot, t0, 0);
  while (book.grant()) continue;
  for (const caller& one : callers) book.returned(one.slot, true, t0);
  EXPECT_EQ(book.wakes(t0), t0 + 5min);
  book.expire(t0 + 5min - 1ns);
  EXPECT_EQ(book.idle(), 3u);
  book.expire(t0 + 5min);
  EXPECT_EQ(book.idle(), 1u);
  EXPECT_EQ(book.wakes(t0 + 5min), t0 + 30min);  // its lifetime
}

TEST(lease_book, opens_ahead_what_is_kept) {
  lease_book::timing timing = usual(3);
  timing.kept_idle = 2;
  lease_book book(timing);
  open_one(book);
  open_one(book);
  EXPECT_FALSE(book.next_to_open(t0));
}

TEST(lease_book, closes_what_has_lived_its_time_when_it_is_idle_or_comes_back) {
  lease_book book(usual(2));
  std::array<caller, 2> callers;
  for (caller& one : callers) book.enqueue(one);
  while (const auto slot = book.next_to_open(t0)) book.opened(*slot, t0, 1);  // a tenth less
  while (book.grant()) continue;
  book.returned(callers[0].slot, true, t0 + 26min);
  book.expire(t0 + 27min - 1ns);
  EXPECT_FALSE(book.next_to_close());
  book.expire(t0 + 27min);
  EXPECT_EQ(book.next_to_close(), callers[0].slot);
  book.returned(callers[1].slot, true, t0 + 27min);
  EXPECT_EQ(book.next_to_close(), callers[1].slot);
}

TEST(lease_book, refuses_all_and_closes_what_is_idle_once_it_is_closed) {
  lease_book book(usual(3));
  std::array<caller, 2> holders;
  for (caller& one : holders) book.enqueue(one);
  while (const auto slot = book.next_to_open(t0)) book.opened(*slot, t0, 0);
  while (book.grant()) continue;
  book.returned(holders[0].slot, true, t0);
  caller late;
  caller later_still;
  book.enqueue(late);
  book.grant();
  book.enqueue(later_still);
  const auto opening = book.next_to_open(t0);
  ASSERT_TRUE(opening);

  book.close();
  EXPECT_EQ(later_still.at, lease_waiter::state::refused);
  EXPECT_EQ(later_still.times_told, 1);
  EXPECT_FALSE(book.lend());
  EXPECT_FALSE(book.next_to_open(t0));
  book.opened(*opening, t0, 0);
  book.returned(late.slot, true, t0);
  std::size_t closed = 0;
  while (const auto slot = book.next_to_close()) {
    book.closed(*slot);
    ++closed;
  }
  EXPECT_EQ(closed, 2u);
  EXPECT_EQ(book.lent(), 1u);
  book.returned(holders[1].slot, true, t0);
  EXPECT_EQ(book.next_to_close(), holders[1].slot);
  book.closed(holders[1].slot);
  EXPECT_EQ(book.occupied(), 0u);
  EXPECT_EQ(book.wakes(t0), time_point::max());
}

}  // namespace lastcall::lease_book_test
