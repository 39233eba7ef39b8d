#include "lastcall/http/h1/h1_phase.hpp"

#include <gtest/gtest.h>

namespace lastcall::http::detail::h1_phase_test {

using at = h1_phase::at;

h1_phase in(at wanted) {
  h1_phase p;
  if (wanted == at::idle) return p;
  p.first_byte();
  if (wanted == at::head) return p;
  p.head_read(wanted == at::body);
  if (wanted == at::sending) p.body_follows();
  if (wanted != at::closing) return p;
  p.responds(true);
  p.responded();
  return p;
}

TEST(h1_phase, begins_a_request_once_with_its_first_byte) {
  h1_phase p;
  EXPECT_EQ(p.now(), at::idle);
  EXPECT_FALSE(p.open());
  EXPECT_TRUE(p.first_byte());
  EXPECT_FALSE(p.first_byte());
  EXPECT_EQ(p.now(), at::head);
  EXPECT_TRUE(p.open());
}

TEST(h1_phase, goes_from_head_to_handler_with_a_body_to_collect_or_without) {
  h1_phase p = in(at::head);
  p.head_read(true);
  EXPECT_EQ(p.now(), at::body);
  p.body_read();
  EXPECT_EQ(p.now(), at::handler);
  h1_phase without = in(at::head);
  without.head_read(false);
  EXPECT_EQ(without.now(), at::handler);
}

TEST(h1_phase, is_idle_again_after_each_response_but_the_last) {
  for (const at from : {at::head, at::body, at::handler, at::sending}) {
    h1_phase p = in(from);
    EXPECT_EQ(p.now(), from);
    p.responds(false);
    p.responded();
    EXPECT_EQ(p.now(), at::idle);
    h1_phase last = in(from);
    last.responds(true);
    EXPECT_TRUE(last.last());
    EXPECT_FALSE(last.closing()) << "its body is still to come";
    last.responded();
    EXPECT_EQ(last.now(), at::closing);
    EXPECT_FALSE(last.open());
  }
}

TEST(h1_phase, reads_only_until_a_handler_has_the_request) {
  for (const at each : {at::idle, at::head, at::body}) EXPECT_TRUE(in(each).may_read());
  for (const at each : {at::handler, at::sending, at::closing}) EXPECT_FALSE(in(each).may_read());
}

TEST(h1_phase, can_end_with_a_response_that_promised_more) {
  h1_phase made = in(at::idle);
  made.ends_with_it();
  EXPECT_EQ(made.now(), at::closing) << "the drain came while its bytes could still be changed";
  h1_phase sending = in(at::sending);
  sending.ends_with_it();
  EXPECT_EQ(sending.now(), at::sending);
  sending.responded();
  EXPECT_EQ(sending.now(), at::closing);
}

TEST(h1_phase, holds_a_conversation_of_three_requests) {
  h1_phase p;
  p.first_byte();
  p.head_read(false);
  p.responds(false);
  p.responded();
  p.first_byte();
  p.head_read(true);
  p.body_read();
  p.responds(false);
  p.body_follows();
  p.responded();
  EXPECT_EQ(p.now(), at::idle);
  p.first_byte();
  p.responds(true);  // a refusal
  p.responded();
  EXPECT_TRUE(p.closing());
}

}  // namespace lastcall::http::detail::h1_phase_test
