#include "lastcall/testing/internal/request_verdict.hpp"

#include <gtest/gtest.h>

namespace lastcall::testing::request_verdict_test {

TEST(request_verdict, says_how_a_connected_request_was_lost) {
  EXPECT_EQ(judge({progress::receiving, ending::complete}), verdict::answered);
  EXPECT_EQ(judge({progress::connected, ending::fin}), verdict::eof);
  EXPECT_EQ(judge({progress::receiving, ending::fin}), verdict::truncated);
  EXPECT_EQ(judge({progress::connected, ending::rst}), verdict::reset);
  EXPECT_EQ(judge({progress::receiving, ending::rst}), verdict::reset);
  EXPECT_EQ(judge({progress::receiving, ending::malformed}), verdict::garbage);
  EXPECT_EQ(judge({progress::connected, ending::timeout}), verdict::timeout);
}

TEST(request_verdict, calls_refused_only_what_connect_was_refused_and_splits_it_by_the_signal) {
  EXPECT_EQ(judge({progress::connecting, ending::refused, false, false}), verdict::refused_before);
  EXPECT_EQ(judge({progress::connecting, ending::refused, false, true}), verdict::refused_after);
  EXPECT_EQ(judge({progress::connecting, ending::rst, false, true}), verdict::reset);
  EXPECT_EQ(judge({progress::connecting, ending::timeout, false, true}), verdict::connect_failed);
  EXPECT_EQ(judge({progress::connecting, ending::unreachable}), verdict::connect_failed);
  EXPECT_EQ(judge({progress::connecting, ending::own_limit}), verdict::own_limit);
}

TEST(request_verdict, calls_late_what_the_remote_had_ended_before_the_first_byte_unless_it_was_answered) {
  for (const auto how : {ending::fin, ending::rst, ending::timeout, ending::malformed}) {
    EXPECT_EQ(judge({progress::connected, how, true, true}), verdict::late);
  }
  EXPECT_EQ(judge({progress::receiving, ending::complete, true, true}), verdict::answered);
}

TEST(request_verdict, counts_every_request_once) {
  request_counts t;
  for (std::size_t i = 0; i < verdicts; ++i) {
    t.begin();
    EXPECT_EQ(t.outstanding(), 1u);
    t.end(static_cast<verdict>(i));
    EXPECT_EQ(t.outstanding(), 0u);
  }
  EXPECT_EQ(t.lost(), 5u);
  t.spoil();
  EXPECT_EQ(t.lost(), 6u);
  EXPECT_EQ(t.count(verdict::answered), 0u);
  EXPECT_EQ(t.ended(), t.begun());
  request_counts sum = t;
  sum += t;
  EXPECT_EQ(sum.begun(), 2 * verdicts);
  EXPECT_EQ(sum.lost(), 12u);
}

TEST(request_verdict, names_every_verdict_differently) {
  for (std::size_t i = 0; i < verdicts; ++i) {
    for (std::size_t k = 0; k < i; ++k) EXPECT_NE(to_text(static_cast<verdict>(i)), to_text(static_cast<verdict>(k)));
  }
}

}  // namespace lastcall::testing::request_verdict_test
