// Drives a shutdown from the request to the last stop: the one driver, for an app, a harness and a server on its own.
// Decides nothing (shutdown_plan.hpp) and makes no report: lifecycle::fill does.
#pragma once

#include "lastcall/core/clock.hpp"
#include "lastcall/core/function.hpp"
#include "lastcall/core/lifecycle/lifecycle.hpp"
#include "lastcall/core/lifecycle/shutdown_budget.hpp"
#include "lastcall/core/lifecycle/shutdown_requests.hpp"

namespace lastcall::inline v0 {

/// Threads: the driver of the lifecycle.
struct shutdown_run {
  lifecycle& life;
  shutdown_requests& requests;                     ///< those of the lifecycle
  const clock& time;                               ///< that of the lifecycle
  function<void(time_point)> deadline_moved = {};  ///< a force has brought it nearer, or a pause has moved it
  function<void()> meanwhile = {};                 ///< at each wake-up
  /// Other work that must be over before anything is destroyed. It wakes the driver when it is over.
  function<bool()> also_waits_for = {};

  /// Returns when the lifecycle has finished and the other work is over, at the deadline at the latest. The budget
  /// counts from `from`. `awake_at`: when the process was known to run last. Returns how long it waited for the other
  /// work.
  duration drive(const shutdown_budget& budget, time_point from, time_point awake_at = time_point::max());
};

}  // namespace lastcall::inline v0
