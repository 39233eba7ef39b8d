// Brokers in a process of their own, and what a test asks them by librdkafka itself.
#pragma once

#include <gtest/gtest.h>
#include <librdkafka/rdkafka.h>

#include <cstdint>
#include <map>
#include <memory>
#include <stdexcept>
#include <string>
#include <vector>

#include "tests/process/raw_client.hpp"
#include "tests/process/testbed.hpp"

namespace service_tests {

using namespace std::chrono_literals;

/// examples/32_kafka/kafka_mock.
class kafka_brokers {
 public:
  explicit kafka_brokers(const std::vector<std::string>& topics, int brokers = 3) : process(command(topics, brokers)) {
    const auto line = process.wait_for_line("brokers ", lastcall::deadline(60s));
    if (!line) throw std::runtime_error("no brokers: " + process.errors());
    list_ = line->substr(std::string("brokers ").size());
    const auto control = process.wait_for_line("control ", lastcall::deadline(60s));
    control_ = control->substr(std::string("control ").size());
  }

  const std::string& list() const noexcept { return list_; }
  /// "down?broker=1": see kafka_mock.cpp.
  void order(const std::string& what) const {
    const auto to = lastcall::testing::parse_server_address(control_);
    process_tests::raw_client asks(
        to, "POST /" + what + " HTTP/1.1\r\nHost: mock\r\nContent-Length: 0\r\nConnection: close\r\n\r\n");
    if (const auto said = asks.read_reply().status_line(); said.find(" 200 ") == said.npos)
      throw std::runtime_error(what + ": " + said);
  }

 private:
  static std::vector<std::string> command(const std::vector<std::string>& topics, int brokers) {
    std::vector<std::string> all{process_tests::program("kafka_mock"), "--control", "--brokers",
                                 std::to_string(brokers)};
    for (const std::string& each : topics) all.insert(all.end(), {"--topic", each});
    return all;
  }

  std::string list_, control_;

 public:
  lastcall::testing::child_process process;
};

/// A client of librdkafka's own, for what tests put in and look up.
class kafka_client {
 public:
  kafka_client(const std::string& brokers, rd_kafka_type_t type, const std::string& group = "") {
    rd_kafka_conf_t* const conf = rd_kafka_conf_new();
    char why[256] = "";
    rd_kafka_conf_set(conf, "bootstrap.servers", brokers.c_str(), why, sizeof why);
    if (!group.empty()) rd_kafka_conf_set(conf, "group.id", group.c_str(), why, sizeof why);
    if (type == RD_KAFKA_PRODUCER) rd_kafka_conf_set(conf, "enable.idempotence", "true", why, sizeof why);
    it_ = rd_kafka_new(type, conf, why, sizeof why);
    if (it_ == nullptr) throw std::runtime_error(why);
  }
  ~kafka_client() { rd_kafka_destroy(it_); }
  kafka_client& operator=(kafka_client&&) = delete;

  rd_kafka_t* operator*() const noexcept { return it_; }

 private:
  rd_kafka_t* it_ = nullptr;
};

/// `count` messages "N" for each partition, N from `first` on, with the keys "k0" to "k4".
inline void put_messages(const std::string& brokers, const std::string& topic, int partitions, int count,
                         int first = 0) {
  const kafka_client client(brokers, RD_KAFKA_PRODUCER);
  // Not rd_kafka_producev: its macros are an extension of GNU, of which clang warns.
  const std::unique_ptr<rd_kafka_topic_t, decltype(&rd_kafka_topic_destroy)> to(
      rd_kafka_topic_new(*client, topic.c_str(), nullptr), rd_kafka_topic_destroy);
  for (int i = first; i < first + count; ++i)
    for (int partition = 0; partition < partitions; ++partition) {
      std::string value = std::to_string(i);
      const std::string key = "k" + std::to_string(i % 5);
      while (rd_kafka_produce(to.get(), partition, RD_KAFKA_MSG_F_COPY, value.data(), value.size(), key.data(),
                              key.size(), nullptr) != 0) {
        if (const auto refused = rd_kafka_last_error(); refused != RD_KAFKA_RESP_ERR__QUEUE_FULL)
          throw std::runtime_error(rd_kafka_err2str(refused));
        rd_kafka_poll(*client, 100);
      }
    }
  if (rd_kafka_flush(*client, 60'000) != RD_KAFKA_RESP_ERR_NO_ERROR) throw std::runtime_error("not flushed");
}

/// What the group has committed, of each partition; -1: nothing.
inline std::vector<std::int64_t> committed_offsets(const std::string& brokers, const std::string& group,
                                                   const std::string& topic, int partitions) {
  const kafka_client client(brokers, RD_KAFKA_CONSUMER, group);
  const std::unique_ptr<rd_kafka_topic_partition_list_t, decltype(&rd_kafka_topic_partition_list_destroy)> list(
      rd_kafka_topic_partition_list_new(partitions), rd_kafka_topic_partition_list_destroy);
  for (int i = 0; i < partitions; ++i) rd_kafka_topic_partition_list_add(list.get(), topic.c_str(), i);
  if (const auto refused = rd_kafka_committed(*client, list.get(), 30'000))
    throw std::runtime_error(rd_kafka_err2str(refused));
  std::vector<std::int64_t> all;
  for (int i = 0; i < partitions; ++i) all.push_back(list->elems[i].offset < 0 ? -1 : list->elems[i].offset);
  return all;
}

}  // namespace service_tests
