// Carries out what the shutdown plan decides.
#include "lastcall/core/lifecycle/lifecycle_state.hpp"

namespace lastcall::inline v0 {

// An action changes the record of its own component and orders verbs, nothing else. It never takes events in, so
// `carry_out` is never called from inside itself.
void lifecycle::carry_out(const shutdown_plan::actions& todo) {
  phase_.store(plan_->phase(), std::memory_order_relaxed);
  drain_end_.store(plan_->drain_end(), std::memory_order_relaxed);
  deadline_.store(plan_->deadline(), std::memory_order_relaxed);
  ask_who_is_forced(todo);
  for (const auto& [what, node] : todo) {
    if (what == shutdown_plan::step::finish) {
      finished_at_ = time_.now();
      return;
    }
    const std::size_t index = component_of_node_[node];
    component_record& c = components_[index];
    switch (what) {
      case shutdown_plan::step::announce:
        if (c.running()) order_verb(index, verb::announce);
        break;
      case shutdown_plan::step::drain:
        set_state(index, component_state::draining);
        c.report.drain_began_ms = ms_since_request(time_.now());
        order_verb(index, verb::drain);
        break;
      case shutdown_plan::step::force:
        if (c.report.forced_ms) break;  // its drain threw
        force_component(index);
        break;
      case shutdown_plan::step::stop:
        order_verb(index, verb::stop);
        break;
      case shutdown_plan::step::hung:
        name_hung(index);
        break;
      case shutdown_plan::step::finish:
        break;
    }
  }
}

// All before the first of them is cut: that ends what others are at, too. Their forces wait for the answers, for a
// moment.
void lifecycle::ask_who_is_forced(const shutdown_plan::actions& todo) {
  std::vector<std::size_t> all;
  for (const auto& [what, node] : todo)
    if (what == shutdown_plan::step::force && !components_[component_of_node_[node]].report.forced_ms)
      all.push_back(component_of_node_[node]);
  if (all.empty()) return;
  const auto answers = std::make_shared<countdown>(all.size());
  for (const std::size_t index : all) {
    components_[index].asked = answers;
    request_progress(index, answers);
  }
}

void lifecycle::name_hung(std::size_t index) {
  component_record& c = components_[index];
  c.report.hung = true;
  const verb in = c.verbs.inside();
  if (in != verb::none) c.report.hung_in = to_text(in);
  if (in != verb::none && position_.at().in == verb::none)
    position_.enter(in, index);  // for the watchdog, if the report is not written in time
  set_state(index, component_state::hung);
  log_.error("app", "component hangs", {{"component", c.name}, {"in", in == verb::none ? "its drain" : to_text(in)}});
}

// `force` is ordered first, so that it does not wait for anything that follows from it.
void lifecycle::force_component(std::size_t index) {
  component_record& c = components_[index];
  set_state(index, component_state::forced);
  c.report.forced_ms = ms_since_request(time_.now());
  // A drain that waits for another verb will not run any more, so the component will not call `done`: we say it
  // instead.
  const bool never_drains = c.verbs.take_back(verb::drain);
  order_verb(index, verb::force);
  if (never_drains) shared_->post_drained(index);
}

}  // namespace lastcall::inline v0
