#include "lastcall/http/message/input_buffer.hpp"

#include <gtest/gtest.h>

#include <cstring>
#include <string_view>

namespace lastcall::http::detail::input_buffer_test {

void receive(input_buffer& b, std::string_view bytes) {
  const auto space = b.free_space();
  ASSERT_GE(space.size(), bytes.size());
  std::memcpy(space.data(), bytes.data(), bytes.size());
  b.received(bytes.size());
}

TEST(input_buffer, gives_what_was_received_and_the_space_behind_it) {
  input_buffer b(8);
  EXPECT_TRUE(b.empty());
  receive(b, "abc");
  EXPECT_FALSE(b.empty());
  EXPECT_EQ(b.unread(), "abc");
  EXPECT_EQ(b.free_space().size(), 5U);
  receive(b, "defgh");
  EXPECT_EQ(b.unread(), "abcdefgh");
  EXPECT_TRUE(b.free_space().empty());
}

TEST(input_buffer, uses_up_head_and_body_and_keeps_what_follows) {
  input_buffer b(16);
  receive(b, "headbodynext");
  b.scanned() = 4;
  b.head_is(4);
  EXPECT_TRUE(b.has_head());
  EXPECT_EQ(b.behind_head(), "bodynext");
  b.body_is(4);
  EXPECT_TRUE(b.has_next());
  b.next();
  EXPECT_EQ(b.unread(), "next");
  EXPECT_FALSE(b.has_head());
  EXPECT_EQ(b.scanned(), 0U);
}

TEST(input_buffer, has_no_next_request_when_the_body_is_the_last_that_was_received) {
  input_buffer b(16);
  receive(b, "headbody");
  b.head_is(4);
  b.body_is(4);
  EXPECT_FALSE(b.has_next());
}

TEST(input_buffer, moves_what_is_unread_only_when_little_space_is_left) {
  input_buffer b(8);
  receive(b, "abcd");
  EXPECT_EQ(b.compact(), 0U);  // nothing is used up
  b.head_is(2);
  b.next();
  EXPECT_EQ(b.compact(), 0U);  // half of the memory is free
  receive(b, "ef");
  EXPECT_EQ(b.compact(), 2U);
  EXPECT_EQ(b.unread(), "cdef");
  EXPECT_EQ(b.free_space().size(), 4U);
}

TEST(input_buffer, takes_a_body_in_the_same_space_again_and_again) {
  input_buffer b(8);
  receive(b, "headab");
  b.head_is(4);
  b.drop_behind_head();
  EXPECT_TRUE(b.behind_head().empty());
  const auto space = b.space_behind_head();
  EXPECT_EQ(space.size(), 4U);
  std::memcpy(space.data(), "cdef", 4);
  b.received(4);
  EXPECT_EQ(b.behind_head(), "cdef");
  EXPECT_EQ(b.unread(), "headcdef");
}

TEST(input_buffer, forgets_what_is_unread) {
  input_buffer b(8);
  receive(b, "abc");
  b.clear();
  EXPECT_TRUE(b.empty());
  EXPECT_EQ(b.free_space().size(), 8U);
}

}  // namespace lastcall::http::detail::input_buffer_test
