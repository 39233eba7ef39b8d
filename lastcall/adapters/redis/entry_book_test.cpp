#include "lastcall/adapters/redis/entry_book.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace lastcall::redis::entry_book_test {

using detail::dead_letter;
using detail::entry_book;
using ::testing::ElementsAre;
using ::testing::IsEmpty;

TEST(entry_book, has_room_until_what_it_holds_is_acknowledged) {
  entry_book book(2);
  EXPECT_TRUE(book.take("1-0", false));
  EXPECT_TRUE(book.take("2-0", true));
  EXPECT_EQ(book.room(), 0u);
  book.done("2-0");
  EXPECT_EQ(book.room(), 0u) << "it is not acknowledged";
  book.acknowledged(book.to_acknowledge(10));
  EXPECT_EQ(book.room(), 1u);
  EXPECT_EQ(book.counted().acknowledged, 1u);
  EXPECT_EQ(book.counted().claimed, 1u);
}

TEST(entry_book, holds_an_entry_once) {
  entry_book book(2);
  EXPECT_TRUE(book.take("1-0", false));
  EXPECT_FALSE(book.take("1-0", true));
  EXPECT_EQ(book.counted().claimed, 0u);
}

TEST(entry_book, acknowledges_only_what_is_done_the_oldest_first) {
  entry_book book(4);
  for (const char* id : {"1-0", "2-0", "3-0"}) book.take(id, false);
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

TEST(entry_book, lets_go_of_what_failed_and_may_hold_it_again) {
  entry_book book(1);
  book.take("1-0", false);
  book.failed("1-0");
  EXPECT_EQ(book.room(), 1u);
  EXPECT_EQ(book.counted().failed, 1u);
  EXPECT_TRUE(book.take("1-0", true));
}

TEST(entry_book, holds_a_dead_entry_until_it_is_moved) {
  entry_book book(1);
  book.take("1-0", false);
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

}  // namespace lastcall::redis::entry_book_test
