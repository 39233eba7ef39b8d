// A handle of librdkafka: its settings, its log, and an end that no broker holds up.
#pragma once

#include <librdkafka/rdkafka.h>

#include <algorithm>
#include <initializer_list>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "lastcall/adapters/kafka/message.hpp"
#include "lastcall/core/app/app.hpp"
#include "lastcall/core/function.hpp"
#include "lastcall/core/lifecycle/wakeup.hpp"
#include "lastcall/core/log/log.hpp"
#include "lastcall/core/log/log_limit.hpp"
#include "lastcall/work/pool.hpp"

namespace lastcall::inline v0::kafka::detail {

using settings = std::vector<std::pair<std::string, std::string>>;

template <auto Destroy> struct destroy_with {
  template <class T> void operator()(T* it) const noexcept { Destroy(it); }
};
using event = std::unique_ptr<rd_kafka_event_t, destroy_with<rd_kafka_event_destroy>>;
using queue = std::unique_ptr<rd_kafka_queue_t, destroy_with<rd_kafka_queue_destroy>>;
using partition_list =
    std::unique_ptr<rd_kafka_topic_partition_list_t, destroy_with<rd_kafka_topic_partition_list_destroy>>;
using failure = std::unique_ptr<rd_kafka_error_t, destroy_with<rd_kafka_error_destroy>>;

message copy_of(const rd_kafka_message_t& of);

/// Threads: one, but for `woken`.
class client {
 public:
  struct how {
    rd_kafka_type_t type = RD_KAFKA_CONSUMER;
    int events = 0;
    settings all{};  // the later ones win
    const function<void(rd_kafka_conf_t*)>* configure = nullptr;
  };

  client(std::string name, logger log) : name_(std::move(name)), log_(std::move(log)) {}
  ~client();
  client& operator=(client&&) = delete;

  /// Errors: std::invalid_argument that names the setting, std::runtime_error with what librdkafka says.
  void open(const how& it);
  /// Blocks: for as long as librdkafka takes: its threads end, and the connections close. A consumer does not leave its
  /// group: that is done before.
  void close() noexcept;
  /// Instead of close: it stays as it is until the process ends, and so must this object.
  void abandon() noexcept;

  rd_kafka_t* handle() const noexcept { return handle_; }
  /// What a poll is for: events, and the messages of a producer.
  rd_kafka_queue_t* events() const noexcept { return events_.get(); }
  /// Calls of `wake` and whatever comes into a watched queue.
  wakeup& woken() noexcept { return woken_; }
  void watch(rd_kafka_queue_t* of, bool on) noexcept;
  /// An event that says what went wrong: one line each second.
  void log_error(rd_kafka_event_t* of);
  /// Empty: it can go on. The event that says so has the code of its cause, so it is asked for at each error.
  std::string fatal_error() const;

 private:
  static void log_line(const rd_kafka_t* of, int level, const char* facility, const char* text);

  const std::string name_;
  const logger log_;
  wakeup woken_;
  rd_kafka_t* handle_ = nullptr;
  queue events_;
  std::mutex mutex_;
  log_limit lines_{5}, errors_{1};  // guarded by it
};

/// What each step of the end may take once it is forced: the handlers' ends, the commit and the farewell together take
/// less than half of the reserve. `owner` is null: of one that has no app.
inline duration last_step_of(const app* owner) {
  const duration reserve = owner == nullptr ? std::chrono::seconds(2) : owner->reserve();
  return std::max<duration>(reserve / 8, std::chrono::milliseconds(1));
}

/// How long `stop` may wait for librdkafka.
inline duration longest_close(duration within, const app* owner) {
  return owner == nullptr ? within : std::min(within, lastcall::detail::share_of_reserve(*owner));
}

/// What belongs to an option of ours.   Errors: std::invalid_argument that names the setting and what to use instead.
void check_settings(std::string_view name, const settings& given,
                    std::initializer_list<std::pair<std::string_view, std::string_view>> ours);

}  // namespace lastcall::inline v0::kafka::detail
