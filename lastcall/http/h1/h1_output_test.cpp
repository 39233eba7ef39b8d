#include <gmock/gmock.h>

#include <thread>

#include "lastcall/core/by_median_test.hpp"
#include "lastcall/http/h1/h1_serving_test.hpp"
#include "lastcall/net/task.hpp"

namespace lastcall::http::h1_output_test {

using namespace std::chrono_literals;
using ::testing::StartsWith;
using testing_h1::serving;

TEST(h1_output, waits_for_a_slow_reader) {
  serving s;
  auto c = s.enters(4096);
  c.say(request_for("/big") + request_for("/n/2"));
  const reply big = next_reply(c);
  EXPECT_EQ(big.body.size(), 8'000'000U);
  EXPECT_EQ(next_reply(c).body, "2");
  EXPECT_TRUE(s.eventually([&] { return s.it.requests().answered == 2; }));
}

TEST(h1_output, cuts_a_client_that_takes_nothing_of_its_response) {
  serving s({.limits = {.write_time = 50ms}});
  auto c = s.enters(4096);
  c.say(request_for("/big"));
  EXPECT_TRUE(s.eventually([&] { return s.it.connections().timed_out == 1; }));
  EXPECT_EQ(s.it.requests(), (request_ledger{.begun = 1, .abandoned_by_client = 1}));
}

TEST(h1_output, cuts_a_client_that_takes_nothing_also_when_the_next_request_has_begun_a_handler) {
  server_options o{.limits = {.write_time = 50ms}};
  o.routes.get("/coroutine", [](const request&) -> task<response> { co_return text("behind it"); });
  serving s(std::move(o));
  auto c = s.enters(4096);
  // Below what is gathered before it is sent: so the coroutine begins while the first answer waits for the client.
  for (int i = 0; i < 60; ++i) c.say(request_for("/big?bytes=200000") + request_for("/coroutine"));
  EXPECT_TRUE(s.eventually([&] { return s.it.connections().timed_out == 1; }))
      << s.it.requests().begun << " begun, " << s.it.requests().answered << " answered, "
      << s.it.connections().reset_by_remote << " reset, " << s.it.connections().accepted << " accepted";
}

TEST_BY_MEDIAN(h1_output, waits_for_a_client_that_reads_slowly_and_never_stops) {
  constexpr auto write_time = 300ms;
  serving s({.limits = {.write_time = write_time}});
  auto c = s.enters(32 * 1024);
  c.say(request_for("/big"));
  EXPECT_THAT(c.hear_until("\r\n\r\n"), StartsWith("HTTP/1.1 200 "));
  // Far less in write_time than a third of what the kernel has taken, below which it announces no room.
  std::size_t heard = 0;
  for (const time_point until = steady().now() + 4 * write_time; steady().now() < until;) {
    heard += c.hear_bytes(2048).size();
    std::this_thread::sleep_for(5ms);
  }
  EXPECT_EQ(s.it.connections().timed_out, 0U);
  EXPECT_EQ(heard + c.hear_bytes(8'000'000 - heard).size(), 8'000'000U);
}

}  // namespace lastcall::http::h1_output_test
