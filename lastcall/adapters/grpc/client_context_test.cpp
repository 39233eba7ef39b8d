// What a call that is made on behalf of another may take.
#include "lastcall/adapters/grpc/client_context.hpp"

#include <gtest/gtest.h>

namespace lastcall::grpc::client_context_test {

using namespace std::chrono_literals;
using detail::onward_time;

TEST(client_context, has_what_remains_less_a_margin_of_at_most_the_half) {
  EXPECT_EQ(onward_time(1s, 20ms), 980ms);
  EXPECT_EQ(onward_time(30ms, 20ms), 15ms);
  EXPECT_EQ(onward_time(0ns, 20ms), 0ns);
  EXPECT_EQ(onward_time(1s, 0ms), 1s);
  EXPECT_EQ(onward_time(duration::max(), 20ms), std::nullopt);
}

TEST(client_context, has_the_deadline_of_its_context_and_none_where_that_has_none) {
  const client_context free({});
  EXPECT_EQ(const_cast<client_context&>(free)->deadline(), std::chrono::system_clock::time_point::max());
  const auto before = std::chrono::system_clock::now();
  client_context bound(within({}, 10s), 1s);
  EXPECT_LE(bound->deadline(), std::chrono::system_clock::now() + 9s);
  EXPECT_GT(bound->deadline(), before + 8s);
}

}  // namespace lastcall::grpc::client_context_test
