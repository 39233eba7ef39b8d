// Which components the shutdown waits for, and the log line that names them, once a second.
#include <algorithm>

#include "lastcall/core/duration.hpp"
#include "lastcall/core/lifecycle/lifecycle.hpp"

namespace lastcall::inline v0 {

bool lifecycle::is_waited_for(const component_record& c) const noexcept {
  return c.verbs.inside() != verb::none || c.verbs.under_way(verb::account) ||
         (c.report.drain_began_ms && !c.report.drained_ms);
}

// Asks for the work in progress 60 ms before the line is due, so that the line has the answers. Asking blocks nothing:
// a component that does not answer is logged without its work.
void lifecycle::log_waiting(time_point now) {
  if (now < next_log_line_ - time_to_answer) return;
  if (!std::exchange(progress_requested_, true) &&
      !plan_->force_began()) {  // later the work at the force is what the report wants
    for (std::size_t i = 0; i < components_.size(); ++i)
      if (is_waited_for(components_[i])) request_progress(i);
    take_events();
  }
  if (now < next_log_line_) return;
  progress_requested_ = false;
  next_log_line_ += log_interval;
  if (now >= next_log_line_) next_log_line_ = now + log_interval;  // the driver itself was held up
  std::string who;
  for (const component_record& c : components_) {
    if (!is_waited_for(c)) continue;
    if (!who.empty()) who += "; ";
    who += c.name;
    for (std::size_t i = 0; i < std::min<std::size_t>(c.progress.size(), 3); ++i) {
      const work_item& w = c.progress[i];
      who.append(i == 0 ? ": " : ", ").append(w.label);
      if (!w.remote.empty()) who.append(" for ").append(w.remote);
      who.append(" (").append(to_text(std::chrono::floor<std::chrono::milliseconds>(w.age)));
      if (!w.waits_for.empty()) who.append("; waits for ").append(w.waits_for);
      who += ')';
    }
  }
  if (who.empty()) return;
  const auto left = std::max(plan_->drain_end() - now, duration::zero());
  log_.info("app", "waiting",
            {{"for", who}, {"until_force", to_text(std::chrono::floor<std::chrono::milliseconds>(left))}});
  waits_for_ = std::move(who);
}

}  // namespace lastcall::inline v0
