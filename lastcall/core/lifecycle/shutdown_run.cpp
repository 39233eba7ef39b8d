#include "lastcall/core/lifecycle/shutdown_run.hpp"

#include <algorithm>
#include <utility>

#include "lastcall/core/late_wake.hpp"

namespace lastcall::inline v0 {
namespace {

/// A wake at the end of which a pause of the process shows.
std::optional<time_point> wakes_at(const clock& time, std::optional<time_point> due, time_point now) {
  return &time == &steady() ? std::min(due.value_or(time_point::max()), now + longest_lateness) : due;
}

}  // namespace

// Each loop waits in one place only, so each event that matters must wake the driver: requests, verbs that return, a
// dump or a reload that is over. After the lifecycle has finished, a force still brings the deadline nearer.
duration shutdown_run::drive(const shutdown_budget& budget, time_point from, time_point awake_at) {
  time_point deadline = from + budget.grace;
  const auto move_deadline = [&](time_point to) {
    deadline = to;
    if (deadline_moved) deadline_moved(to);
  };
  awake_at = std::min(awake_at, time.now());
  life.begin(budget, from, move_deadline);
  life.woke_late(time.now() - std::exchange(awake_at, time.now()));
  for (life.step(); !life.finished(); life.step()) {
    if (meanwhile) meanwhile();
    const time_point slept_from = time.now();
    life.woke_late(slept_from - awake_at);  // a step takes far less
    const std::optional<time_point> due = wakes_at(time, life.next_wake(), slept_from);
    requests.driver_wakeup().wait(time, due);
    awake_at = time.now();
    if (due) life.woke_late(awake_at - std::max(*due, slept_from));
  }
  life.ends_told();  // move_deadline ends with this function
  const time_point over = time.now();
  bool forced = requests.forced();
  for (; also_waits_for && also_waits_for() && time.now() < deadline; requests.driver_wakeup().wait(time, deadline)) {
    if (forced || !requests.forced()) continue;
    forced = true;
    move_deadline(std::min(deadline, time.now() + budget.reserve));
  }
  return time.now() - over;
}

}  // namespace lastcall::inline v0
