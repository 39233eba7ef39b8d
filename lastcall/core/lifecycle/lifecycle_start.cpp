// The start: each component starts as soon as all that it needs has started.
#include <algorithm>
#include <stdexcept>

#include "lastcall/core/caught.hpp"
#include "lastcall/core/duration.hpp"
#include "lastcall/core/lifecycle/lifecycle_state.hpp"

namespace lastcall::inline v0 {

// The driver only counts and orders. `unstarted_needs` of a component is how many of its needs have not started; at
// zero its start is ordered. The first failure or request ends the loop, and starts under way are left to `begin`.
lifecycle::start_result lifecycle::start(const function<void()>& meanwhile, std::optional<duration> most,
                                         std::string_view most_from) {
  arrange();
  const time_point from = time_.now();
  const time_point too_late = most ? detail::later(from, *most) : time_point::max();
  next_log_line_ = from + log_interval;
  for (component_record& c : components_) c.unstarted_needs = c.needs.size();
  unstarted_ = components_.size();
  for (std::size_t i = 0; i < components_.size() && goes_on_starting(); ++i) {
    if (components_[i].unstarted_needs == 0) begin_start(i);
    if (&time_ != &steady()) take_events();  // it has run already. With threads, all that need nothing begin first
  }
  take_events();
  for (; goes_on_starting(); take_events()) {
    if (meanwhile) meanwhile();
    const time_point now = time_.now();
    if (now >= next_log_line_) {
      log_.info("app", "still starting", {{"waits_for", starting()}});
      next_log_line_ = now + log_interval;
    }
    if (now >= too_late) {
      failure_ = std::make_exception_ptr(std::runtime_error("not started within " + to_text(*most) + " (" +
                                                            std::string(most_from) + "): " + starting()));
      break;
    }
    // In virtual time nothing happens meanwhile but what somebody waits for.
    wait(&time_ == &steady() ? std::optional(std::min(next_log_line_, too_late)) : std::nullopt);
  }
  start_ms_ = to_ms(time_.now() - from);
  if (requests_->first() != nullptr) return start_result::interrupted;
  if (failure_) return start_result::failed;
  verbs_->end_idle_threads();
  phase_.store(app_phase::serving, std::memory_order_relaxed);
  started_.store(true, std::memory_order_release);
  return start_result::started;
}

// Whose start has not returned, by name.
std::string lifecycle::starting() const {
  std::string who;
  for (const component_record& c : components_)
    if (c.verbs.inside() == verb::start) who.append(who.empty() ? "" : ", ").append(c.name);
  return who;
}

// Called once all needs have started. A component may have been reached twice, so it is checked.
void lifecycle::begin_start(std::size_t index) {
  if (components_[index].verbs.any_under_way() || components_[index].running()) return;
  set_state(index, component_state::starting);
  order_verb(index, verb::start);
}

// After `begin` the component has a node in the plan, and the plan decides what follows. Before, the next starts
// follow.
void lifecycle::start_returned(const verb_event& it) {
  component_record& c = components_[it.component];
  if (it.error) {
    set_state(it.component, component_state::failed);
    const std::string why = "component \"" + c.name + "\" failed to start: " + to_text(it.error);
    if (plan_ || failure_ || requests_->first() != nullptr) {
      log_and_report(log_level::info, "start ended by the shutdown: " + why);
    } else {
      failure_ = exception_of([&] {
        try {
          std::rethrow_exception(it.error);
        } catch (...) {  // caught: it has a name, since it was kept
          std::throw_with_nested(std::runtime_error(why));
        }
      });
    }
    // It may have given its context to other threads: they must not wait on it any longer.
    verbs_->run([shared = shared_, i = it.component] { shared->entries[i].context.force(); });
    if (plan_ && c.plan_node) carry_out(plan_->start_failed(*c.plan_node, time_.now()));
    return;
  }
  --unstarted_;
  set_state(it.component, component_state::running);
  if (plan_ && c.plan_node) return carry_out(plan_->started(*c.plan_node, time_.now()));
  for (std::size_t i = it.component + 1; i < components_.size(); ++i) {
    const auto& needed = components_[i].needs;
    if (!std::binary_search(needed.begin(), needed.end(), it.component)) continue;
    if (--components_[i].unstarted_needs == 0 && goes_on_starting()) begin_start(i);
  }
}

}  // namespace lastcall::inline v0
