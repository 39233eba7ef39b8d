#include "lastcall/http/h2/h2_farewell.hpp"

#include <gtest/gtest.h>

namespace lastcall::http::detail::h2_farewell_test {

using namespace std::chrono_literals;
const time_point start{1000s};
using enum h2_action;

TEST(h2_farewell, gives_notice_first_and_refuses_nothing) {
  h2_farewell f;
  EXPECT_EQ(f.due(), time_point::max());
  EXPECT_EQ(f.tell(start, start + 20s), notice);
  EXPECT_EQ(f.open(0), none) << "what crosses the notice is still to come";
}

TEST(h2_farewell, names_the_last_stream_when_the_ping_is_back) {
  h2_farewell f;
  f.tell(start, start + 20s);
  EXPECT_EQ(f.acknowledged(), last);
  EXPECT_EQ(f.due(), time_point::max());
  EXPECT_EQ(f.acknowledged(), none) << "once";
}

TEST(h2_farewell, closes_with_the_last_stream) {
  h2_farewell f;
  f.tell(start, start + 20s);
  f.acknowledged();
  EXPECT_EQ(f.open(2), none);
  EXPECT_EQ(f.open(1), none);
  EXPECT_EQ(f.open(0), close);
  EXPECT_EQ(f.open(0), none) << "once";
}

TEST(h2_farewell, waits_a_share_of_the_time_for_a_client_that_does_not_acknowledge) {
  h2_farewell f;
  f.tell(start, start + 4s);
  EXPECT_EQ(f.due(), start + 400ms);
  EXPECT_EQ(f.passed(start + 399ms), none);
  EXPECT_EQ(f.passed(start + 400ms), last);
  EXPECT_EQ(f.passed(start + 500ms), none) << "once";
  EXPECT_EQ(f.acknowledged(), none) << "too late";
}

TEST(h2_farewell, never_waits_longer_than_a_second) {
  EXPECT_EQ(h2_farewell::patience(1h), 1s);
  EXPECT_EQ(h2_farewell::patience(5s), 500ms);
  EXPECT_EQ(h2_farewell::patience(0s), 0s);
  h2_farewell f;
  f.tell(start, start - 1s);  // the drain is over
  EXPECT_EQ(f.passed(start), last);
}

TEST(h2_farewell, is_told_once) {
  h2_farewell f;
  EXPECT_EQ(f.tell(start, start + 20s), notice);
  EXPECT_EQ(f.tell(start + 1s, start + 20s), none);
  EXPECT_EQ(f.due(), start + 1s);
}

TEST(h2_farewell, heeds_no_ping_that_it_did_not_send) {
  h2_farewell f;
  EXPECT_EQ(f.acknowledged(), none);
  EXPECT_EQ(f.passed(start + 1h), none);
  EXPECT_EQ(f.open(0), none);
}

}  // namespace lastcall::http::detail::h2_farewell_test
