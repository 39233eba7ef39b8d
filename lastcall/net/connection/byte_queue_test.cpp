#include "lastcall/net/connection/byte_queue.hpp"

#include <gtest/gtest.h>

#include <string>

namespace lastcall::net::byte_queue_test {

TEST(byte_queue, gives_out_what_came_in_the_same_order) {
  byte_queue q(std::string("one "));
  q.append("two ");
  q.drop_front(4);
  q.append("three");
  EXPECT_EQ(q.view(), "two three");
  EXPECT_EQ(q.size(), 9U);
}

TEST(byte_queue, is_empty_when_all_is_used_and_can_be_filled_again) {
  byte_queue q;
  EXPECT_TRUE(q.empty());
  q.append("all");
  q.drop_front(3);
  EXPECT_TRUE(q.empty());
  q.append("again");
  EXPECT_EQ(q.view(), "again");
}

TEST(byte_queue, keeps_its_order_when_the_used_half_of_a_long_one_goes) {
  byte_queue q;
  std::string rest;
  for (int i = 0; i < 10'000; ++i) {
    q.append("0123456789");
    rest += "0123456789";
    if (i % 3 == 0) {
      q.drop_front(7);
      rest.erase(0, 7);
    }
  }
  EXPECT_EQ(q.view(), rest);
}

}  // namespace lastcall::net::byte_queue_test
