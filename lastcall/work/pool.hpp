// Lends out what a program keeps a few of: connections of any client library, handles, licences. It knows no library:
// the program says how one is opened, checked, cancelled and closed. No query, no retry: see the adapters.
#pragma once

#include <algorithm>
#include <memory>
#include <optional>
#include <source_location>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "lastcall/core/app/app.hpp"
#include "lastcall/core/caught.hpp"
#include "lastcall/work/pool_core.hpp"

namespace lastcall::inline v0 {

template <class T> struct pool_options {
  /// Makes one; throws to fail.   Threads: a thread of the pool, several at once.   Blocks: may; it should look at the
  /// context, which is forced when the pool drains, and bound itself.
  function<T(const context&)> open;
  /// False: it is broken, and is closed and replaced. Called when a lease is back, and before one is lent that was idle
  /// for `check_after`. Empty: all are good.   Blocks: must not.
  function<bool(T&)> check = {};
  /// Ends what the lease's owner is doing with it, so that it comes back soon. Called once for each lease that is out
  /// when the pool is forced.   Threads: a thread of the pool, beside the owner.   Blocks: may.
  function<void(T&)> cancel = {};
  /// Closes one, before it is destroyed.   Threads: a thread of the pool.   Blocks: may.
  function<void(T&)> close = {};
  /// The most that are open at a time.
  std::size_t most = 8;
  /// So many are opened ahead, and stay open while they are idle.
  std::size_t kept_idle = 0;
  /// How long a caller waits for a lease.
  duration longest_wait = std::chrono::seconds(5);
  /// At the stop: how long it waits until all have closed; a quarter of the app's reserve at most. What has not is left
  /// behind, and named.
  duration close_within = std::chrono::seconds(1);
  /// One that is older is closed when it is idle or comes back. A tenth less at random.
  duration lifetime = std::chrono::minutes(30);
  /// One that was not lent for so long is closed.
  duration idle_time = std::chrono::minutes(5);
  /// One that was idle for so long is checked before it is lent.
  duration check_after = std::chrono::seconds(1);
  /// The program is not ready (/readyz: 503, "db: no connection for 12s") once none is open and openings have failed
  /// for so long. They are tried again also while nobody waits. Empty: the program stays ready.
  std::optional<duration> unready_after = {};
  /// The name in logs, errors and metrics. Empty: its name in the app, or "pool".
  std::string name = {};
};

template <class T> class pool;
template <class T> class lease;

namespace detail {

/// What one of several things that stop one after the other may take. A shutdown may have a shorter reserve than its
/// app, so ask when it is needed.
inline duration share_of_reserve(const app& of) {
  return std::max<duration>(of.reserve() / 4, std::chrono::milliseconds(1));
}

template <class T> class pool_of final : public pool_core {
 public:
  pool_of(pool_settings with, logger log, pool_options<T> calls)
      : pool_core(std::move(with), std::move(log)), calls_(std::move(calls)), all_(calls_.most) {}

  T& at(std::size_t slot) noexcept { return *all_[slot]; }

 private:
  void open(std::size_t slot, const context& by) override { all_[slot].emplace(calls_.open(by)); }
  bool check(std::size_t slot) noexcept override {
    bool good = true;
    if (calls_.check && exception_of([&] { good = calls_.check(at(slot)); }) != nullptr) good = false;
    return good;
  }
  void cancel(std::size_t slot) noexcept override {
    static_cast<void>(exception_of([&] { calls_.cancel(at(slot)); }));
  }
  void close(std::size_t slot) noexcept override {
    if (calls_.close) static_cast<void>(exception_of([&] { calls_.close(at(slot)); }));
    all_[slot].reset();
  }

  const pool_options<T> calls_;
  std::vector<std::optional<T>> all_;
};

/// For other ways to wait for a lease: net::acquire.
struct pool_access {
  template <class T> static std::shared_ptr<pool_of<T>> core_of(pool<T>& of) noexcept { return of.core_; }
  template <class T>
  static result<lease<T>, no_lease> lease_of(std::shared_ptr<pool_of<T>> of, const pool_core::answer& slot) {
    if (!slot) return slot.error();
    return lease<T>(std::move(of), *slot);
  }
};

}  // namespace detail

/// Something of a pool, for as long as this lives. Then it goes back.
/// Threads: as any object; it may go back on another thread. It may outlive the pool, which then says so in the log.
template <class T> class [[nodiscard]] lease {
 public:
  lease(lease&& other) noexcept : of_(std::move(other.of_)), slot_(other.slot_), usable_(other.usable_) {}
  lease& operator=(lease&& other) noexcept {
    lease taken(std::move(other));
    std::swap(of_, taken.of_);
    std::swap(slot_, taken.slot_);
    std::swap(usable_, taken.usable_);
    return *this;
  }
  ~lease() {
    if (of_) of_->give_back(slot_, usable_);
  }

  T& operator*() const noexcept { return of_->at(slot_); }
  T* operator->() const noexcept { return &of_->at(slot_); }

  /// It is in a state that nobody else should get: it is closed and replaced once it is back.
  void broken() noexcept { usable_ = false; }
  /// What is done with it, for errors, logs and the report: the text of a query, never its parameters.
  void label(std::string_view text) const { of_->label(slot_, text); }

 private:
  friend class pool<T>;
  friend struct detail::pool_access;
  lease(std::shared_ptr<detail::pool_of<T>> of, std::size_t slot) noexcept : of_(std::move(of)), slot_(slot) {}

  std::shared_ptr<detail::pool_of<T>> of_;  // null: moved from
  std::size_t slot_;
  bool usable_ = true;
};

/// Leases go to those that wait in the order in which they came. A failed opening is tried again, by one thread, after
/// a pause that doubles from 100 ms to 5 s, less a random part. Drain: no new leases, those that wait are told at once,
/// and it has drained when all leases are back. Force: `cancel` for each lease that is out. Stop: all are closed, side
/// by side. Add it before what uses it, and name it in the needs of that. The report has `leases`, and, if any,
/// `cancelled`, `broken`, `timed_out` and `left`; work was lost if a lease was cancelled or never came back.
template <class T> class pool final : public component {
 public:
  using options = pool_options<T>;

  /// Errors: std::invalid_argument that names the option, its value and what is allowed.
  pool(options with, app& owner) : pool(std::move(with), owner.log()) {
    core_->stops_within([&owner] { return detail::share_of_reserve(owner); });
    if (core_->unready_after()) owner.ready_unless([core = core_] { return core->unready(); });
  }
  explicit pool(options with, logger log = {}) {
    if (with.name.empty()) with.name = "pool";
    if (!with.open) throw std::invalid_argument(with.name + ": open is empty; give a function that makes one");
    detail::pool_settings settings{.name = with.name,
                                   .timing = {.most = with.most,
                                              .kept_idle = with.kept_idle,
                                              .lifetime = with.lifetime,
                                              .idle_time = with.idle_time,
                                              .tries_unasked = with.unready_after.has_value()},
                                   .longest_wait = with.longest_wait,
                                   .close_within = with.close_within,
                                   .check_after = with.check_after,
                                   .unready_after = with.unready_after,
                                   .checks = static_cast<bool>(with.check),
                                   .cancels = static_cast<bool>(with.cancel)};
    detail::check(settings);
    core_ = std::make_shared<detail::pool_of<T>>(std::move(settings), std::move(log), std::move(with));
  }

  /// The next lease. Nothing: who holds them, or why none could be opened, is the text of the error; a handler that
  /// lets it out (`*pool.acquire(ctx)`) has its request answered with 503.
  /// Blocks: at most `longest_wait`; less when the context is forced or the pool drains.
  /// Errors: std::logic_error before the start.
  result<lease<T>, no_lease> acquire(const context& with = {},
                                     std::source_location where = std::source_location::current()) {
    return detail::pool_access::lease_of(core_, core_->acquire(with, where));
  }

  ~pool() override { core_->stop(); }

  void start(context) override { core_->start(); }
  void drain(context, drained done) override { core_->drain(std::move(done)); }
  void force() noexcept override { core_->force(); }
  void stop() noexcept override { core_->stop(); }
  void account(component_report& out) const override { core_->account(out); }
  void measure(metrics& into) const override { core_->measure(into); }
  void in_progress(std::vector<work_item>& out, std::size_t limit) const override { core_->in_progress(out, limit); }

 private:
  friend struct detail::pool_access;

  std::shared_ptr<detail::pool_of<T>> core_;
};

}  // namespace lastcall::inline v0
