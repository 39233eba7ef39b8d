#include "lastcall/core/app/exit_guard.hpp"

#include <unistd.h>

#include "lastcall/core/exit/exit_code.hpp"
#include "lastcall/core/lifecycle/shutdown_budget.hpp"

namespace lastcall::inline v0 {

void exit_guard::enable(const driver_position& position, const std::vector<std::string>& components,
                        const std::string& report_file) {
  watchdog_.emplace(position, components, report_file);
}

void exit_guard::arm(time_point deadline, signals& thread) {
  if (!watchdog_ || &time_ != &steady() || deadline == deadline_) return;
  deadline_ = deadline;
  thread.wake_at(deadline + time_for_report, [this] { watchdog_->exit_process(); });
  backstop_.arm(deadline + time_for_report + time_for_watchdog, exit_codes::hung);
}

std::optional<time_point> exit_guard::exits_at() const noexcept {
  return deadline_ == time_point::max() ? std::nullopt : std::optional(deadline_ + time_for_report);
}

void exit_guard::keep_report() noexcept {
  if (watchdog_) watchdog_->keep_report();
}

void exit_guard::exit_if_hung(const report& r, bool verbs_under_way, bool reload_under_way) const noexcept {
  if (r.exit_code != exit_codes::hung && !verbs_under_way) return;
  for (const component_report& c : r.components) {
    if (c.hung) watchdog::write_hung(c.hung_in, c.name);
  }
  if (reload_under_way) watchdog::write_hung("on_reload", "app");
  if (&time_ == &steady()) _exit(r.exit_code);
}

}  // namespace lastcall::inline v0
