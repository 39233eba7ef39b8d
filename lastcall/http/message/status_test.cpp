#include "lastcall/http/message/status.hpp"

#include <gtest/gtest.h>

namespace lastcall::http::status_test {

TEST(status, every_code_the_server_sends_itself_has_a_phrase) {
  for (const int code : {100, 200, 204, 400, 404, 405, 408, 413, 414, 417, 431, 500, 501, 503, 505}) {
    EXPECT_NE(reason_phrase(code), "") << code;
  }
  EXPECT_EQ(reason_phrase(404), "Not Found");
  EXPECT_EQ(reason_phrase(299), "");
}

TEST(status, interim_empty_and_not_modified_responses_have_no_body) {
  for (const int code : {100, 101, 204, 205, 304}) EXPECT_FALSE(may_have_body(code)) << code;
  for (const int code : {200, 206, 302, 404, 500}) EXPECT_TRUE(may_have_body(code)) << code;
}

}  // namespace lastcall::http::status_test
