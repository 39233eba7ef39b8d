// What a queue does whatever its items are: the lock, the producers that wait, the workers, and the verbs of a
// component. It knows no type: work_queue<T> gives it the calls.
#pragma once

#include <array>
#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <exception>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "lastcall/core/context/context.hpp"
#include "lastcall/core/lifecycle/component.hpp"
#include "lastcall/core/log/log.hpp"
#include "lastcall/core/log/log_limit.hpp"
#include "lastcall/core/result.hpp"
#include "lastcall/work/not_queued.hpp"
#include "lastcall/work/queue_book.hpp"

namespace lastcall::inline v0::detail {

class own_thread;

struct work_queue_settings {
  std::string name{};
  queue_book::bounds within{};
  std::size_t workers = 1;
  duration longest_wait{};
  bool hands_back = false;
  bool finishes = true;  // at the drain it works off what waits
};

/// Errors: std::invalid_argument that names the option, its value and what is allowed.
void check(const work_queue_settings& of);

/// Ownership: shared by the queue and its threads. A thread that hangs in a call keeps it for good.
/// Threads: every member from any. Calls run without the lock.
class work_queue_core : public std::enable_shared_from_this<work_queue_core> {
 public:
  work_queue_core(work_queue_settings with, logger log);
  virtual ~work_queue_core();
  work_queue_core& operator=(work_queue_core&&) = delete;

  using answer = result<std::size_t, not_queued>;

  /// How many waited before it; `it` is empty then. Otherwise `it` stays the caller's.   Blocks: at most the longest
  /// wait, and until the context is forced.
  answer push(const context& with, std::unique_ptr<queue_item>& it);
  /// The same without waiting.
  answer try_push(std::unique_ptr<queue_item>& it);
  /// The same in steps, for callers that wait without a thread. Nothing: `who` waits, and is told once it need not.
  std::optional<answer> begin(queue_waiter& who, const context& with);
  /// What came of the wait; it is over then, also when nobody has told `who`.
  answer finish(queue_waiter& who, const context& with);
  /// The caller wants nothing any more: `who` is told if it waits. After it no one tells it again.
  void give_up(queue_waiter& who) noexcept;
  /// The caller has gone. `who` is not told.
  void abandon(queue_waiter& who) noexcept;
  /// The queue's own bound for a wait that begins now.
  time_point longest_wait_from(time_point now) const noexcept { return later(now, settings_.longest_wait); }

  void start();
  void drain(const context& ends, drained done);
  void force() noexcept;
  void stop() noexcept;
  /// For a queue that goes without its verbs: as force and stop, but waits for nothing.
  void leave() noexcept;
  void account(component_report& out) const;
  void measure(metrics& into) const;
  void in_progress(std::vector<work_item>& out, std::size_t limit) const;

 protected:
  virtual void work(queue_item& on, const context& with) = 0;
  virtual void hand_back(queue_items rest) = 0;

 private:
  enum class phase : unsigned char { made, started, draining, stopped };
  using lock = std::unique_lock<std::mutex>;

  struct item_in_work {
    std::unique_ptr<queue_item> it{};  // empty: the worker is idle
    time_point since{};
    context with{};
  };
  static constexpr std::array wait_bounds{0.001, 0.01, 0.1, 1.0, 10.0, 60.0};  // seconds
  struct numbers {
    std::uint64_t done = 0;
    std::uint64_t failed = 0;
    std::uint64_t handed_back = 0;
    std::array<std::uint64_t, 4> refused{};  // by not_queued::reason
    std::array<std::uint64_t, wait_bounds.size() + 1> waits{};
    duration waited{};
  };

  struct blocked_caller;

  std::optional<not_queued::reason> refusal(const lock&, const queue_item& it, const context& with) const;
  /// `within`: how long the caller waited for room, for the text.
  not_queued refused(const lock&, not_queued::reason why, const context& with, std::string_view within = {});
  std::string at_work(const lock&, time_point now) const;
  bool is_idle(const lock&) const noexcept;
  std::size_t left(const lock&) const noexcept;
  /// To be called at the end of whatever may have been the last work. Gives the lock up.
  void settle(lock& held) noexcept;

  void withdraw(const lock&, queue_waiter& who) noexcept;
  void begin_worker(std::size_t worker);
  void keep_working(std::size_t worker);
  void work_on(std::size_t worker);
  void work_over(std::size_t worker, const std::exception_ptr& threw) noexcept;
  /// What waits is handed back on a thread, or is left. Gives the lock up meanwhile.
  void end_what_waits(lock& held) noexcept;
  void give_back(queue_items rest);
  void given_back(std::size_t items, const std::exception_ptr& threw) noexcept;

  const work_queue_settings settings_;
  const logger log_;
  context_source life_;
  mutable std::mutex mutex_;
  std::condition_variable work_comes_;
  std::condition_variable settled_;  // for stop
  queue_book book_;
  std::vector<item_in_work> in_work_;
  queue_items left_;                // nobody has worked on them, and nobody takes them back
  std::size_t not_taken_back_ = 0;  // hand_back threw
  std::size_t handing_back_ = 0;
  std::size_t workers_ = 0;          // threads that work
  std::vector<own_thread> threads_;  // these, those that have ended, and those that hand back
  numbers count_{};
  log_limit failures_logged_{1};
  drained done_;
  phase phase_ = phase::made;
};

}  // namespace lastcall::inline v0::detail
