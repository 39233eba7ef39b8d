#include "lastcall/http/ws/ws_session.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <string>

namespace lastcall::ws::detail::ws_session_test {

message text(int n) { return {.kind = message_kind::text, .data = std::to_string(n)}; }

TEST(ws_session, keeps_only_the_messages_that_wait) {
  conversation c;
  c.put(text(0));
  std::size_t most = 0;
  for (int n = 1; n < 10'000; ++n) {  // there is always one that waits
    c.put(text(n));
    ASSERT_EQ(c.take()->data, std::to_string(n - 1));
    most = std::max(most, c.ready.size());
  }
  EXPECT_LE(most, 32U);
  EXPECT_EQ(c.take()->data, "9999");
  EXPECT_FALSE(c.take());
  EXPECT_EQ(c.bytes, 0U);
}

TEST(ws_session, gives_many_messages_that_wait_in_their_order) {
  conversation c;
  int put = 0, taken = 0;
  for (int round = 0; round < 20; ++round) {
    for (int n = 0; n < 50; ++n) c.put(text(put++));
    for (int n = 0; n < 40; ++n) ASSERT_EQ(c.take()->data, std::to_string(taken++));
    ASSERT_LE(c.ready.size(), 2 * static_cast<std::size_t>(put - taken) + 50);
  }
  while (taken < put) ASSERT_EQ(c.take()->data, std::to_string(taken++));
  EXPECT_FALSE(c.take());
}

}  // namespace lastcall::ws::detail::ws_session_test
