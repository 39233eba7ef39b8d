// Decides what happens next in a shutdown: events and time in, comparable actions out. Pure: it calls no component,
// does not wait and reads no clock. lifecycle.hpp carries its actions out.
#pragma once

#include <algorithm>
#include <cstddef>
#include <optional>
#include <vector>

#include "lastcall/core/clock.hpp"
#include "lastcall/core/lifecycle/shutdown_budget.hpp"
#include "lastcall/core/report/app_status.hpp"

namespace lastcall::inline v0 {

/// The order of a shutdown.
///  1. `request`: all announce, then the readiness delay passes.
///  2. A component drains once all that need it have stopped, and stops once it has drained. Independent branches do
///  not
///     wait for each other.
///  3. At the drain end (deadline − reserve) all that have neither drained nor stopped are forced, at once. A component
///     whose drain had not begun is stopped without one, still after all that need it.
///  4. Half of the reserve later, a component that has not come back no longer delays the others: what it needs is
///     stopped, so that the rest of the reserve is left for flushing and closing.
///  5. When all have stopped, or at the deadline, the shutdown finishes, and names those that never came back.
/// A component may still be starting when the shutdown begins. It drains and stops after its start has returned; if the
/// start fails it is gone; at the drain end it is forced.
/// No action is repeated. Steps 3, 4 and 5 never come out of one tick, so that verbs can return in between, even when
/// the driver is late or the reserve is zero. Events that no longer matter are ignored. Threads: one.
class shutdown_plan {
 public:
  enum class step : unsigned char { announce, drain, force, stop, hung, finish };
  /// A step of one node. Hung: it never came back; comes just before the end. Finish: all is over, of no node.
  struct action {
    step what;
    std::size_t node = 0;
    bool operator==(const action&) const = default;
  };
  using actions = std::vector<action>;

  /// `graph[i]` lists the nodes that node i needs, all of them before i. `starting[i]`: its start has not returned yet;
  /// an empty vector means that all have.   Errors: std::invalid_argument when a node needs a later one.
  shutdown_plan(std::vector<std::vector<std::size_t>> graph, shutdown_budget budget, std::vector<bool> starting = {});

  actions request(time_point now);
  /// Moves the drain end to `now`, and the deadline to a reserve later. Also requests the shutdown if it was not.
  actions request_force(time_point now);
  /// Events of a node that was starting.
  actions started(std::size_t node, time_point now);
  actions start_failed(std::size_t node, time_point now);
  actions drained(std::size_t node, time_point now);
  actions stopped(std::size_t node, time_point now);
  /// The process did not run until `now`, past the drain end or the deadline. What is due gets one further moment,
  /// once: 100 ms to drain in, or 100 ms after a force. True: the deadline is later than before.
  bool grant_moment(time_point now) noexcept;
  /// Call again while `next_wake` is not in the future.
  actions tick(time_point now);

  /// When to tick next, unless an event comes first. Empty: nothing was requested, or all is over.
  std::optional<time_point> next_wake() const noexcept;
  bool finished() const noexcept { return phase_ == app_phase::over; }
  /// `serving` until the request.
  app_phase phase() const noexcept { return phase_; }
  /// Both are time_point::max() until the request.
  time_point drain_end() const noexcept { return drain_end_; }
  time_point deadline() const noexcept { return deadline_; }
  /// When the first component was forced by the time or by `request_force`. Empty: none was.
  std::optional<time_point> force_began() const noexcept { return force_began_; }
  /// Half of the reserve after the drain end: when it waits no longer for what has not come back. After the request.
  time_point leaves_behind_at() const noexcept { return std::min(drain_end_ + budget_.reserve / 2, deadline_); }

 private:
  enum class state : unsigned char { starting, running, draining, stopping, stopped };

  struct node {
    std::vector<std::size_t> needs;
    std::size_t held_up_by = 0;  // how many nodes that need it have neither stopped nor been left behind
    enum state state = state::running;
    bool holds_nobody_up = false;
  };

  void begin(time_point now, actions& out);
  void drain_free(time_point now, actions& out);
  void force_all(time_point now, actions& out);
  void leave_behind(time_point now, actions& out);
  void release_needs(std::size_t index, time_point now, actions& out);
  void go_on(std::size_t index, time_point now, actions& out);
  actions gone(std::size_t index, state from, time_point now);
  void end(actions& out);

  std::vector<node> nodes_;
  shutdown_budget budget_;
  app_phase phase_ = app_phase::serving;
  bool moment_granted_ = false;
  bool left_behind_ = false;  // while forcing: those that did not come back hold nobody up any more
  std::size_t unstopped_;
  time_point drain_from_ = time_point::max();
  time_point drain_end_ = time_point::max();
  time_point deadline_ = time_point::max();
  std::optional<time_point> force_began_;
};

}  // namespace lastcall::inline v0
