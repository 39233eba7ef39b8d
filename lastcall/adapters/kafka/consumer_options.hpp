// What a consumer is told.
#pragma once

#include <librdkafka/rdkafka.h>

#include <cstddef>
#include <string>
#include <utility>
#include <vector>

#include "lastcall/adapters/kafka/message.hpp"
#include "lastcall/core/clock.hpp"
#include "lastcall/core/context/context.hpp"
#include "lastcall/core/function.hpp"

namespace lastcall::inline v0::kafka {

/// What is worked on one at a time, in order.
enum class order : unsigned char {
  partition,  ///< the messages of a partition
  key,        ///< those of a key; those without a key have no order
};

/// How a group moves its partitions when members come and go. All members of a group must say the same.
enum class rebalance : unsigned char {
  cooperative,  ///< only those that move are given up; the others are worked on meanwhile
  eager,        ///< all members give up all, then all are assigned anew
};

struct consumer_options {
  /// "kafka1:9092,kafka2:9092".
  std::string brokers = {};
  std::string group = {};
  /// Names, or patterns that begin with ^.
  std::vector<std::string> topics = {};
  /// Works on one message. When it returns, the message is finished. When it throws, it is tried again after a pause,
  /// and what stands behind it waits.   Threads: a worker's, several at once.   Blocks: may; it should look at the
  /// context, which drains with the consumer, or when the partition is about to be given up, and is then forced. Work
  /// that it gives up then must end in an exception: one that returns is finished, and is committed.
  function<void(const message&, const context&)> work = {};
  /// Takes a message that failed `most_tries` times, with what the last failure said: into a topic for dead letters.
  /// Then it is finished. Empty: it is tried until it succeeds. When it throws, it is called again after
  /// `longest_pause`.
  function<void(const message&, const std::string& why, const context&)> poison = {};
  /// 0: it is tried for ever.
  std::size_t most_tries = 5;
  /// Before a message is tried again; doubles with each failure, less a random part of up to half.
  duration first_pause = std::chrono::milliseconds(100);
  duration longest_pause = std::chrono::seconds(10);
  kafka::order order = kafka::order::partition;
  kafka::rebalance rebalance = kafka::rebalance::cooperative;
  /// A group that has committed nothing begins with what is in the topic. False: with what comes from then on.
  bool from_beginning = true;
  /// Threads, each with a stack.
  std::size_t workers = 4;
  /// The most messages of one partition that are taken from librdkafka and not finished. It fetches ahead into queues
  /// of its own, which are bounded too (queued.max.messages.kbytes, here 4096 for each partition).
  std::size_t most = 256;
  /// How often what is finished is committed, if there is any, 1 ms or more. The end waits for the next one: a commit
  /// that comes while the group moves would cost all partitions, and only librdkafka's timer knows when that is.
  duration commit_every = std::chrono::milliseconds(500);
  /// How long the last commit and the farewell to the group may take when it drains, and the commit of partitions that
  /// are given up; never longer than the drain.
  duration commit_within = std::chrono::seconds(10);
  /// How long the work on partitions that the group takes away may go on. Then its context is forced. With
  /// `commit_within` it has to stay below max.poll.interval.ms (5 min), after which the group goes on without it. Work
  /// that goes on for all that is done twice, and is named.
  duration revoke_within = std::chrono::seconds(10);
  /// How long `stop` waits for librdkafka to close its connections.
  duration close_within = std::chrono::seconds(1);
  /// Settings of librdkafka that are no option here: {"security.protocol", "sasl_ssl"}.   Source: CONFIGURATION.md of
  /// librdkafka.
  std::vector<std::pair<std::string, std::string>> config = {};
  /// What `config` can't say: callbacks of librdkafka. Called once, before the handle is made. The opaque pointer, the
  /// events and the log are the consumer's.
  function<void(rd_kafka_conf_t*)> configure = {};
  /// The name in logs, errors and metrics. Empty: its name in the app, or "kafka".
  std::string name = {};
};

}  // namespace lastcall::inline v0::kafka
