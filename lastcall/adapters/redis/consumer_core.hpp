// What a consumer of a stream does: one thread reads, those of a queue process, one tells the server what came of it.
#pragma once

#include <condition_variable>
#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "lastcall/adapters/redis/consumer.hpp"
#include "lastcall/adapters/redis/link.hpp"
#include "lastcall/adapters/redis/stream_group.hpp"
#include "lastcall/core/log/log_limit.hpp"
#include "lastcall/work/work_queue.hpp"

namespace lastcall::inline v0::redis::detail {

/// Errors: std::invalid_argument.
void check(const consumer_options& of);

/// Ownership: shared by the component and the thread of `run`, which waits for all others.
class consumer_core : public std::enable_shared_from_this<consumer_core> {
 public:
  consumer_core(consumer_options with, logger log);

  void start() { queue_->start({}); }
  /// Reads until the context drains, and returns when all that was read is finished and told.
  void run(const context& ends);
  /// What is done may be acknowledged for `most` from then on.
  void force(duration most) noexcept;
  void stop() noexcept { queue_->stop(); }
  void account(component_report& out) const;
  void measure(metrics& into) const;
  void in_progress(std::vector<work_item>& out, std::size_t limit) const;

 private:
  static constexpr std::size_t most_at_once = 100;  // entries, in one command
  using lock = std::unique_lock<std::mutex>;

  void process(const entry& on, const context& with);

  /// Until the context drains.
  void read(const context& ends);
  /// The same, or until the connection breaks: then why.
  std::optional<error> read_until_broken(const context& ends);
  /// So that a drain can end its read.
  std::optional<error> ask_for_its_number(connection& on, const context& ends);
  void warn_of_slow_drain(const error& why);
  /// Claims what is to be claimed, as much as there is room for. True: there is more.
  result<bool, error> claim(connection& on, const context& ends);
  /// The question gives entries to us. If its answer does not come, they may be on their way.
  template <class F> result<std::vector<entry>, error> answer_of(const context& ends, const F& question);
  /// What was on its way when a connection broke: nobody has tried it, and it may be claimed at once.
  std::optional<error> give_back_what_never_came(connection& on, const context& with);
  void take(std::vector<entry> entries, bool claimed);
  /// 0: it drains.   Blocks: until there is room.
  std::size_t wait_for_room();

  void keep_telling();
  std::optional<error> open_teller(std::optional<connection>& on, const context& with);
  /// Tells the server what there is to tell.
  std::optional<error> tell(connection& on, const context& life);
  bool has_to_tell(const lock&) const;
  /// Gives back what is not done, and leaves the group. It tries once.
  void part(std::optional<connection>& on, const context& life);
  void finish(const context& ends);
  void warn(std::string_view what, const error& why);
  /// The ids of the first that are not acknowledged, and of how many.
  std::pair<std::string, std::size_t> unacknowledged(const lock&) const;

  const consumer_options with_;
  const connection_options how_;
  const stream_group group_;
  const logger log_;
  const std::shared_ptr<link_group> connections_;
  std::unique_ptr<work_queue<entry>> queue_;
  context_source telling_;  // of the thread that tells: it outlives force by `acknowledge_within`

  mutable std::mutex mutex_;  // of what follows
  std::condition_variable changed_;
  entry_book book_;
  std::int64_t reader_ = 0;  // the server's number of the connection that reads; 0: it can't be told to end a read
  bool reading_ = false;     // it waits at the server
  bool draining_ = false;
  bool finished_ = false;  // nothing is in work any more
  bool told_ = false;      // the thread that tells has ended
  std::optional<time_point> forced_;
  duration longest_telling_ = duration::max();  // from then on
  std::optional<time_point> untold_since_;
  std::optional<time_point> unanswered_;  // since then an answer that may have entries has not come
  std::vector<std::string> never_came_;   // such entries, which are given back when it drains
  time_point next_beat_;
  log_limit lines_{1};
};

}  // namespace lastcall::inline v0::redis::detail
