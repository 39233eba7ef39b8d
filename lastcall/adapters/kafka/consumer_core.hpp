// What a consumer does: a thread that polls librdkafka and speaks to the group, workers, and the verbs of a component.
// What is worked on next and what is finished is consume_book's, how partitions are given up partition_end's.
#pragma once

#include <atomic>
#include <condition_variable>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <random>
#include <string>
#include <utility>
#include <vector>

#include "lastcall/adapters/kafka/client.hpp"
#include "lastcall/adapters/kafka/consume_book.hpp"
#include "lastcall/adapters/kafka/consumer_options.hpp"
#include "lastcall/adapters/kafka/partition_end.hpp"
#include "lastcall/core/lifecycle/component.hpp"
#include "lastcall/core/threads/own_thread.hpp"

namespace lastcall::inline v0::kafka::detail {

/// Ownership: shared by the consumer and its threads. A thread that hangs in a call keeps it for good.
class consumer_core : public std::enable_shared_from_this<consumer_core> {
 public:
  /// `owner` may be null. It is used until the stop returns, and no longer.
  consumer_core(consumer_options with, logger log, app* owner);
  consumer_core& operator=(consumer_core&&) = delete;

  void start();
  void drain(const context& ends, drained done);
  void force() noexcept;
  void stop() noexcept;
  /// For a consumer that goes without its verbs: as force and stop, but waits for nothing.
  void leave() noexcept;
  void account(component_report& out) const;
  void measure(metrics& into) const;
  void in_progress(std::vector<work_item>& out, std::size_t limit) const;
  rd_kafka_t* native_handle() const noexcept;

 private:
  enum class phase : unsigned char { made, started, draining, stopped };
  using lock = std::unique_lock<std::mutex>;
  using partition_name = std::pair<std::string, std::int32_t>;

  struct message_item final : consumed {
    explicit message_item(message&& of) : it(std::move(of)) {}
    message it;
  };
  struct work_under_way {
    consume_book::entry* it = nullptr;  // null: the worker is idle
    time_point since{};
    context with{};
    std::string label{};
  };
  /// A partition that is ours.   Threads: the poll's.
  struct assigned {
    consume_book::number in = 0;
    queue messages{};
    bool lost = false;  // another member may have it already
    bool ending = false;
  };
  /// Partitions that are given up.
  struct ending {
    explicit ending(const partition_end::bounds& of) : end(of) {}
    partition_end end;
    bool commit_sent = false, refused = false;  // the last commit
  };
  struct revocation : ending {
    using ending::ending;
    event of{};
    std::vector<partition_name> which{};
  };
  struct numbers {
    std::uint64_t commits = 0, refused_commits = 0, revocations = 0, generations_lost = 0;
    std::uint64_t uncommitted = 0;  // finished, of partitions that are no longer ours
  };

  // Workers: consumer_work.cpp.
  void begin_worker(std::size_t worker);
  void keep_working(std::size_t worker);
  void work_on(std::size_t worker, const message& of, const std::string& why, bool poison);
  void work_over(std::size_t worker, const std::exception_ptr& threw) noexcept;

  // The thread that polls: consumer_poll.cpp.
  void poll();
  void serve(event of);
  void look_for_fatal_error();
  void take_messages();
  time_point next_look(time_point now) const;
  void close() noexcept;
  bool group_is_left(time_point now) const;

  // Partitions that come and go, and commits: consumer_group.cpp. Threads: the poll's.
  void rebalanced(event of);
  void assign(rd_kafka_event_t& of);
  void revoke(event of);
  void answer_revocation();
  void end_partition(assigned& it, time_point finish_by);
  void force_work(const std::vector<partition_name>& which);
  void forget(const partition_name& name);
  void forget_all();
  void name_uncommitted(const lock&, const std::string& which, std::size_t messages);
  void tell_uncommitted(const lock&);
  std::vector<partition_name> all_ours() const;
  partition_end::facts facts_of(const std::vector<partition_name>& which, bool hopeless) const;
  void step_revocation(time_point now);
  void step_drain(time_point now);
  void store_finished();
  /// Not by librdkafka's timer, which knows when the group moves, but now.
  void commit_now(ending& of, const std::vector<partition_name>& which);
  void committed(rd_kafka_event_t& of);
  bool is_eager() const noexcept { return with_.rebalance == rebalance::eager; }

  void open();
  /// To be called at the end of whatever may have been the last. Gives the lock up.
  void settle(lock& held) noexcept;

  const consumer_options with_;
  const logger log_;
  app* const owner_;
  std::atomic<duration> last_step_;  // what each step may take once it is forced; a shutdown may have less of a reserve
  context_source life_;

  mutable std::mutex mutex_;  // guards all down to the next comment
  std::condition_variable work_comes_;
  std::condition_variable settled_;  // for stop
  consume_book book_;
  std::map<consume_book::number, context_source> contexts_;  // of the partitions that are ours
  std::vector<work_under_way> in_work_;
  std::minstd_rand random_{std::random_device{}()};
  log_limit failures_logged_{1};
  numbers count_{};
  std::vector<std::string> named_{};   // what was not committed, for the report: the first ones
  std::vector<std::string> untold_{};  // the same, for the log
  drained done_;
  std::optional<time_point> drain_end_{};
  phase phase_ = phase::made;
  bool forced_ = false;
  bool group_left_ = false;  // or given up: nothing more is committed
  bool polls_ = false;       // its thread is there
  std::size_t workers_ = 0;
  std::vector<lastcall::detail::own_thread> threads_{};
  lastcall::detail::own_thread polling_{};
  rd_kafka_t* seen_handle_ = nullptr;

  // The poll's alone, once it has started.
  client client_;
  std::map<partition_name, assigned> ours_{};
  std::optional<revocation> revocation_{};
  std::optional<ending> drain_{};
  std::optional<time_point> leave_by_{};  // the group is being left
  log_limit refusals_logged_{1};
  bool was_assigned_ = false;  // once
  bool moves_ = false;         // the last commit was refused because the group moves
  bool hurried_ = false;
  bool fatal_ = false;
};

}  // namespace lastcall::inline v0::kafka::detail
