// A member of a consumer group as a component: each message is worked on at least once, what is committed is finished,
// and the group gets its partitions back before the process ends.
#pragma once

#include <memory>
#include <vector>

#include "lastcall/adapters/kafka/consumer_options.hpp"
#include "lastcall/core/app/app.hpp"

namespace lastcall::inline v0::kafka {

namespace detail {
class consumer_core;
}  // namespace detail

/// Drain: takes no more messages, finishes those in work, commits, and leaves the group, so that its other members go
/// on at once. Messages that wait are not begun: the group gets them again. Force: the contexts of what is in work are
/// forced; what is finished is committed, within a quarter of the reserve each. Stop: closes the connections. No broker
/// makes it late. Lost at worst: nothing; what was finished and not committed is done again, and is named by topic,
/// partition and offsets.
/// Each message that it took is one of these fields of the report: `done`, `poisoned`, `handed_back` (not begun, or not
/// finished in time for its group), `cut` (it was forced), `left` (still in work). `uncommitted` counts those that were
/// finished and may be done again, `generations_lost` how often the group had moved without us. `in_progress` names the
/// messages in work.
/// Names nothing that it needs: name what `work` uses in the needs.
class consumer final : public component {
 public:
  using options = consumer_options;

  /// Errors: std::invalid_argument that names the option, its value and what is allowed.
  consumer(options with, app& owner);
  explicit consumer(options with, logger log = {});
  ~consumer() override;

  /// Returns before the brokers have answered: they may be down.   Errors: std::invalid_argument for a setting in
  /// `config`, std::runtime_error with what librdkafka says.
  void start(context) override;
  void drain(context ends, drained done) override;
  void force() noexcept override;
  void stop() noexcept override;
  void account(component_report& out) const override;
  void measure(metrics& into) const override;
  void in_progress(std::vector<work_item>& out, std::size_t limit) const override;

  /// librdkafka's handle, for what is not here. Null before the start and once it has stopped. Not for
  /// rd_kafka_consumer_poll, assign, commit and close, which are the consumer's.
  rd_kafka_t* native_handle() const noexcept;

 private:
  const std::shared_ptr<detail::consumer_core> core_;
};

}  // namespace lastcall::inline v0::kafka
