// What other threads tell the one that drives an app: end, force, look again. Not a queue: each is said once.
#pragma once

#include <atomic>
#include <chrono>
#include <optional>
#include <string>

#include "lastcall/core/clock.hpp"
#include "lastcall/core/report/report.hpp"
#include "lastcall/core/signals/signals.hpp"

namespace lastcall::inline v0 {

/// Wakes one waiting thread.
class bell {
 public:
  /// Errors: std::system_error when there is no descriptor left.
  bell();
  ~bell();
  bell(const bell&) = delete;
  bell& operator=(const bell&) = delete;

  /// Threads: any; takes no lock, allocates nothing.
  void ring() const noexcept;
  /// Returns when it was rung since the last return, at `until` at the latest (empty: whenever it rings), and sometimes
  /// for no reason. A clock other than steady() may skip the wait. If it does not, it says nothing when it moves on
  /// either, so then it returns within a millisecond for its caller to look.
  void wait(const clock& time, std::optional<time_point> until) const noexcept;

 private:
  bool rung_within(const timespec* time) const noexcept;

  int descriptor_;
};

/// Who asked for the end, and when.
struct shutdown_request {
  lastcall::trigger trigger = lastcall::trigger::request;
  signal_record signal{};
  std::string why{};
  time_point at{};
  std::chrono::system_clock::time_point wall{};
};

/// Threads: any; nothing here takes a lock, and only moving the text into place could allocate, which it does not.
class shutdown_requests {
 public:
  /// The first to ask counts: true for that one. After a false it may still take a moment until `asked` says who.
  bool ask(shutdown_request&& by) noexcept;
  /// For the driving thread, which can't go on without a cause: waits for nobody who is about to ask but counts itself
  /// unless somebody has. Whoever counts is asked() from here on.
  const shutdown_request& ask_as_driver(shutdown_request&& by) noexcept;
  /// Empty until somebody has asked.
  const shutdown_request* asked() const noexcept { return first_.load(std::memory_order_acquire); }

  void force() noexcept;
  bool forced() const noexcept { return forced_.load(std::memory_order_acquire); }

  /// Readiness ends before the end is asked for. The first call counts: true for that one.
  bool announce(time_point at) noexcept;
  std::optional<time_point> announced() const noexcept;

  /// Signals that end nothing. Said again before it is taken, it is one.
  void ask_to_reload() noexcept;
  void ask_for_state() noexcept;
  bool take_reload() noexcept { return reload_.exchange(false, std::memory_order_acquire); }
  bool take_state() noexcept { return state_.exchange(false, std::memory_order_acquire); }

  const bell& driver() const noexcept { return driver_; }

 private:
  bool publish(const shutdown_request& by) noexcept;

  // A place for whichever other thread claims it, and one for the driver: so nobody waits for a thread that was
  // preempted between its claim and its publishing.
  std::atomic<bool> claimed_{false};
  shutdown_request by_other_;
  shutdown_request by_driver_;
  std::atomic<const shutdown_request*> first_{nullptr};  // set once, with release: publishes what it points to
  std::atomic<bool> forced_{false};
  std::atomic<time_point> announced_{time_point::max()};
  std::atomic<bool> reload_{false}, state_{false};
  bell driver_;
};

}  // namespace lastcall::inline v0
