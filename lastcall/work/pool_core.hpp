// What a pool does whatever it lends: the lock, the callers that wait, the threads that open, cancel and close, and the
// verbs of a component. It knows no type: pool<T> gives it the calls.
#pragma once

#include <array>
#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>
#include <random>
#include <source_location>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "lastcall/core/context/context.hpp"
#include "lastcall/core/function.hpp"
#include "lastcall/core/lifecycle/component.hpp"
#include "lastcall/core/log/log.hpp"
#include "lastcall/core/result.hpp"
#include "lastcall/work/lease_book.hpp"
#include "lastcall/work/no_lease.hpp"

namespace lastcall::inline v0::detail {

struct pool_settings {
  std::string name{};
  lease_book::timing timing{};
  duration longest_wait{};
  duration close_within{};
  duration check_after{};
  std::optional<duration> unready_after{};
  bool checks = false;
  bool cancels = false;
};

/// Errors: std::invalid_argument that names the option, its value and what is allowed.
void check(const pool_settings& of);

/// Ownership: shared by the pool, its leases and its threads. A thread that hangs in a call keeps it for good.
/// Threads: every member from any. Calls run without the lock, one at a time for each slot, but for `cancel`, which
/// runs beside the lease's owner.
class pool_core : public std::enable_shared_from_this<pool_core> {
 public:
  explicit pool_core(pool_settings with, logger log);
  virtual ~pool_core() = default;
  pool_core& operator=(pool_core&&) = delete;

  using answer = result<std::size_t, no_lease>;

  /// A slot, once it is this caller's turn.   Blocks: at most the longest wait, and until the context is forced.
  answer acquire(const context& with, std::source_location where);
  /// The same in steps, for callers that wait without a thread. Nothing: `who` waits, and is told once it need not.
  std::optional<answer> begin(lease_waiter& who, const context& with, time_point began, std::source_location where);
  /// What came of the wait; it is over then, also when nobody has told `who`. Nothing: what was lent was broken, so
  /// `begin` again.
  std::optional<answer> finish(lease_waiter& who, const context& with, time_point began, std::source_location where);
  /// The caller wants nothing any more: `who` is told if it waits. After it no one tells it again.
  void give_up(lease_waiter& who) noexcept;
  /// The caller has gone. `who` is not told.
  void abandon(lease_waiter& who) noexcept;
  /// The pool's own bound for a wait that begins now.
  time_point longest_wait_from(time_point now) const noexcept { return later(now, settings_.longest_wait); }

  void give_back(std::size_t slot, bool usable) noexcept;
  /// What the lease does, for reports.
  void label(std::size_t slot, std::string_view text);

  /// Bounds the stop, also below `close_within`. Before the start.
  void stops_within(function<duration()> bound) noexcept { stops_within_ = std::move(bound); }

  void start();
  void drain(drained done);
  void force() noexcept;
  void stop() noexcept;
  void account(component_report& out) const;
  void measure(metrics& into) const;
  void in_progress(std::vector<work_item>& out, std::size_t limit) const;
  const std::optional<duration>& unready_after() const noexcept { return settings_.unready_after; }
  /// For app::ready_unless: "db: no connection for 12s". Empty: nothing speaks against being ready.
  std::string unready() const;

 protected:
  virtual void open(std::size_t slot, const context& by) = 0;
  virtual bool check(std::size_t slot) noexcept = 0;
  virtual void cancel(std::size_t slot) noexcept = 0;
  virtual void close(std::size_t slot) noexcept = 0;

 private:
  enum class phase : unsigned char { made, started, draining, stopped };
  using lock = std::unique_lock<std::mutex>;

  struct holder {
    std::source_location where{};
    std::string label{};
    time_point since{};
    bool returning = false;   // it is being checked, and no longer to be cancelled
    bool cancelling = false;  // a thread is in `cancel`
    bool back = false;        // it came back meanwhile
  };
  static constexpr std::array wait_bounds{0.001, 0.005, 0.025, 0.1, 0.5, 2.5};  // seconds
  struct numbers {
    std::uint64_t lent = 0;
    std::array<std::uint64_t, wait_bounds.size() + 1> waits{};
    duration waited{};
    std::uint64_t timed_out = 0;
    std::uint64_t opened = 0;
    std::uint64_t failed_to_open = 0;
    std::uint64_t broken = 0;
    std::uint64_t cancelled = 0;
  };

  struct blocked_caller;

  void hold(const lock&, std::size_t slot, time_point now, std::source_location where) noexcept;
  std::optional<answer> usable(std::size_t slot, time_point idle_since, time_point now);
  no_lease refused(const lock&, const context& with) const;
  no_lease out_of_time(const lock&, time_point now) const;
  /// "2 of 8 are lent: " and who holds them.
  std::string lent(const lock&, time_point now) const;
  std::string holders(const lock&, time_point now) const;
  void back(lock& held, std::size_t slot, bool is_usable) noexcept;
  /// To be called at the end of whatever may have been the last lease. Gives the lock up.
  void settle(lock& held) noexcept;

  void keep();
  /// False: there was nothing to begin. Gives the lock up meanwhile.
  bool begin_jobs(lock& held);
  void run(function<void(pool_core&)> job) noexcept;
  void open_one(std::size_t slot);
  void close_one(std::size_t slot) noexcept;
  void cancel_one(std::size_t slot) noexcept;

  const pool_settings settings_;
  const logger log_;
  function<duration()> stops_within_;  // empty: nobody bounds the stop but the settings
  context_source opening_;
  mutable std::mutex mutex_;
  std::condition_variable keeper_wakes_;
  std::condition_variable settled_;  // for stop
  lease_book book_;
  std::vector<holder> holders_;
  std::vector<std::size_t> to_cancel_;
  std::minstd_rand random_{std::random_device{}()};
  numbers count_{};
  std::string last_failure_;
  drained done_;
  phase phase_ = phase::made;
  bool kept_ = false;                            // the keeper runs
  time_point keeper_until_ = time_point::min();  // until then it waits, unless it is told; min: it does not wait
};

}  // namespace lastcall::inline v0::detail
