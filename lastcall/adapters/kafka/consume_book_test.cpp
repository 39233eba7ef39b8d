#include "lastcall/adapters/kafka/consume_book.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>
#include <random>
#include <set>
#include <utility>
#include <vector>

namespace lastcall::kafka::consume_book_test {

using namespace std::chrono_literals;
using kafka::detail::consume_book;
using kafka::detail::consumed;
using kafka::detail::offset_range;

const time_point t0{};

std::unique_ptr<consumed> message(std::int64_t offset, std::optional<std::string> key = std::nullopt) {
  auto made = std::make_unique<consumed>();
  made->offset = offset;
  made->key = std::move(key);
  return made;
}

struct one_partition {
  explicit one_partition(const consume_book::rules& of = {}) : book(of), in(book.assign("orders", 2)) {}
  void add(std::int64_t first, std::int64_t last) {
    for (std::int64_t each = first; each <= last; ++each) EXPECT_TRUE(book.add(in, message(each)));
  }
  consume_book::entry& take(time_point now = t0) {
    consume_book::entry* const it = book.take(now);
    if (it == nullptr) throw std::logic_error("nothing to take");
    return *it;
  }

  consume_book book;
  consume_book::number in;
};

TEST(consume_book, works_on_one_message_of_a_partition_at_a_time) {
  one_partition of;
  of.add(10, 12);
  consume_book::entry& first = of.take();
  EXPECT_EQ(first.offset, 10);
  EXPECT_EQ(of.book.take(t0), nullptr);
  of.book.done(first);
  EXPECT_EQ(of.take().offset, 11);
  EXPECT_EQ(of.book.take(t0), nullptr);
}

TEST(consume_book, works_on_several_partitions_at_once) {
  consume_book book({});
  const auto a = book.assign("orders", 0), b = book.assign("orders", 1);
  EXPECT_TRUE(book.add(a, message(5)));
  EXPECT_TRUE(book.add(b, message(7)));
  EXPECT_NE(book.take(t0), nullptr);
  EXPECT_NE(book.take(t0), nullptr);
  EXPECT_EQ(book.in_work(), 2u);
}

TEST(consume_book, keeps_the_order_of_a_key_and_lets_other_keys_and_those_without_pass) {
  one_partition of({.by_key = true});
  EXPECT_TRUE(of.book.add(of.in, message(1, "a")));
  EXPECT_TRUE(of.book.add(of.in, message(2, "a")));
  EXPECT_TRUE(of.book.add(of.in, message(3, "b")));
  EXPECT_TRUE(of.book.add(of.in, message(4)));
  EXPECT_TRUE(of.book.add(of.in, message(5)));
  std::vector<consume_book::entry*> all;
  while (consume_book::entry* const it = of.book.take(t0)) all.push_back(it);
  ASSERT_EQ(all.size(), 4u);
  EXPECT_EQ(all[1]->offset, 3);
  EXPECT_EQ(all[3]->offset, 5);
  of.book.done(*all[0]);
  EXPECT_EQ(of.take().offset, 2);
}

TEST(consume_book, commits_up_to_the_first_that_is_not_finished) {
  one_partition of({.by_key = true});
  of.add(10, 13);
  consume_book::entry &a = of.take(), &b = of.take(), &c = of.take();
  of.book.done(b);
  EXPECT_EQ(of.book.to_commit(of.in), std::nullopt);
  EXPECT_EQ(of.book.uncommitted(of.in),
            (offset_range{.topic = "orders", .partition = 2, .first = 10, .last = 11, .messages = 1}));
  of.book.done(a);
  EXPECT_EQ(of.book.to_commit(of.in), 12);
  EXPECT_EQ(of.book.to_store(of.in), 12);
  of.book.stored(of.in);
  EXPECT_EQ(of.book.to_store(of.in), std::nullopt);
  EXPECT_EQ(of.book.to_commit(of.in), 12);
  of.book.done(c);
  EXPECT_EQ(of.book.to_store(of.in), 13);
  of.book.committed(of.in, 11);
  EXPECT_EQ(of.book.uncommitted(of.in).messages, 3u) << "11 was never stored";
  of.book.committed(of.in, 12);
  EXPECT_EQ(of.book.to_commit(of.in), 13);
  EXPECT_EQ(of.book.uncommitted(of.in).messages, 1u);
  of.book.stored(of.in);
  of.book.committed(of.in, 13);
  EXPECT_EQ(of.book.to_commit(of.in), std::nullopt);
  EXPECT_EQ(of.book.uncommitted(), 0u);
}

TEST(consume_book, keeps_a_commit_of_what_was_never_stored) {
  one_partition of;
  of.add(10, 12);
  EXPECT_TRUE(of.book.done(of.take()));
  of.book.stored(of.in);
  EXPECT_TRUE(of.book.done(of.take()));
  of.book.committed(of.in, 11);
  EXPECT_EQ(of.book.to_commit(of.in), 12);
  of.book.committed(of.in, 12);
  EXPECT_EQ(of.book.to_commit(of.in), std::nullopt);
  EXPECT_EQ(of.book.to_store(of.in), std::nullopt);
  EXPECT_EQ(of.book.uncommitted(of.in).messages, 0u);
}

TEST(consume_book, commits_behind_offsets_that_a_topic_no_longer_has) {
  one_partition of;
  EXPECT_TRUE(of.book.add(of.in, message(10)));
  EXPECT_TRUE(of.book.add(of.in, message(20)));
  of.book.done(of.take());
  EXPECT_EQ(of.book.to_commit(of.in), 11);
  of.book.done(of.take());
  EXPECT_EQ(of.book.to_commit(of.in), 21);
}

TEST(consume_book, takes_no_message_twice) {
  one_partition of;
  of.add(10, 11);
  EXPECT_FALSE(of.book.add(of.in, message(10)));
  EXPECT_FALSE(of.book.add(of.in, message(11)));
  EXPECT_TRUE(of.book.add(of.in, message(12)));
  EXPECT_EQ(of.book.count().taken, 3u);
}

TEST(consume_book, has_room_for_most_between_the_first_open_and_the_last_taken) {
  one_partition of({.most = 3, .by_key = true});
  of.add(0, 2);
  EXPECT_EQ(of.book.room(of.in), 0u);
  consume_book::entry &a = of.take(), &b = of.take();
  of.book.done(b);
  EXPECT_EQ(of.book.room(of.in), 0u);
  of.book.done(a);
  EXPECT_EQ(of.book.room(of.in), 2u);
}

TEST(consume_book, tries_again_after_pauses_that_double_and_keeps_the_order_meanwhile) {
  one_partition of({.first_pause = 100ms, .longest_pause = 300ms});
  of.add(1, 2);
  time_point now = t0;
  for (const duration pause : {100ms, 200ms, 300ms, 300ms}) {
    of.book.failed(of.take(now), "no", now, 0);
    EXPECT_EQ(of.book.next_due(), now + pause);
    EXPECT_FALSE(of.book.can_take(now + pause - 1ns));
    EXPECT_EQ(of.book.take(now + pause - 1ns), nullptr);
    now += pause;
    EXPECT_TRUE(of.book.can_take(now));
  }
  consume_book::entry& it = of.take(now);
  EXPECT_EQ(it.offset, 1);
  EXPECT_EQ(it.failures, 4u);
  of.book.failed(it, "no", now, 1);
  EXPECT_EQ(of.book.next_due(), now + 150ms);
}

TEST(consume_book, calls_a_message_poison_after_its_tries) {
  one_partition of({.tries = 2, .first_pause = 1s, .longest_pause = 1s});
  of.add(1, 2);
  of.book.failed(of.take(), "first", t0, 0);
  of.book.failed(of.take(t0 + 1s), "second", t0 + 1s, 0);
  consume_book::entry& it = of.take(t0 + 1s);
  EXPECT_TRUE(it.poison);
  EXPECT_EQ(it.why, "second");
  of.book.failed(it, "the poison callback too", t0 + 1s, 0);
  EXPECT_EQ(of.book.next_due(), t0 + 2s);
  consume_book::entry& again = of.take(t0 + 2s);
  EXPECT_TRUE(again.poison);
  of.book.done(again);
  EXPECT_EQ(of.book.count().poisoned, 1u);
  EXPECT_EQ(of.book.count().done, 0u);
  EXPECT_EQ(of.book.to_commit(of.in), 2);
  EXPECT_FALSE(of.take(t0 + 2s).poison);
}

TEST(consume_book, that_ends_drops_what_nothing_begun_stands_behind) {
  one_partition of;
  of.add(1, 5);
  consume_book::entry& it = of.take();
  of.book.end(of.in);
  EXPECT_FALSE(of.book.is_quiet(of.in));
  EXPECT_EQ(of.book.count().handed_back, 4u);
  EXPECT_EQ(of.book.room(of.in), 0u);
  EXPECT_FALSE(of.book.add(of.in, message(6)));
  of.book.done(it);
  EXPECT_TRUE(of.book.is_quiet(of.in));
  EXPECT_EQ(of.book.take(t0), nullptr);
  EXPECT_EQ(of.book.to_commit(of.in), 2);
}

TEST(consume_book, that_ends_still_does_what_stands_before_a_finished_message) {
  one_partition of({.by_key = true});
  EXPECT_TRUE(of.book.add(of.in, message(1, "a")));
  EXPECT_TRUE(of.book.add(of.in, message(2, "a")));
  EXPECT_TRUE(of.book.add(of.in, message(3, "b")));
  EXPECT_TRUE(of.book.add(of.in, message(4, "b")));
  consume_book::entry &a = of.take(), &b = of.take();
  of.book.done(b);
  EXPECT_EQ(of.book.in_work(), 1u);
  of.book.end(of.in);  // 4 is ready, and goes; 2 stands before 3, and stays
  EXPECT_EQ(of.book.count().handed_back, 1u);
  of.book.done(a);
  of.book.done(of.take());
  EXPECT_TRUE(of.book.is_quiet(of.in));
  EXPECT_EQ(of.book.to_commit(of.in), 4);
}

TEST(consume_book, that_ends_tries_a_failed_message_again_only_if_finished_ones_wait_for_it) {
  one_partition alone;
  alone.add(1, 2);
  consume_book::entry& it = alone.take();
  alone.book.end(alone.in);
  alone.book.failed(it, "no", t0, 0);
  EXPECT_TRUE(alone.book.is_quiet(alone.in));
  EXPECT_EQ(alone.book.next_due(), std::nullopt);

  one_partition keys({.by_key = true, .first_pause = 1s, .longest_pause = 1s});
  keys.add(1, 2);
  consume_book::entry &a = keys.take(), &b = keys.take();
  keys.book.done(b);
  keys.book.end(keys.in);
  keys.book.failed(a, "no", t0, 0);
  EXPECT_FALSE(keys.book.is_quiet(keys.in));
  keys.book.done(keys.take(t0 + 1s));
  EXPECT_EQ(keys.book.to_commit(keys.in), 3);
}

TEST(consume_book, that_is_forced_begins_nothing_more) {
  one_partition of({.by_key = true});
  of.add(1, 3);
  consume_book::entry &a = of.take(), &b = of.take();
  of.book.done(b);
  of.book.drop_waiting(of.in);
  EXPECT_EQ(of.book.take(t0), nullptr);
  of.book.cut(a);
  EXPECT_TRUE(of.book.is_quiet(of.in));
  EXPECT_EQ(of.book.to_commit(of.in), std::nullopt);
  EXPECT_EQ(to_text(of.book.uncommitted(of.in)), "orders [2] 1-2");
  EXPECT_EQ(of.book.count().cut, 1u);
  EXPECT_EQ(of.book.count().handed_back, 1u);
}

TEST(consume_book, begins_nothing_while_it_is_held) {
  one_partition of;
  of.add(1, 2);
  of.book.hold(t0 + 1s);
  EXPECT_EQ(of.book.take(t0), nullptr);
  EXPECT_FALSE(of.book.can_take(t0));
  EXPECT_EQ(of.book.next_due(), t0 + 1s);
  EXPECT_EQ(of.take(t0 + 1s).offset, 1);
  of.book.hold({});
  EXPECT_EQ(of.book.next_due(), std::nullopt);
}

TEST(consume_book, forgets_a_partition_and_takes_back_what_was_in_work_of_it) {
  one_partition of;
  of.add(1, 3);
  consume_book::entry& late = of.take();
  of.book.remove(of.in);
  EXPECT_EQ(of.book.waiting(), 0u);
  EXPECT_EQ(of.book.in_work(), 1u);
  const auto again = of.book.assign("orders", 2);
  EXPECT_TRUE(of.book.add(again, message(1)));
  EXPECT_FALSE(of.book.done(late)) << "the group gets it again";
  EXPECT_EQ(of.book.in_work(), 0u);
  EXPECT_EQ(of.book.to_commit(again), std::nullopt);
  EXPECT_EQ(of.take().offset, 1);
}

// Each message that was taken ends in one count, and what is committed is finished, whatever happens.
TEST(consume_book, accounts_for_each_message_in_random_runs) {
  const auto seed = std::random_device{}();
  SCOPED_TRACE("seed " + std::to_string(seed));
  std::mt19937 random(seed);
  for (int run = 0; run < 300; ++run) {
    consume_book book({.most = 8, .by_key = run % 2 == 0, .tries = 2, .first_pause = 1ms, .longest_pause = 2ms});
    std::vector<consume_book::number> open{book.assign("t", 0), book.assign("t", 1)};
    std::map<consume_book::number, std::int64_t> next;
    std::set<consume_book::entry*> work;
    time_point now = t0;
    for (int step = 0; step < 400; ++step) {
      now += 1ms;
      const auto in = open[random() % open.size()];
      switch (random() % 6) {
        case 0:
        case 1:
          if (book.room(in) > 0) {
            EXPECT_TRUE(book.add(in, message(next[in], "k" + std::to_string(random() % 3))));
            ++next[in];
          }
          break;
        case 2:
          if (consume_book::entry* const it = book.take(now)) {
            for (const consume_book::entry* const other : work)
              EXPECT_FALSE(other->of == it->of && (run % 2 == 1 || other->it->key == it->it->key)) << "out of order";
            work.insert(it);
          }
          break;
        case 3:
        case 4:
          if (!work.empty()) {
            const auto it = std::next(work.begin(), static_cast<std::ptrdiff_t>(random() % work.size()));
            consume_book::entry& done = **it;
            work.erase(it);
            if (random() % 4 == 0) {
              book.failed(done, "no", now, 0);
            } else {
              book.done(done);
            }
          }
          break;
        default:
          if (const auto at = book.to_commit(in)) {
            EXPECT_LE(*at, next[in]);
            if (book.to_store(in)) book.stored(in);
            book.committed(in, *at);
          }
      }
    }
    for (const auto in : open) book.end(in);
    for (int step = 0; step < 1000; ++step) {
      now += 1ms;
      while (consume_book::entry* const it = book.take(now)) work.insert(it);
      for (consume_book::entry* const it : std::exchange(work, {})) book.done(*it);
    }
    for (const auto in : open) {
      EXPECT_TRUE(book.is_quiet(in));
      if (book.to_store(in)) book.stored(in);
      if (const auto at = book.to_commit(in)) book.committed(in, *at);
      EXPECT_EQ(book.uncommitted(in).messages, 0u) << to_text(book.uncommitted(in));
      book.remove(in);
    }
    const auto& all = book.count();
    EXPECT_EQ(all.taken, all.done + all.poisoned + all.handed_back + all.cut);
    EXPECT_EQ(book.waiting() + book.in_work(), 0u);
  }
}

}  // namespace lastcall::kafka::consume_book_test
