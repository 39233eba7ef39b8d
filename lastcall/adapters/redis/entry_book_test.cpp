#include "lastcall/adapters/redis/entry_book.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace lastcall::redis::entry_book_test {

using namespace std::chrono_literals;
using detail::dead_letter;
using detail::entry_book;
using detail::pending_entry;
using ::testing::ElementsAre;
using ::testing::IsEmpty;

const time_point now = steady().now();

entry tried(const char* id, std::uint64_t tries = 1) { return {.id = id, .tries = tries}; }
std::vector<std::string> ids(const std::vector<pending_entry>& of) {
  std::vector<std::string> all;
  for (const pending_entry& each : of) all.push_back(each.id);
  return all;
}

TEST(entry_book, has_room_for_no_more_than_begin_at_once) {
  entry_book book(2, 64, 1min);
  EXPECT_EQ(book.room(), 2u);
  book.take(tried("1-0"), false);
  EXPECT_EQ(book.room(), 1u);
  book.take(tried("2-0"), false);
  book.begun("2-0");
  EXPECT_EQ(book.room(), 0u);
  book.failed("1-0", now);
  EXPECT_EQ(book.room(), 1u);
  book.done("2-0");
  EXPECT_EQ(book.room(), 2u);
}

TEST(entry_book, has_no_room_while_too_many_are_not_acknowledged) {
  entry_book book(4, 2, 1min);
  EXPECT_TRUE(book.take(tried("1-0"), false));
  EXPECT_TRUE(book.take(tried("2-0", 2), true));
  EXPECT_EQ(book.room(), 0u);
  book.done("2-0");
  EXPECT_EQ(book.room(), 0u) << "it is not acknowledged";
  book.acknowledged(book.to_acknowledge(10));
  EXPECT_EQ(book.room(), 1u);
  EXPECT_EQ(book.counted().acknowledged, 1u);
  EXPECT_EQ(book.counted().claimed, 1u);
}

TEST(entry_book, holds_an_entry_once) {
  entry_book book(4, 2, 1min);
  EXPECT_TRUE(book.take(tried("1-0"), false));
  EXPECT_FALSE(book.take(tried("1-0", 2), true));
  EXPECT_EQ(book.counted().claimed, 0u);
  EXPECT_EQ(book.room(), 1u);
}

TEST(entry_book, acknowledges_only_what_is_done_the_oldest_first) {
  entry_book book(4, 4, 1min);
  for (const char* id : {"1-0", "2-0", "3-0"}) {
    book.take(tried(id), false);
    book.begun(id);
  }
  EXPECT_THAT(book.to_acknowledge(10), IsEmpty());
  book.done("3-0");
  book.done("1-0");
  book.done("1-0");
  book.done("9-0");
  EXPECT_THAT(book.to_acknowledge(10), ElementsAre("3-0", "1-0"));
  EXPECT_THAT(book.to_acknowledge(1), ElementsAre("3-0"));
  book.acknowledged({"3-0"});
  EXPECT_THAT(book.held(10), ElementsAre("1-0", "2-0"));
  EXPECT_THAT(book.not_done(), ElementsAre("2-0"));
}

TEST(entry_book, knows_what_was_read_and_not_begun) {
  entry_book book(4, 4, 1min);
  book.take(tried("1-0"), false);
  book.take(tried("2-0", 3), true);
  book.begun("1-0");
  EXPECT_THAT(book.not_done(), ElementsAre("1-0"));
  ASSERT_THAT(ids(book.not_begun()), ElementsAre("2-0"));
  EXPECT_EQ(book.not_begun()[0].given, 3u);
}

TEST(entry_book, lets_go_of_what_failed_and_may_hold_it_again) {
  entry_book book(1, 1, 1min);
  book.take(tried("1-0"), false);
  book.failed("1-0", now);
  EXPECT_EQ(book.room(), 1u);
  EXPECT_EQ(book.counted().failed, 1u);
  EXPECT_TRUE(book.take(tried("1-0", 2), true));
}

TEST(entry_book, holds_a_dead_entry_until_it_is_moved) {
  entry_book book(1, 1, 1min);
  book.take(tried("1-0"), false);
  book.dead({.of = {.id = "1-0"}, .why = "too often"});
  book.done("1-0");
  EXPECT_THAT(book.to_acknowledge(10), IsEmpty());
  EXPECT_EQ(book.room(), 0u);
  ASSERT_NE(book.next_dead(), nullptr);
  EXPECT_EQ(book.next_dead()->why, "too often");
  book.moved();
  EXPECT_EQ(book.next_dead(), nullptr);
  EXPECT_EQ(book.room(), 1u);
  EXPECT_EQ(book.counted().dead, 1u);
}

TEST(entry_book, claims_one_at_a_time_of_those_that_may_have_ended_a_process) {
  entry_book book(4, 64, 1min);
  const std::vector<pending_entry> left{{"1-0", 1}, {"2-0", 1}, {"3-0", 0}, {"4-0", 4}};
  const auto first = book.to_claim(left, now);
  EXPECT_THAT(ids(first.now), ElementsAre("1-0", "3-0")) << "the third was given back untried";
  EXPECT_TRUE(first.some_wait);
  book.take(tried("1-0", 2), true);
  book.take(tried("3-0", 1), true);
  EXPECT_THAT(ids(book.to_claim(left, now).now), IsEmpty());
  book.done("1-0");
  EXPECT_THAT(ids(book.to_claim(left, now).now), ElementsAre("2-0"));
  book.take(tried("2-0", 2), true);
  book.failed("2-0", now);
  const auto last = book.to_claim(left, now);
  EXPECT_THAT(ids(last.now), ElementsAre("2-0", "4-0")) << "what has thrown here ends no process";
  EXPECT_FALSE(last.some_wait);
}

TEST(entry_book, claims_what_has_failed_here_as_there_is_room) {
  entry_book book(2, 64, 1min);
  const std::vector<pending_entry> left{{"1-0", 1}, {"2-0", 1}, {"3-0", 1}};
  for (const pending_entry& each : left) {
    book.take({.id = each.id}, false);
    book.failed(each.id, now);
  }
  const auto all = book.to_claim(left, now + 30s);
  EXPECT_THAT(ids(all.now), ElementsAre("1-0", "2-0"));
  EXPECT_TRUE(all.some_wait);
  EXPECT_THAT(ids(book.to_claim(left, now + 61s).now), ElementsAre("1-0")) << "another one may have tried it since";
}

TEST(entry_book, knows_what_was_given_to_us_and_never_came) {
  entry_book book(4, 64, 1min);
  for (const char* id : {"1-0", "2-0"}) book.take(tried(id), false);
  book.failed("2-0", now);
  const std::vector<pending_entry> ours{
      {"1-0", 1, 1s}, {"2-0", 1, 1s}, {"3-0", 1, 4s}, {"4-0", 1, 1s}, {"5-0", 1, 2001ms}};
  EXPECT_THAT(ids(book.on_their_way(ours, now - 2s, now)), ElementsAre("4-0", "5-0")) << "the third was given before";
}

}  // namespace lastcall::redis::entry_book_test
