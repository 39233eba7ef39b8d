// Where verbs of components run: on threads of their own (verb_threads.hpp), or, in virtual time, where they are
// ordered. Knows nothing of components.
#pragma once

#include <optional>

#include "lastcall/core/clock.hpp"
#include "lastcall/core/function.hpp"

namespace lastcall::inline v0 {

/// Threads: the driving one.
class verb_executor {
 public:
  enum class priority : unsigned char { usual, urgent };  ///< urgent: before all that wait as usual

  virtual ~verb_executor() = default;

  /// Runs it once, now or soon; those of one priority begin in the order in which they came. It must not throw.
  virtual void run(function<void()> job, priority when = priority::usual) noexcept = 0;

  /// When to look next, on the steady clock, whether what runs holds up what waits. Empty: nothing waits.
  virtual std::optional<time_point> next_check() const noexcept { return std::nullopt; }
  virtual void check() noexcept {}
  /// Nothing is to come for now: lets go of the threads that have nothing to do.
  virtual void end_idle_threads() noexcept {}
};

/// Runs each job where it is ordered, before `run` returns. For virtual time: nothing else could let a job go on.
class inline_verbs final : public verb_executor {
 public:
  void run(function<void()> job, priority) noexcept override { job(); }
};

}  // namespace lastcall::inline v0
