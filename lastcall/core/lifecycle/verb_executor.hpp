// Runs jobs that may block: on threads of their own (verb_threads.hpp), or in virtual time on the caller's. Knows
// nothing of components.
#pragma once

#include <optional>

#include "lastcall/core/clock.hpp"
#include "lastcall/core/function.hpp"

namespace lastcall::inline v0 {

/// Threads: the driving one.
class verb_executor {
 public:
  enum class priority : unsigned char { usual, urgent };  ///< urgent: begins before all usual jobs that wait

  virtual ~verb_executor() = default;

  /// Runs the job once, now or later. Jobs of one priority begin in the order of the calls. A job must not throw.
  virtual void run(function<void()> job, priority when = priority::usual) noexcept = 0;

  /// When to call `check` next, on the steady clock. Empty: no job waits.
  virtual std::optional<time_point> next_check() const noexcept { return std::nullopt; }
  /// Adds a thread if the running jobs block the waiting ones.
  virtual void check() noexcept {}
  /// No job is expected soon: ends the threads that have nothing to do.
  virtual void end_idle_threads() noexcept {}
};

/// Runs each job on the caller's thread, before `run` returns. For virtual time, in which a run must be the same each
/// time.
class inline_verbs final : public verb_executor {
 public:
  void run(function<void()> job, priority) noexcept override { job(); }
};

}  // namespace lastcall::inline v0
