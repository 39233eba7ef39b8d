// What other threads request of the driver of an app: shut down, force, announce, reload, dump the state. Not a queue:
// a request that is made twice before the driver takes it counts once.
#pragma once

#include <atomic>
#include <optional>
#include <string>

#include "lastcall/core/clock.hpp"
#include "lastcall/core/lifecycle/wakeup.hpp"
#include "lastcall/core/report/report.hpp"
#include "lastcall/core/signals/signals.hpp"

namespace lastcall::inline v0 {

/// Why the app shuts down, and since when.
struct shutdown_request {
  cause_kind kind = cause_kind::request;
  signal_record signal{};
  std::string text{};
  time_point at{};
  std::chrono::system_clock::time_point wall{};
};

/// Threads: any. Nothing here takes a lock or allocates.
class shutdown_requests {
 public:
  /// Requests the shutdown. True: this request is the first, and counts. After a false `first` may still be empty for a
  /// moment.
  bool request(shutdown_request&& by) noexcept;
  /// The driver's own request. Returns the request that counts: an earlier one, or this. Does not wait for a thread
  /// that is inside `request`; that request does not count then.
  const shutdown_request& request_as_driver(shutdown_request&& by) noexcept;
  /// The request that counts. Null: there is none yet.
  const shutdown_request* first() const noexcept { return first_.load(std::memory_order_acquire); }

  void force() noexcept { raise(forced_); }
  bool forced() const noexcept { return forced_.load(std::memory_order_acquire); }

  /// Ends readiness before the shutdown is requested. Only the first call counts.
  void announce(time_point at) noexcept;
  std::optional<time_point> announced() const noexcept;

  /// Requests that do not end anything. `take_…` is true once for each request.
  void request_reload() noexcept { raise(reload_); }
  void request_state_dump() noexcept { raise(state_); }
  bool take_reload() noexcept { return reload_.exchange(false, std::memory_order_acquire); }
  bool take_state_dump() noexcept { return state_.exchange(false, std::memory_order_acquire); }

  const wakeup& driver_wakeup() const noexcept { return driver_wakeup_; }

 private:
  bool publish(const shutdown_request& by) noexcept;
  void raise(std::atomic<bool>& what) noexcept {
    what.store(true, std::memory_order_release);
    driver_wakeup_.notify();
  }

  // Two places: one for the first other thread that claims it, one for the driver. With one place the driver would have
  // to wait for a thread that was preempted between its claim and its publishing.
  std::atomic<bool> claimed_{false};
  shutdown_request by_other_;
  shutdown_request by_driver_;
  std::atomic<const shutdown_request*> first_{nullptr};  // set once, with release; pairs with the acquire in first()
  std::atomic<bool> forced_{false};
  std::atomic<time_point> announced_{time_point::max()};
  std::atomic<bool> reload_{false}, state_{false};
  wakeup driver_wakeup_;
};

}  // namespace lastcall::inline v0
