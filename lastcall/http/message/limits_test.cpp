#include "lastcall/http/message/limits.hpp"

#include <gmock/gmock.h>

#include <stdexcept>

namespace lastcall::http::limits_test {

using namespace std::chrono_literals;

TEST(limits, defaults_are_sound) { EXPECT_NO_THROW(check({})); }

TEST(limits, a_refused_value_is_named_with_what_is_allowed) {
  try {
    check({.head_bytes = 7});
    FAIL() << "accepted";
  } catch (const std::invalid_argument& e) {
    EXPECT_STREQ(e.what(), "http limits: head_bytes = 7; give a number between 64 and 1048576");
  }
  try {
    check({.idle_close_after = 0s});
    FAIL() << "accepted";
  } catch (const std::invalid_argument& e) {
    EXPECT_STREQ(e.what(), "http limits: idle_close_after = 0s; give a time above 0 and up to 24h");
  }
}

TEST(limits, no_time_may_be_without_end) {
  EXPECT_THROW(check({.head_time = duration::max()}), std::invalid_argument);
  EXPECT_THROW(check({.body_time = -1s}), std::invalid_argument);
  EXPECT_THROW(check({.write_time = 25h}), std::invalid_argument);
}

TEST(limits, a_server_may_take_no_bodies_and_any_number_of_connections) {
  EXPECT_NO_THROW(check({.body_bytes = 0, .max_connections = 0}));
}

TEST(limits, a_connection_has_at_least_one_stream) {
  EXPECT_THROW(check({.max_streams = 0}), std::invalid_argument);
  EXPECT_NO_THROW(check({.max_streams = 1}));
}

}  // namespace lastcall::http::limits_test
