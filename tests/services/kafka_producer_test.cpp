// The producer of the adapter for Kafka: what becomes of each record, whatever the brokers do; and the conformance
// test.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>

#include <arpa/inet.h>
#include <sys/socket.h>

#include <atomic>
#include <cerrno>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "lastcall/app.hpp"
#include "lastcall/core/by_median_test.hpp"
#include "lastcall/kafka_async.hpp"
#include "tests/services/kafka_fixture.hpp"

namespace service_tests {

namespace kafka = lastcall::kafka;
using kafka::not_sent;
using lastcall::deadline;
using testing::HasSubstr;

namespace {

lastcall::app_options quiet_app(lastcall::duration grace) {
  return {.grace = grace,
          .reserve = std::min<lastcall::duration>(grace * 2 / 3, 4s),
          .signals = {},
          .sink = [](const lastcall::log_record&) {},
          .environment = false};
}

kafka::record order(int number, const std::string& topic = "orders") {
  return {.topic = topic, .key = std::to_string(number), .value = "order " + std::to_string(number)};
}

std::int64_t field(const lastcall::report& of, const std::string& name) {
  for (const auto& [key, value] : of.components.at(0).fields)
    if (key == name) return std::get<std::int64_t>(value);
  return 0;
}

/// All messages of a topic with one partition.
std::vector<std::string> values_in(const kafka_brokers& brokers, const std::string& topic, std::size_t count) {
  const kafka_client client(brokers.list(), RD_KAFKA_CONSUMER, "reader");
  rd_kafka_topic_partition_list_t* const list = rd_kafka_topic_partition_list_new(1);
  rd_kafka_topic_partition_list_add(list, topic.c_str(), 0)->offset = RD_KAFKA_OFFSET_BEGINNING;
  rd_kafka_assign(*client, list);
  rd_kafka_topic_partition_list_destroy(list);
  std::vector<std::string> all;
  for (const deadline by(60s); all.size() < count && !by.passed(std::chrono::steady_clock::now());)
    if (rd_kafka_message_t* const one = rd_kafka_consumer_poll(*client, 100)) {
      if (one->err == RD_KAFKA_RESP_ERR_NO_ERROR) all.emplace_back(static_cast<const char*>(one->payload), one->len);
      rd_kafka_message_destroy(one);
    }
  rd_kafka_consumer_close(*client);
  return all;
}

}  // namespace

TEST(kafka_producer, delivers_what_was_pushed_before_it_ends) {
  const kafka_brokers brokers({"orders:1"});
  lastcall::app app(quiet_app(30s));
  const auto out = app.add<kafka::producer>("kafka", {.brokers = brokers.list(), .config = {{"linger.ms", "200"}}});
  app.start();
  std::vector<std::string> sent;
  for (int i = 0; i < 500; ++i) {
    sent.push_back(*order(i).value);
    ASSERT_TRUE(out->push({}, order(i)));
  }
  const lastcall::report& it = app.shutdown(deadline(30s));
  EXPECT_EQ(it.exit_code, 0);
  EXPECT_EQ(field(it, "delivered"), 500);
  EXPECT_EQ(field(it, "undelivered"), 0);
  EXPECT_EQ(values_in(brokers, "orders", 500), sent);
}

TEST(kafka_producer, says_where_a_record_is) {
  const kafka_brokers brokers({"orders:1"});
  lastcall::app app(quiet_app(30s));
  const auto out = app.add<kafka::producer>("kafka", {.brokers = brokers.list()});
  app.start();
  for (int i = 0; i < 3; ++i) {
    const auto where = out->send({}, order(i));
    ASSERT_TRUE(where) << where.error().what();
    EXPECT_EQ(where->partition, 0);
    EXPECT_EQ(where->offset, i);
  }
  app.shutdown(deadline(30s));
}

TEST(kafka_producer, hands_back_what_was_not_delivered_when_its_brokers_are_dead) {
  const kafka_brokers brokers({"orders:1"});
  std::vector<kafka::undelivered> back;
  lastcall::app app(quiet_app(6s));
  const auto out = app.add<kafka::producer>(
      "kafka", {.brokers = brokers.list(), .hand_back = [&](std::vector<kafka::undelivered> all) {
                  for (auto& each : all) back.push_back(std::move(each));
                }});
  app.start();
  ASSERT_TRUE(out->send({}, order(0)));
  brokers.order("down");
  for (int i = 1; i < 101; ++i) ASSERT_TRUE(out->push({}, order(i)));
  const lastcall::report& it = app.shutdown(deadline(6s));
  ASSERT_THAT(it.hung(), testing::IsEmpty());
  EXPECT_EQ(it.exit_code, 0) << "nothing is lost: the program has them";
  EXPECT_EQ(field(it, "delivered"), 1);
  EXPECT_EQ(field(it, "handed_back"), 100);
  ASSERT_EQ(back.size(), 100u);
  for (int i = 1; i < 101; ++i) EXPECT_EQ(back[static_cast<std::size_t>(i - 1)].it.value, order(i).value);
  EXPECT_THAT(back[0].why, HasSubstr("forced"));
}

TEST(kafka_producer, counts_what_nobody_takes_back_as_lost) {
  const kafka_brokers brokers({"orders:1"});
  lastcall::app app(quiet_app(6s));
  const auto out = app.add<kafka::producer>("kafka", {.brokers = brokers.list()});
  app.start();
  ASSERT_TRUE(out->send({}, order(0)));
  brokers.order("down");
  ASSERT_TRUE(out->push({}, order(1)));
  const lastcall::report& it = app.shutdown(deadline(6s));
  EXPECT_EQ(it.exit_code, 3);
  EXPECT_EQ(field(it, "undelivered"), 1);
  EXPECT_EQ(field(it, "cut"), 1);
  ASSERT_EQ(it.components.at(0).in_progress.size(), 1u);
  EXPECT_THAT(it.components.at(0).in_progress[0].label, HasSubstr("to orders, "));
}

TEST(kafka_producer, has_callers_wait_for_room_and_refuses_the_rest) {
  const kafka_brokers brokers({"orders:1"});
  lastcall::app app(quiet_app(6s));
  const auto out = app.add<kafka::producer>("kafka", {.brokers = brokers.list(),
                                                      .hand_back = [](const std::vector<kafka::undelivered>&) {},
                                                      .most = 3,
                                                      .longest_wait = 300ms});
  app.start();
  ASSERT_TRUE(out->send({}, order(0)));
  brokers.order("down");
  for (int i = 0; i < 3; ++i) ASSERT_TRUE(out->push({}, order(i)));
  kafka::record more = order(3);
  const auto refused = out->push({}, std::move(more));
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().why(), not_sent::reason::full);
  EXPECT_THAT(refused.error().what(), HasSubstr("kafka: no room within 300ms: 3 records are not delivered"));
  EXPECT_EQ(more.value, order(3).value) << "it stays the caller's";
  // One that waits gets the room as soon as there is any.
  std::atomic<bool> taken = false;
  std::thread waits([&] {
    for (const deadline by(60s); !taken && !by.passed(std::chrono::steady_clock::now());)
      if (out->push({}, order(4))) taken = true;
  });
  brokers.order("up");
  waits.join();
  EXPECT_TRUE(taken);
  app.shutdown(deadline(6s));
}

TEST(kafka_producer, ends_a_call_with_its_context) {
  const kafka_brokers brokers({"orders:1"});
  lastcall::app app(quiet_app(6s));
  const auto out = app.add<kafka::producer>(
      "kafka", {.brokers = brokers.list(), .hand_back = [](const std::vector<kafka::undelivered>&) {}});
  app.start();
  brokers.order("rtt?ms=30000");
  const auto late = out->send(lastcall::within({}, 100ms), order(1));
  ASSERT_FALSE(late);
  EXPECT_EQ(late.error().why(), not_sent::reason::forced);
  EXPECT_TRUE(late.error().maybe_delivered());
  app.shutdown(deadline(6s));
  const auto after = out->push({}, order(2));
  ASSERT_FALSE(after);
  EXPECT_EQ(after.error().why(), not_sent::reason::draining);
}

TEST(kafka_producer, says_why_a_broker_refuses_a_record) {
  const kafka_brokers brokers({"orders:1"});
  lastcall::app app(quiet_app(10s));
  const auto out = app.add<kafka::producer>("kafka", {.brokers = brokers.list()});
  app.start();
  brokers.order("errors?api=0&code=29&count=1");  // Produce; TOPIC_AUTHORIZATION_FAILED
  const auto refused = out->send({}, order(1));
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().why(), not_sent::reason::undelivered);
  EXPECT_THAT(refused.error().what(), HasSubstr("authorization failed"));
  const auto large = out->send({}, {.topic = "orders", .value = std::string(2'000'000, 'x')});
  ASSERT_FALSE(large);
  EXPECT_EQ(large.error().why(), not_sent::reason::too_large);
  app.shutdown(deadline(10s));
}

TEST(kafka_producer, ends_the_app_in_order_after_a_fatal_error) {
  const kafka_brokers brokers({"orders:1"});
  std::vector<kafka::undelivered> back;
  lastcall::app app(quiet_app(30s));
  const auto out = app.add<kafka::producer>(
      "kafka", {.brokers = brokers.list(), .hand_back = [&](std::vector<kafka::undelivered> all) {
                  for (auto& each : all) back.push_back(std::move(each));
                }});
  app.start();
  ASSERT_TRUE(out->send({}, order(0)));
  brokers.order("down");
  ASSERT_TRUE(out->push({}, order(1)));
  rd_kafka_test_fatal_error(out->native_handle(), RD_KAFKA_RESP_ERR_OUT_OF_ORDER_SEQUENCE_NUMBER, "a gap");
  for (const deadline by(60s); !app.asked_to_end() && !by.passed(std::chrono::steady_clock::now());)
    std::this_thread::sleep_for(2ms);
  const lastcall::report& it = app.shutdown(deadline(30s));
  EXPECT_EQ(it.exit_code, 1);
  EXPECT_THAT(it.hung(), testing::IsEmpty());
  EXPECT_EQ(back.size(), 1u);
}

TEST(kafka_producer, is_awaited_by_coroutines) {
  const kafka_brokers brokers({"orders:1"});
  lastcall::app app(quiet_app(10s));
  const auto out = app.add<kafka::producer>("kafka", {.brokers = brokers.list()});
  app.start();
  boost::asio::io_context loop;
  std::vector<std::string> said;
  const auto work = [&]() -> lastcall::task<> {
    const auto before = co_await kafka::push(*out, {}, order(0));
    said.push_back(before ? "pushed" : before.error().what());
    const auto where = co_await kafka::send(*out, {}, order(1));
    said.push_back(where ? "at " + std::to_string(where->offset) : where.error().what());
    brokers.order("rtt?ms=30000");
    const auto late = co_await kafka::send(*out, lastcall::within({}, 50ms), order(2));
    said.push_back(late ? "delivered" : lastcall::detail::enum_name(late.error().why()).data());
  };
  boost::asio::co_spawn(loop, work, [](const std::exception_ptr& threw) { EXPECT_EQ(threw, nullptr); });
  loop.run_for(60s);
  EXPECT_THAT(said, testing::ElementsAre("pushed", "at 1", HasSubstr("forced")));
  brokers.order("rtt?ms=0");
  app.shutdown(deadline(10s));
}

namespace {

std::atomic<int> relayed_port = 0;

/// librdkafka goes where the brokers say that they are: this sends it through the relay of the conformance test.
int connect_by_relay(int socket, const sockaddr* to, int size, const char*, void*) {
  sockaddr_in there{};
  if (to->sa_family == AF_INET && relayed_port != 0) {
    there.sin_family = AF_INET;
    there.sin_port = htons(static_cast<std::uint16_t>(relayed_port.load()));
    there.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    to = reinterpret_cast<const sockaddr*>(&there);
    size = sizeof there;
  }
  return ::connect(socket, to, static_cast<socklen_t>(size)) == 0 || errno == EINPROGRESS ? 0 : errno;
}

/// Has connected once it has started: otherwise the first records wait for that, and none of a drain is done at once.
class connected_producer final : public lastcall::component {
 public:
  connected_producer(kafka::producer_options with, const lastcall::logger& log) : it(std::move(with), log) {}

  void start(lastcall::context with) override {
    it.start(std::move(with));
    const struct rd_kafka_metadata* all = nullptr;
    if (rd_kafka_metadata(it.native_handle(), 1, nullptr, &all, 1000) == RD_KAFKA_RESP_ERR_NO_ERROR)
      rd_kafka_metadata_destroy(all);
  }
  void drain(lastcall::context ends, lastcall::drained done) override { it.drain(std::move(ends), std::move(done)); }
  void force() noexcept override { it.force(); }
  void stop() noexcept override { it.stop(); }
  void account(lastcall::component_report& out) const override { it.account(out); }
  void measure(lastcall::metrics& into) const override { it.measure(into); }
  void in_progress(std::vector<lastcall::work_item>& out, std::size_t limit) const override {
    it.in_progress(out, limit);
  }

  kafka::producer it;
};

}  // namespace

TEST(kafka_producer, conforms) {
  const kafka_brokers brokers({"orders:1", "nowhere:1"}, 1);
  brokers.order("leader?topic=nowhere&partition=0&broker=-1");
  const auto at = lastcall::testing::parse_server_address("http://" + brokers.list());
  const auto faults = lastcall::testing::check_adapter(lastcall::testing::adapter_under_test<connected_producer>{
      .make =
          [&](const lastcall::testing::server_address& where, const lastcall::logger& log) {
            relayed_port = std::stoi(where.text.substr(where.text.rfind(':') + 1));
            return std::make_unique<connected_producer>(
                kafka::producer_options{
                    .brokers = brokers.list(),
                    .deliver_within = 10min,
                    .config = {{"reconnect.backoff.ms", "10"}, {"reconnect.backoff.max.ms", "100"}},
                    .configure = [](rd_kafka_conf_t* conf) { rd_kafka_conf_set_connect_cb(conf, connect_by_relay); }},
                log);
          },
      .work = [](connected_producer& of,
                 const lastcall::context& with) { static_cast<void>(*of.it.send(with, order(1))); },
      .long_work = [](connected_producer& of,
                      const lastcall::context& with) { static_cast<void>(*of.it.send(with, order(1, "nowhere"))); },
      .server = at});
  EXPECT_THAT(faults, testing::IsEmpty());
}

}  // namespace service_tests
