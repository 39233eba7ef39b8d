#include "lastcall/net/connection/write_queue.hpp"

#include <gtest/gtest.h>

#include <string>

namespace lastcall::net::write_queue_test {

TEST(write_queue, takes_over_a_buffer_without_a_copy_and_goes_on_where_the_kernel_stopped) {
  write_queue q;
  std::string out(100'000, 'a');
  out += "rest";
  const char* const bytes = out.data();
  q.take(out, 100'000);
  EXPECT_EQ(q.unsent(), "rest");
  EXPECT_EQ(q.unsent().data(), bytes + 100'000);
  EXPECT_TRUE(out.empty());
}

TEST(write_queue, gives_later_bytes_behind_earlier_ones_whatever_the_kernel_takes_between) {
  write_queue q;
  std::string out = "one two ";
  q.take(out, 4);
  q.append("three");
  q.sent(2);
  EXPECT_EQ(q.unsent(), "o three");
  EXPECT_EQ(q.size(), 7U);
  q.sent(7);
  EXPECT_TRUE(q.empty());
  q.append("again");
  EXPECT_EQ(q.unsent(), "again");
}

TEST(write_queue, gives_a_large_buffer_back_once_all_is_sent) {
  write_queue q;
  std::string out(1'000'000, 'a');
  q.take(out, 10);
  q.sent(999'990);
  std::string next = "next";
  q.take(next, 0);  // gives out what the queue has kept
  EXPECT_LE(next.capacity(), 4096U);
}

TEST(write_queue, sees_progress_only_when_fewer_bytes_are_unacknowledged_than_at_the_last_look) {
  write_queue q;
  EXPECT_FALSE(q.look(0));
  EXPECT_FALSE(q.look(500));
  EXPECT_FALSE(q.look(500));
  EXPECT_TRUE(q.look(499));
  EXPECT_FALSE(q.look(499));
  EXPECT_FALSE(q.look(900));
  EXPECT_TRUE(q.look(0));
  EXPECT_FALSE(q.look(0));
}

}  // namespace lastcall::net::write_queue_test
