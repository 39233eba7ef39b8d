// What happens to the work of a consumer whose group takes its partitions away, or moves on without it, and of one that
// librdkafka gives up.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <map>
#include <mutex>
#include <string>
#include <utility>

#include "lastcall/app.hpp"
#include "lastcall/kafka.hpp"
#include "tests/services/kafka_app.hpp"

namespace service_tests {

using testing::HasSubstr;

namespace {

/// How often each message was done.
class done_counts {
 public:
  void add(const kafka::message& of) {
    const std::lock_guard held(mutex_);
    ++all_[{of.partition, of.offset}];
  }
  std::size_t distinct() const {
    const std::lock_guard held(mutex_);
    return all_.size();
  }
  int of(std::int32_t partition, std::int64_t offset) const {
    const std::lock_guard held(mutex_);
    const auto it = all_.find({partition, offset});
    return it == all_.end() ? 0 : it->second;
  }
  std::int64_t twice() const {
    const std::lock_guard held(mutex_);
    std::int64_t all = 0;
    for (const auto& [which, times] : all_) all += times - 1;
    return all;
  }

 private:
  mutable std::mutex mutex_;
  std::map<std::pair<std::int32_t, std::int64_t>, int> all_;  // guarded by it
};

std::int64_t number(const lastcall::report& of, const std::string& name) {
  const std::string text = field(of, "kafka", name);
  return text.empty() ? 0 : std::stoll(text);
}

kafka::consumer_options in_a_group(const kafka_brokers& brokers) {
  return {.brokers = brokers.list(),
          .group = "moves",
          .topics = {"orders"},
          .commit_every = 20ms,
          .config = {{"session.timeout.ms", "4000"}, {"heartbeat.interval.ms", "300"}}};
}

void loses_its_generation(kafka::rebalance how) {
  const kafka_brokers brokers({"orders:4"});
  put_messages(brokers.list(), "orders", 4, 300);
  done_counts done;
  lastcall::app app(quiet_app(60s));
  auto options = in_a_group(brokers);
  options.rebalance = how;
  options.work = [&](const kafka::message& of, const lastcall::context& ctx) {
    if (!ctx.wait_until_forced_for(1ms)) throw std::runtime_error("cut");
    done.add(of);
  };
  app.add<kafka::consumer>("kafka", std::move(options));
  app.start();
  ASSERT_TRUE(holds_within(patience, [&] { return done.distinct() > 50; }));
  brokers.order("errors?api=8&code=22&count=1");        // OffsetCommit; ILLEGAL_GENERATION
  put_messages(brokers.list(), "orders", 4, 100, 300);  // so that there is one more commit
  EXPECT_TRUE(holds_within(patience, [&] { return done.distinct() == 4 * 400; }));
  const lastcall::report& it = app.shutdown(lastcall::deadline(60s));
  EXPECT_EQ(it.exit_code, 0);
  EXPECT_GE(number(it, "generations_lost"), 1);
  EXPECT_GE(number(it, "refused_commits"), 1);
  EXPECT_GT(number(it, "uncommitted"), 0);
  EXPECT_LE(done.twice(), number(it, "uncommitted"));
  EXPECT_THAT(field(it, "kafka", "not_committed"), HasSubstr("orders ["));
  EXPECT_THAT(committed_offsets(brokers.list(), "moves", "orders", 4), testing::Each(400));
}

}  // namespace

TEST(kafka_revocation, of_a_lost_generation_is_counted_and_what_is_done_twice_is_named) {
  loses_its_generation(kafka::rebalance::cooperative);
}

TEST(kafka_revocation, of_a_lost_generation_is_counted_in_an_eager_group_too) {
  loses_its_generation(kafka::rebalance::eager);
}

TEST(kafka_revocation, lets_go_of_work_that_hangs_and_names_it) {
  const kafka_brokers brokers({"orders:2"});
  put_messages(brokers.list(), "orders", 2, 3);
  done_counts old, fresh;
  std::atomic<bool> go = false;
  std::atomic<int> hang = 0, forced = 0;
  lastcall::app first(quiet_app(60s)), second(quiet_app(60s));
  auto options = in_a_group(brokers);
  options.revoke_within = 100ms;
  options.work = [&](const kafka::message& of, const lastcall::context& ctx) {
    if (of.offset == 0) {
      ++hang;
      // It does not look at its context, for as long as a session, and longer.
      while (!go) std::this_thread::sleep_for(1ms);
      if (ctx.forced()) ++forced;
    }
    old.add(of);
  };
  first.add<kafka::consumer>("kafka", std::move(options));
  first.start();
  EXPECT_TRUE(holds_within(patience, [&] { return hang == 2; }));
  options = in_a_group(brokers);
  options.work = [&](const kafka::message& of, const lastcall::context&) { fresh.add(of); };
  second.add<kafka::consumer>("kafka", std::move(options));
  second.start();
  EXPECT_TRUE(holds_within(patience, [&] { return fresh.distinct() == 3; })) << "all of one partition";
  go = true;
  EXPECT_TRUE(holds_within(patience, [&] { return old.distinct() == 4; })) << "all of the other one, and what hung";
  EXPECT_EQ(forced, 1);
  const std::int32_t moved = fresh.of(0, 0) > 0 ? 0 : 1;
  const lastcall::report& it = first.shutdown(lastcall::deadline(60s));
  EXPECT_EQ(it.exit_code, 0);
  EXPECT_EQ(number(it, "uncommitted"), 1);
  EXPECT_EQ(field(it, "kafka", "not_committed"), "orders [" + std::to_string(moved) + "] 0");
  EXPECT_EQ(number(it, "handed_back"), 2);
  EXPECT_EQ(second.shutdown(lastcall::deadline(60s)).exit_code, 0);
  EXPECT_THAT(committed_offsets(brokers.list(), "moves", "orders", 2), testing::Each(3));
}

TEST(kafka_revocation, of_all_by_a_fatal_error_ends_the_app_in_order) {
  const kafka_brokers brokers({"orders:1"});
  put_messages(brokers.list(), "orders", 1, 10);
  std::atomic<int> done = 0;
  lastcall::app app(quiet_app(60s));
  auto options = in_a_group(brokers);
  options.work = [&](const kafka::message&, const lastcall::context&) { ++done; };
  const auto consumer = app.add<kafka::consumer>("kafka", std::move(options));
  app.start();
  ASSERT_TRUE(holds_within(patience, [&] { return done == 10; }));
  rd_kafka_test_fatal_error(consumer->native_handle(), RD_KAFKA_RESP_ERR_FENCED_INSTANCE_ID, "another has its name");
  EXPECT_TRUE(holds_within(patience, [&] { return app.asked_to_end(); }));
  const lastcall::report& it = app.shutdown(lastcall::deadline(60s));
  EXPECT_EQ(it.exit_code, 1);
  EXPECT_THAT(it.hung(), testing::IsEmpty());
}

}  // namespace service_tests
