// A consumer and a producer in an app of the test, with brokers that are dead, slow, or answer errors: no broker makes
// the end late, and what was not committed or delivered is named.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <future>
#include <mutex>
#include <set>
#include <string>
#include <vector>

#include "lastcall/app.hpp"
#include "lastcall/core/by_median_test.hpp"
#include "lastcall/kafka.hpp"
#include "tests/services/kafka_app.hpp"

namespace service_tests {

using lastcall::deadline;
using testing::HasSubstr;

namespace {

/// What a test's consumer has seen.
struct seen {
  std::atomic<int> begun = 0, done = 0;
};

kafka::consumer_options consuming(const kafka_brokers& brokers, const std::shared_ptr<seen>& into,
                                  lastcall::duration takes) {
  return {.brokers = brokers.list(),
          .group = "faults",
          .topics = {"orders"},
          .work =
              [into, takes](const kafka::message&, const lastcall::context& ctx) {
                ++into->begun;
                if (!ctx.wait_until_forced_for(takes)) throw std::runtime_error("cut");
                ++into->done;
              },
          .commit_every = 50ms,
          .config = {{"session.timeout.ms", "6000"}, {"heartbeat.interval.ms", "500"}}};
}

const lastcall::duration short_grace = process_tests::sanitized ? 12s : 4s;

/// The time from the request for the end to its report, in milliseconds.
double ends_with(const std::string& order, lastcall::duration grace, std::string* exit_and_fields = nullptr) {
  const kafka_brokers brokers({"orders:4"});
  put_messages(brokers.list(), "orders", 4, 2000);
  const auto into = std::make_shared<seen>();
  lastcall::app app(quiet_app(60s));  // a shutdown that has less time has less of a reserve, too
  app.add<kafka::consumer>("kafka", consuming(brokers, into, 1ms));
  app.start();
  EXPECT_TRUE(holds_within(patience, [&] { return into->done > 50; }));
  if (order == "stopped") {
    brokers.process.signal(SIGSTOP);
  } else if (!order.empty()) {
    brokers.order(order);
  }
  const lastcall::report& it = app.shutdown(deadline(grace));
  if (exit_and_fields != nullptr)
    *exit_and_fields = std::to_string(it.exit_code) + " " + field(it, "kafka", "not_committed");
  EXPECT_THAT(it.hung(), testing::IsEmpty()) << order;
  EXPECT_NE(field(it, "kafka", "done"), "0");
  return it.total_ms - it.not_running_ms;
}

}  // namespace

TEST(kafka_faults, end_no_later_than_without_brokers_that_are_dead_slow_or_answer_errors) {
  // Numbers of the protocol: OffsetCommit is 8, LeaveGroup 13; COORDINATOR_NOT_AVAILABLE 15, REQUEST_TIMED_OUT 7.
  const std::vector<std::string> orders{"stopped",
                                        "down",
                                        "rtt?ms=30000",
                                        "errors?api=8&code=7&count=10000",
                                        "errors?api=8&code=15&count=10000",
                                        "errors?api=13&code=15&count=10000"};
  const double in_ms = std::chrono::duration<double, std::milli>(short_grace).count();
  lastcall::by_median([&] {
    std::vector<std::string> said(orders.size());
    std::vector<std::future<double>> took;  // all at once: most of it is waiting
    for (std::size_t i = 0; i < orders.size(); ++i)
      took.push_back(std::async(std::launch::async, [&, i] { return ends_with(orders[i], short_grace, &said[i]); }));
    for (std::size_t i = 0; i < orders.size(); ++i) {
      EXPECT_LE(took[i].get(), 1.1 * in_ms) << orders[i];
      lastcall::each_time(!said[i].starts_with("3 "), orders[i] + ": work is cut: " + said[i]);
    }
  });
}

TEST(kafka_faults, name_what_no_broker_took_the_commit_of) {
  std::string said;
  ends_with("down", short_grace, &said);
  EXPECT_THAT(said, HasSubstr("0 orders ["));
}

TEST(kafka_faults, end_at_once_where_brokers_answer) {
  lastcall::by_median([] { EXPECT_LE(ends_with("", 60s), 8000.0); });  // less than a commit may take, and the farewell
}

TEST(kafka_faults, end_at_once_without_any_broker) {
  lastcall::by_median([] {
    lastcall::app app(quiet_app(10s));
    app.add<kafka::consumer>("in", {.brokers = "127.0.0.1:1",
                                    .group = "g",
                                    .topics = {"t"},
                                    .work = [](const kafka::message&, const lastcall::context&) {}});
    app.add<kafka::producer>("out", {.brokers = "127.0.0.1:1"});
    app.start();
    const lastcall::report& it = app.shutdown(deadline(10s));
    EXPECT_EQ(it.exit_code, 0);
    EXPECT_LE(it.total_ms, 4000.0);
  });
}

TEST(kafka_faults, begin_with_brokers_that_were_down_at_the_start) {
  const kafka_brokers brokers({"orders:1"});
  put_messages(brokers.list(), "orders", 1, 10);
  brokers.order("down");
  const auto into = std::make_shared<seen>();
  lastcall::app app(quiet_app(20s));
  auto options = consuming(brokers, into, 0s);
  options.config.emplace_back("reconnect.backoff.max.ms", "500");
  app.add<kafka::consumer>("kafka", std::move(options));
  app.start();
  brokers.order("up");
  EXPECT_TRUE(holds_within(patience, [&] { return into->done == 10; }));
  EXPECT_EQ(app.shutdown(deadline(20s)).exit_code, 0);
}

namespace {

std::atomic<bool> joins = false, joined = false;

void look_for_the_join(const rd_kafka_t*, int, const char*, const char* text) {
  if (std::string_view(text).find("-> wait-join") != std::string_view::npos) joins = true;
  if (std::string_view(text).find("JoinGroup response: GenerationId") != std::string_view::npos) joined = true;
}

kafka::consumer_options joining(const kafka_brokers& brokers) {
  joins = joined = false;
  auto options = consuming(brokers, std::make_shared<seen>(), 0s);
  options.config.emplace_back("debug", "cgrp");
  options.configure = [](rd_kafka_conf_t* conf) { rd_kafka_conf_set_log_cb(conf, look_for_the_join); };
  return options;
}

}  // namespace

TEST(kafka_faults, end_in_time_while_the_group_does_not_answer_a_join) {
  lastcall::by_median([] {
    const kafka_brokers brokers({"orders:1"});
    lastcall::app app(quiet_app(60s));
    app.add<kafka::consumer>("kafka", [&] {
      auto options = joining(brokers);
      // The mock cluster takes it for silent before it has answered, and never does.
      options.config = {{"session.timeout.ms", "1000"}, {"heartbeat.interval.ms", "500"}, {"debug", "cgrp"}};
      options.commit_within = 1s;
      return options;
    }());
    app.start();
    ASSERT_TRUE(holds_within(patience, [] { return joins.load(); }));
    const lastcall::report& it = app.shutdown(deadline(60s));
    EXPECT_EQ(it.exit_code, 0);
    EXPECT_LE(it.total_ms, 10000.0);
    EXPECT_FALSE(joined);
  });
}

TEST(kafka_faults, end_in_order_between_joining_a_group_and_the_first_assignment) {
  const kafka_brokers brokers({"orders:1"});
  brokers.order("errors?api=14&code=27&count=1000");  // SyncGroup; REBALANCE_IN_PROGRESS
  lastcall::app app(quiet_app(10s));
  app.add<kafka::consumer>("kafka", joining(brokers));
  app.start();
  ASSERT_TRUE(holds_within(patience, [] { return joined.load(); }));
  const lastcall::report& it = app.shutdown(deadline(10s));
  EXPECT_EQ(it.exit_code, 0);
  EXPECT_THAT(it.hung(), testing::IsEmpty());
}

TEST(kafka_faults, force_work_that_lasts_and_commit_what_is_finished) {
  const kafka_brokers brokers({"orders:1"});
  put_messages(brokers.list(), "orders", 1, 10);
  std::atomic<bool> stuck = false;
  lastcall::app app(quiet_app(8s));
  app.add<kafka::consumer>("kafka", {.brokers = brokers.list(),
                                     .group = "faults",
                                     .topics = {"orders"},
                                     .work =
                                         [&](const kafka::message& of, const lastcall::context& ctx) {
                                           if (of.offset < 7) return;
                                           stuck = true;
                                           ctx.wait_until_forced_for(10min);
                                           throw std::runtime_error("cut");
                                         },
                                     .commit_every = 20s});
  app.start();
  ASSERT_TRUE(holds_within(patience, [&] { return stuck.load(); }));
  const lastcall::report& it = app.shutdown(deadline(8s));
  EXPECT_EQ(it.exit_code, 3);
  EXPECT_EQ(field(it, "kafka", "done"), "7");
  EXPECT_EQ(field(it, "kafka", "cut"), "1");
  EXPECT_EQ(field(it, "kafka", "not_committed"), "");
  EXPECT_THAT(committed_offsets(brokers.list(), "faults", "orders", 1), testing::ElementsAre(7));
  for (const auto& each : it.components) {
    ASSERT_EQ(each.in_progress.size(), 1u);
    EXPECT_EQ(each.in_progress[0].label, "orders [0] 7");
  }
}

TEST(kafka_faults, give_a_poison_message_to_its_callback_after_its_tries) {
  const kafka_brokers brokers({"orders:1"});
  put_messages(brokers.list(), "orders", 1, 5);
  std::atomic<int> tries = 0, done = 0;
  std::mutex mutex;
  std::string poison;
  lastcall::app app(quiet_app(20s));
  app.add<kafka::consumer>("kafka",
                           {.brokers = brokers.list(),
                            .group = "faults",
                            .topics = {"orders"},
                            .work =
                                [&](const kafka::message& of, const lastcall::context&) {
                                  if (of.offset != 2) return void(++done);
                                  EXPECT_EQ(of.failures, static_cast<std::size_t>(tries++));
                                  throw std::runtime_error("not this one");
                                },
                            .poison =
                                [&](const kafka::message& of, const std::string& why, const lastcall::context&) {
                                  const std::lock_guard held(mutex);
                                  poison.append(to_text(of)).append(": ").append(why);
                                },
                            .most_tries = 3,
                            .first_pause = 1ms,
                            .commit_every = 20ms});
  app.start();
  EXPECT_TRUE(holds_within(patience, [&] { return done == 4; }));
  const lastcall::report& it = app.shutdown(deadline(20s));
  EXPECT_EQ(it.exit_code, 0);
  EXPECT_EQ(tries, 3);
  EXPECT_EQ(poison, "orders [0] 2: not this one");
  EXPECT_EQ(field(it, "kafka", "poisoned"), "1");
  EXPECT_THAT(committed_offsets(brokers.list(), "faults", "orders", 1), testing::ElementsAre(5));
}

TEST(kafka_faults, take_no_more_messages_than_there_is_room_for_and_then_all) {
  const kafka_brokers brokers({"orders:2"});
  put_messages(brokers.list(), "orders", 2, 500);
  std::atomic<bool> go = false;
  std::atomic<int> done = 0;
  lastcall::app app(quiet_app(20s));
  auto options = consuming(brokers, std::make_shared<seen>(), 0s);
  options.work = [&](const kafka::message&, const lastcall::context& ctx) {
    while (!go)
      if (!ctx.wait_until_forced_for(1ms)) throw std::runtime_error("cut");
    ++done;
  };
  options.most = 10;
  const auto consumer = app.add<kafka::consumer>("kafka", std::move(options));
  app.start();
  const auto taken = [&] {
    lastcall::metrics all;
    consumer->measure(all);
    double sum = 0;
    for (const auto& each : all.shown()) sum += static_cast<double>(each.value);
    return sum;
  };
  ASSERT_TRUE(holds_within(patience, [&] { return taken() == 20; }));
  EXPECT_FALSE(holds_within(200ms, [&] { return taken() > 20; }));
  go = true;
  EXPECT_TRUE(holds_within(patience, [&] { return done == 1000; }));
  EXPECT_EQ(app.shutdown(deadline(20s)).exit_code, 0);
}

}  // namespace service_tests
