// Sends records to Kafka as a component: idempotent, bounded, and each record is delivered or named.
#pragma once

#include <librdkafka/rdkafka.h>

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "lastcall/adapters/kafka/message.hpp"
#include "lastcall/adapters/kafka/not_sent.hpp"
#include "lastcall/core/app/app.hpp"
#include "lastcall/core/result.hpp"

namespace lastcall::inline v0::kafka {

/// Where a record is now.
struct delivered {
  std::int32_t partition = 0;
  std::int64_t offset = 0;
};

struct undelivered {
  record it{};
  std::string why{};
  bool maybe_delivered = false;  ///< no broker has confirmed it, and one may have it
};

struct producer_options {
  /// "kafka1:9092,kafka2:9092".
  std::string brokers = {};
  /// Gets the records of `push` that were not delivered: in time, or before the end. To keep them for the next process.
  /// Empty: they are lost then.   Threads: the producer's own, one at a time.   Blocks: may, within the reserve; no
  /// delivery is told meanwhile.
  function<void(std::vector<undelivered>)> hand_back = {};
  /// The most records that are not delivered yet, and their bytes.
  std::size_t most = 10'000;
  std::size_t most_bytes = 64 << 20;
  /// How long a caller waits for room.
  duration longest_wait = std::chrono::seconds(5);
  /// How long brokers have to confirm a record, with all retries (delivery.timeout.ms).
  duration deliver_within = std::chrono::seconds(30);
  /// How long `stop` waits for librdkafka to close its connections.
  duration close_within = std::chrono::seconds(1);
  /// Settings of librdkafka that are no option here: {"compression.type", "zstd"}.   Source: CONFIGURATION.md of
  /// librdkafka.
  std::vector<std::pair<std::string, std::string>> config = {};
  /// What `config` can't say: callbacks of librdkafka. Called once, before the handle is made. The opaque pointer, the
  /// events and the log are the producer's.
  function<void(rd_kafka_conf_t*)> configure = {};
  /// The name in logs, errors and metrics. Empty: its name in the app, or "kafka".
  std::string name = {};
};

namespace detail {
class producer_core;
struct producer_access;
}  // namespace detail

/// Room goes to callers in the order in which they came. Records of one partition are delivered in order, and once,
/// whatever librdkafka tries again (an idempotent producer).
/// Drain: takes nothing new, callers that wait for room are told at once, and it has drained when all records are
/// delivered. Force: what is left is given up: a caller of `send` is told, the records of `push` are handed back. Stop:
/// closes the connections. No broker makes it late. Lost at worst: with `hand_back` nothing that was pushed.
/// Fields of the report: `delivered`, `undelivered` (told to a caller, or nobody took them back), `handed_back`, `cut`
/// (of the undelivered: by force), `left`. `in_progress` names the oldest records that are not delivered.
class producer final : public component {
 public:
  using options = producer_options;

  /// Errors: std::invalid_argument that names the option, its value and what is allowed.
  producer(options with, app& owner);
  explicit producer(options with, logger log = {});
  ~producer() override;

  /// Takes it for delivery. How many were not delivered before it. One that it does not take stays in `it`, whole.
  /// Blocks: until there is room, at most `longest_wait`; less when the context is forced or the producer drains.
  /// Errors: std::logic_error before the start.
  result<std::size_t, not_sent> push(const context& with, record&& it);
  result<std::size_t, not_sent> push(const context& with, const record& it) { return push(with, record(it)); }
  /// The same, and waits until it is delivered. After an error that says maybe_delivered() it may be sent again, and is
  /// then there twice.
  /// Blocks: at most `longest_wait` and `deliver_within`, and until the context is forced.
  result<delivered, not_sent> send(const context& with, record it);

  void start(context) override;
  void drain(context ends, drained done) override;
  void force() noexcept override;
  void stop() noexcept override;
  void account(component_report& out) const override;
  void measure(metrics& into) const override;
  void in_progress(std::vector<work_item>& out, std::size_t limit) const override;

  /// librdkafka's handle, for what is not here. Null before the start and once it has stopped.
  rd_kafka_t* native_handle() const noexcept;

 private:
  friend struct detail::producer_access;

  const std::shared_ptr<detail::producer_core> core_;
};

}  // namespace lastcall::inline v0::kafka
