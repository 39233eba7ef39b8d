#include "lastcall/adapters/kafka/send_book.hpp"

#include <gtest/gtest.h>

namespace lastcall::kafka::send_book_test {

using kafka::detail::room_waiter;
using kafka::detail::send_book;

TEST(send_book, has_room_for_so_many_records_and_bytes) {
  send_book it(2, 100);
  EXPECT_TRUE(it.add(60));
  EXPECT_FALSE(it.add(41));
  EXPECT_TRUE(it.add(40));
  EXPECT_FALSE(it.add(0));
  it.over(60);
  EXPECT_TRUE(it.add(60));
  EXPECT_EQ(it.records(), 2u);
  EXPECT_EQ(it.bytes(), 100u);
  EXPECT_TRUE(it.fits_never(101));
  EXPECT_FALSE(it.fits_never(100));
}

TEST(send_book, gives_room_in_the_order_of_coming) {
  send_book it(1, 100);
  EXPECT_TRUE(it.add(100));
  room_waiter large{.bytes = 100}, small{.bytes = 1};
  it.enqueue(large);
  it.enqueue(small);
  EXPECT_EQ(it.admit(), nullptr);
  it.over(100);
  EXPECT_FALSE(it.add(1)) << "overtakes those that wait";
  EXPECT_EQ(it.admit(), &large);
  EXPECT_EQ(it.admit(), nullptr);
  it.over(100);
  EXPECT_EQ(it.admit(), &small);
  EXPECT_EQ(it.waiting(), 0u);
}

TEST(send_book, forgets_one_that_has_given_up_and_refuses_the_rest) {
  send_book it(1, 100);
  EXPECT_TRUE(it.add(1));
  room_waiter a{.bytes = 1}, b{.bytes = 1}, c{.bytes = 1};
  it.enqueue(a);
  it.enqueue(b);
  it.enqueue(c);
  it.withdraw(b);
  EXPECT_EQ(it.refuse(), &a);
  EXPECT_EQ(it.refuse(), &c);
  EXPECT_EQ(it.refuse(), nullptr);
  EXPECT_EQ(it.records(), 1u);
}

}  // namespace lastcall::kafka::send_book_test
