#include "lastcall/core/lifecycle/shutdown_plan.hpp"

#include <stdexcept>
#include <string>
#include <utility>

#include "lastcall/core/late_wake.hpp"

namespace lastcall::inline v0 {

// States of a node: starting → running → draining → stopping → stopped. A node that is forced before its drain began
// goes from running to stopping. A failed start goes from starting to stopped. Every step is taken once.
//
// Phases: serving → announced → draining → forcing → over. Phases only go forward; `request_force` and a late tick skip
// some. In the middle of forcing, `leave_behind` gives up what has not come back.
//
// Two counts keep the order. `held_up_by` of a node is how many of the nodes that need it still hold it up; at zero it
// may go on. A node stops holding its needs up when it has stopped, or in `leave_behind` when it has not come back.
// `unstopped_` is how many have not stopped; at zero everything is over.

shutdown_plan::shutdown_plan(std::vector<std::vector<std::size_t>> graph, shutdown_budget budget,
                             std::vector<bool> starting)
    : nodes_(graph.size()), budget_(budget), unstopped_(graph.size()) {
  for (std::size_t i = 0; i < nodes_.size(); ++i) {
    for (const std::size_t need : graph[i]) {
      if (need >= i) {
        throw std::invalid_argument("shutdown_plan: node " + std::to_string(i) + " needs node " + std::to_string(need) +
                                    ", which does not come before it");
      }
      ++nodes_[need].held_up_by;
    }
    nodes_[i].needs = std::move(graph[i]);
    if (i < starting.size() && starting[i]) nodes_[i].state = state::starting;
  }
}

shutdown_plan::actions shutdown_plan::request(time_point now) {
  actions out;
  if (phase_ != app_phase::serving) return out;
  begin(now, out);
  if (phase_ == app_phase::announced && now >= drain_from_ && now < drain_end_) drain_free(now, out);
  return out;
}

// In the phases after draining the force has happened already.
shutdown_plan::actions shutdown_plan::request_force(time_point now) {
  actions out;
  if (phase_ == app_phase::serving) begin(now, out);
  if (phase_ != app_phase::announced && phase_ != app_phase::draining) return out;
  drain_end_ = std::min(drain_end_, now);
  deadline_ = std::min(deadline_, drain_end_ + budget_.reserve);
  force_all(now, out);
  return out;
}

shutdown_plan::actions shutdown_plan::started(std::size_t index, time_point now) {
  actions out;
  if (phase_ == app_phase::over || nodes_[index].state != state::starting) return out;
  nodes_[index].state = state::running;
  go_on(index, now, out);  // nothing needs it yet
  return out;
}

shutdown_plan::actions shutdown_plan::start_failed(std::size_t index, time_point now) {
  return gone(index, state::starting, now);
}

shutdown_plan::actions shutdown_plan::drained(std::size_t index, time_point) {
  actions out;
  if (phase_ == app_phase::over || nodes_[index].state != state::draining) return out;
  nodes_[index].state = state::stopping;
  out.push_back({step::stop, index});
  return out;
}

shutdown_plan::actions shutdown_plan::stopped(std::size_t index, time_point now) {
  return gone(index, state::stopping, now);
}

// The node has stopped, or its start has failed. What it needs may go on.
shutdown_plan::actions shutdown_plan::gone(std::size_t index, state from, time_point now) {
  actions out;
  if (phase_ == app_phase::over || nodes_[index].state != from) return out;
  nodes_[index].state = state::stopped;
  release_needs(index, now, out);
  if (--unstopped_ == 0) end(out);
  return out;
}

// One phase for each call, however late it is: verbs can return in between.
shutdown_plan::actions shutdown_plan::tick(time_point now) {
  actions out;
  const std::optional<time_point> due = next_wake();
  if (!due || now < *due) return out;
  if (phase_ == app_phase::forcing) {
    left_behind_ ? end(out) : leave_behind(now, out);
  } else if (phase_ == app_phase::announced && now < drain_end_) {
    drain_free(now, out);
  } else {
    force_all(now, out);
  }
  return out;
}

bool shutdown_plan::grant_moment(time_point now) noexcept {
  const time_point until = now + further_moment;
  const bool drains = phase_ == app_phase::announced || phase_ == app_phase::draining;
  if (moment_granted_ || (!drains && phase_ != app_phase::forcing)) return false;
  if (drains && drain_end_ < until) {
    moment_granted_ = true;
    drain_end_ = until;
    deadline_ = std::max(deadline_, until + std::min(budget_.reserve, further_moment));
  } else if (!drains && deadline_ < until) {
    moment_granted_ = true;
    deadline_ = until;
  }
  return moment_granted_;
}

std::optional<time_point> shutdown_plan::next_wake() const noexcept {
  if (phase_ == app_phase::announced) return drain_from_;
  if (phase_ == app_phase::draining) return drain_end_;
  if (phase_ != app_phase::forcing) return std::nullopt;
  return left_behind_ ? deadline_ : leaves_behind_at();
}

void shutdown_plan::begin(time_point now, actions& out) {
  deadline_ = now + budget_.grace;
  drain_end_ = std::max(now, deadline_ - budget_.reserve);
  drain_from_ = std::min(now + budget_.readiness_delay, drain_end_);
  phase_ = app_phase::announced;
  if (nodes_.empty()) return end(out);
  if (!budget_.announce) return;
  for (std::size_t i = nodes_.size(); i-- > 0;) out.push_back({step::announce, i});
}

// From the last to the first, as everything on the way down: users before what they need.
void shutdown_plan::drain_free(time_point now, actions& out) {
  phase_ = app_phase::draining;
  for (std::size_t i = nodes_.size(); i-- > 0;) {
    if (nodes_[i].held_up_by == 0) go_on(i, now, out);
  }
}

// Forces first, all at once, then orders the stops that are possible already. A node that is draining stays so until it
// says that it has drained.
void shutdown_plan::force_all(time_point now, actions& out) {
  phase_ = app_phase::forcing;
  for (std::size_t i = nodes_.size(); i-- > 0;) {
    if (nodes_[i].state == state::stopping || nodes_[i].state == state::stopped) continue;
    force_began_ = now;
    out.push_back({step::force, i});
  }
  for (std::size_t i = nodes_.size(); i-- > 0;) {
    if (nodes_[i].state == state::running && nodes_[i].held_up_by == 0) go_on(i, now, out);
  }
}

// First all missing nodes are found, then their needs are released: releasing changes states.
void shutdown_plan::leave_behind(time_point now, actions& out) {
  left_behind_ = true;
  std::vector<std::size_t> missing;
  for (std::size_t i = nodes_.size(); i-- > 0;) {
    if (nodes_[i].state != state::running && nodes_[i].state != state::stopped) missing.push_back(i);
  }
  for (const std::size_t index : missing) release_needs(index, now, out);
}

// Once for each node: one that was left behind may still stop later.
void shutdown_plan::release_needs(std::size_t index, time_point now, actions& out) {
  if (std::exchange(nodes_[index].holds_nobody_up, true)) return;
  for (const std::size_t need : nodes_[index].needs) {
    if (--nodes_[need].held_up_by == 0) go_on(need, now, out);
  }
}

// What comes next for a running node that nothing holds up: a drain while there is time for one, otherwise its stop.
void shutdown_plan::go_on(std::size_t index, time_point now, actions& out) {
  node& it = nodes_[index];
  if (it.state != state::running) return;      // a start must return first
  if (phase_ <= app_phase::announced) return;  // it drains together with all others, after the readiness delay
  if (phase_ == app_phase::draining) {
    if (now >= drain_end_) return;  // too late for a drain: the next tick forces it
    it.state = state::draining;
    out.push_back({step::drain, index});
  } else {
    it.state = state::stopping;
    out.push_back({step::stop, index});
  }
}

// A node that is neither running nor stopped was told something and did not come back.
void shutdown_plan::end(actions& out) {
  phase_ = app_phase::over;
  for (std::size_t i = 0; i < nodes_.size(); ++i) {
    if (nodes_[i].state != state::running && nodes_[i].state != state::stopped) out.push_back({step::hung, i});
  }
  out.push_back({step::finish});
}

}  // namespace lastcall::inline v0
