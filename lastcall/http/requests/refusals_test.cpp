#include "lastcall/http/requests/refusals.hpp"

#include <gtest/gtest.h>

#include "lastcall/http/message/response.hpp"

namespace lastcall::http::detail::refusals_test {

TEST(refusals, read_as_status_phrase_and_reason) {
  const response slow = answer_of(refusals::body_too_slow);
  EXPECT_EQ(slow.status(), 408);
  EXPECT_EQ(slow.body(), "408 Request Timeout: the body took too long\n");
  EXPECT_EQ(slow.header("Content-Type"), "text/plain; charset=utf-8");
  EXPECT_EQ(slow.header("Retry-After"), "");
}

TEST(refusals, of_an_overloaded_server_say_when_to_come_again) {
  for (const server_refusal& each : {refusals::too_many_connections, refusals::no_free_thread, refusals::stopping,
                                     refusals::no_new_websocket, refusals::not_ready}) {
    EXPECT_EQ(answer_of(each).status(), 503) << each.why;
    EXPECT_EQ(answer_of(each).header("Retry-After"), "1") << each.why;
  }
}

}  // namespace lastcall::http::detail::refusals_test
