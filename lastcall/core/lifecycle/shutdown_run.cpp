#include "lastcall/core/lifecycle/shutdown_run.hpp"

#include <algorithm>

namespace lastcall::inline v0 {

// Each loop waits in one place only, so each event that matters must wake the driver: requests, verbs that return, a
// dump or a reload that is over. After the lifecycle has finished, a force still brings the deadline nearer.
duration shutdown_run::drive(const shutdown_budget& budget, time_point from) {
  time_point deadline = from + budget.grace;
  const auto move_deadline = [&](time_point to) {
    deadline = to;
    if (deadline_moved) deadline_moved(to);
  };
  life.begin(budget, from, move_deadline);
  for (life.step(); !life.finished(); life.step()) {
    if (meanwhile) meanwhile();
    const std::optional<time_point> due = life.next_wake();
    const time_point slept_from = time.now();
    requests.driver_wakeup().wait(time, due);
    if (due) life.woke_late(time.now() - std::max(*due, slept_from));
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
