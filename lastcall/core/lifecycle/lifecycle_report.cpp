// The lifecycle's part of the report: durations, the accounts of the components, the outcome.
#include <algorithm>

#include "lastcall/core/duration.hpp"
#include "lastcall/core/lifecycle/drain_chains.hpp"
#include "lastcall/core/lifecycle/lifecycle_state.hpp"

namespace lastcall::inline v0 {

constexpr duration answer_time = std::chrono::milliseconds(200);  // components say in 100 ms what they are at work on

// Called once, after `finished`. No verb is ordered any more except `account`, so the records change only by events of
// verbs that are late. The durations follow each other without gaps: request, first drain, last drain or force, end.
void lifecycle::fill(report& out) {
  out.start_ms = start_ms_;
  out.total_ms = ms_since_request(finished_at_);
  out.not_running_ms = to_ms(not_running_);
  const double forced = plan_->force_began() ? ms_since_request(*plan_->force_began()) : out.total_ms;
  double drain_begins = forced;
  std::optional<double> last_drained;
  for (const component_record& c : components_) {
    drain_begins = std::min(drain_begins, c.report.drain_began_ms.value_or(drain_begins));
    if (!plan_->force_began()) last_drained = std::max(last_drained, c.report.drained_ms);
  }
  const double drain_ends = std::max(drain_begins, last_drained.value_or(forced));
  out.readiness_ms = drain_begins;
  out.drain_ms = drain_ends - drain_begins;
  out.stop_ms = out.total_ms - drain_ends;
  wait_for_accounts();
  const bool hangs = std::ranges::any_of(components_, [](const component_record& c) { return c.report.hung; });
  if (hangs) wait_for_stacks();
  bool cut = false;
  std::vector<std::vector<std::size_t>> graph;
  std::vector<std::optional<double>> stopped;
  for (component_record& c : components_) {
    c.report.name = c.name;
    c.say_how_it_ended();
    if (c.report.stopped && !c.report.connections.adds_up())
      log_and_report(log_level::error, c.name + ": its connections do not add up");
    if (c.report.stopped && !c.report.requests.adds_up())
      log_and_report(log_level::error, c.name + ": its requests do not add up");
    if (c.report.forced || c.report.hung) c.report.in_progress = c.progress;
    cut = cut || c.report.cut();
    out.components.push_back(c.report);
    graph.push_back(c.needs);
    stopped.push_back(c.report.stopped_ms);
  }
  for (const std::size_t node : critical_path(graph, stopped)) out.critical_path.push_back(components_[node].name);
  out.errors.insert(out.errors.end(), errors_.begin(), errors_.end());
  out.outcome = hangs ? outcome::hung : cut ? outcome::forced : outcome::graceful;
  if (!hangs) verbs_->end_idle_threads();  // it would wait for the threads that hang, and no time is left
}

// Waits for two things. First the accounts, also of hung components; a component that does not return from account() is
// hung from here on. Then the answers of in_progress(), because a component that is still being asked can't be
// destroyed.
void lifecycle::wait_for_accounts() {
  const auto owes = [](const component_record& c) { return c.report.start_ms && !c.account_taken; };
  for (std::size_t i = 0; i < components_.size(); ++i)
    if (owes(components_[i])) order_verb(i, verb::account);
  take_events();
  const time_point by = std::max(plan_->deadline(), time_.now() + time_past_deadline);
  const time_point answers_by = std::min(by, time_.now() + answer_time);
  const auto asked = [](const component_record& c) { return c.verbs.under_way(verb::in_progress); };
  const auto until = [&]() -> std::optional<time_point> {
    if (std::ranges::any_of(components_, owes)) return by;
    if (std::ranges::any_of(components_, asked)) return answers_by;
    return std::nullopt;
  };
  for (auto end = until(); end && time_.now() < *end; end = until()) {
    wait(*end);
    take_events();
  }
  for (const component_record& c : components_)
    if (asked(c) && !c.report.hung)
      log_and_report(log_level::error, c.name + ": in_progress() has not returned; it stays in memory");
  for (std::size_t i = 0; i < components_.size(); ++i) {
    component_record& c = components_[i];
    if (!owes(c) || c.report.hung) continue;
    if (!shared_->entries[i].account_began.load(std::memory_order_relaxed)) {
      log_and_report(log_level::error, c.name + ": no time was left for its account");
      continue;
    }
    c.report.hung = true;
    c.report.hung_in = to_text(verb::account);
    stacks_requested_ = false;  // they were asked before this one was known to hang
  }
}

}  // namespace lastcall::inline v0
