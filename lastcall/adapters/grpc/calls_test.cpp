// The calls of a gRPC server, without gRPC: their contexts, their ledger, and when the last is over.
#include "lastcall/adapters/grpc/calls.hpp"

#include <gtest/gtest.h>

#include <future>
#include <optional>

namespace lastcall::grpc::calls_test {

using namespace std::chrono_literals;
using detail::call;
using detail::calls;
using detail::context_at;

class grpc_calls : public testing::Test {
 protected:
  const std::shared_ptr<calls> all = std::make_shared<calls>();
  int key = 0;  // its address
};

TEST_F(grpc_calls, that_end_in_each_way_stand_in_one_column_each) {
  {
    call one(all, &key, "/shop/Hello", "", std::nullopt);
    one.answered();
    one.is_over();
  }
  { const call closed(all, &key, "/shop/Hello", "", std::nullopt); }
  call late(all, &key, "/shop/Hello", "", 0ns);
  late.answered();
  call cut(all, &key, "/shop/Hello", "", std::nullopt);
  all->force();
  cut.is_over();
  cut.answered();  // what a handler says afterwards changes nothing
  EXPECT_EQ(all->ledger(),
            (request_ledger{.begun = 4, .answered = 1, .abandoned_by_client = 1, .forced = 1, .timed_out = 1}));
  EXPECT_TRUE(all->ledger().adds_up());
}

TEST_F(grpc_calls, have_a_context_that_drains_and_is_forced_with_all_of_them) {
  const call one(all, &key, "/shop/Hello", "", std::nullopt);
  const time_point drain_end = steady().now() + 1h;
  EXPECT_FALSE(one.life().draining());
  all->begin_drain(drain_end);
  EXPECT_TRUE(one.life().draining());
  EXPECT_EQ(one.life().drain_end(), drain_end);
  EXPECT_FALSE(one.life().forced());
  all->force();
  EXPECT_TRUE(one.life().forced());
}

TEST_F(grpc_calls, have_the_time_that_their_caller_has) {
  const call soon(all, &key, "/shop/Hello", "", 1h);
  EXPECT_LE(soon.life().remaining(), 1h);
  EXPECT_GT(soon.life().remaining(), 59min);
  const call never(all, &key, "/shop/Hello", "", std::nullopt);
  EXPECT_EQ(never.life().remaining(), duration::max());
  const call far(all, &key, "/shop/Hello", "", 25h);
  EXPECT_EQ(far.life().remaining(), duration::max());
  const call passed(all, &key, "/shop/Hello", "", -5s);
  EXPECT_EQ(passed.life().cause(), cause::deadline);
}

TEST_F(grpc_calls, that_are_cancelled_are_forced_and_those_that_are_answered_are_not) {
  call cancelled(all, &key, "/shop/Hello", "", std::nullopt);
  cancelled.is_over();
  EXPECT_EQ(cancelled.life().cause(), cause::client_gone);
  call done(all, &key, "/shop/Hello", "", std::nullopt);
  done.answered();
  done.is_over();
  EXPECT_FALSE(done.life().forced());
}

TEST_F(grpc_calls, are_found_by_the_address_of_their_context_while_they_live) {
  EXPECT_EQ(context_at(&key).drain_end(), time_point::max());
  auto first = std::make_optional<call>(all, &key, "/shop/Hello", "", 1h);
  EXPECT_LT(context_at(&key).remaining(), 2h);
  const call next(all, &key, "/shop/Hello", "", 3h);  // an asynchronous handler uses its ServerContext's memory again
  first.reset();
  EXPECT_GT(context_at(&key).remaining(), 2h);
}

TEST_F(grpc_calls, in_progress_are_named_the_oldest_first) {
  int other = 0;
  const call old(all, &key, "/shop/Slow", "ipv4:10.0.0.7:51234", std::nullopt);
  const auto others = std::make_shared<calls>();
  const call of_another_server(others, &others, "/bank/Pay", "", std::nullopt);
  call young(all, &other, "/shop/Hello", "", std::nullopt);
  auto items = all->items(10);
  ASSERT_EQ(items.size(), 2U);
  EXPECT_EQ(items[0].label, "/shop/Slow");
  EXPECT_EQ(items[0].remote, "10.0.0.7:51234");
  EXPECT_EQ(items[1].label, "/shop/Hello");
  EXPECT_EQ(all->items(1).size(), 1U);
  young.is_over();
  EXPECT_EQ(all->items(10).size(), 2U) << "its handler goes on";
  young.answered();
  EXPECT_EQ(all->items(10).size(), 1U);
  EXPECT_EQ(all->in_progress(), 1U);
}

TEST_F(grpc_calls, are_waited_for_until_the_last_is_over_or_all_are_forced) {
  auto one = std::make_unique<call>(all, &key, "/shop/Slow", "", std::nullopt);
  const auto far = steady().now() + 1min;
  auto waits = std::async(std::launch::async, [&] { all->wait_for_the_last(far); });
  one->is_over();
  one->answered();
  waits.get();
  all->wait_for_the_last(far);
  const call other(all, &key, "/shop/Slow", "", std::nullopt);
  all->wait_for_the_last(steady().now());
  auto forced = std::async(std::launch::async, [&] { all->wait_for_force(far); });
  all->force();
  forced.get();
  all->wait_for_the_last(far);
  EXPECT_LT(steady().now(), far);
  EXPECT_EQ(all->in_progress(), 1U);
}

TEST_F(grpc_calls, come_from_remotes_that_read_as_everywhere) {
  EXPECT_EQ(detail::remote_of("ipv4:10.0.0.7:51234"), "10.0.0.7:51234");
  EXPECT_EQ(detail::remote_of("ipv6:%5B::1%5D:51234"), "[::1]:51234");
  EXPECT_EQ(detail::remote_of("ipv6:[::1]:51234"), "[::1]:51234");
  EXPECT_EQ(detail::remote_of("unix:/run/shop.sock"), "unix:/run/shop.sock");
  EXPECT_EQ(detail::remote_of(""), "");
}

}  // namespace lastcall::grpc::calls_test
