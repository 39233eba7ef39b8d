// Decides what happens next while everything ends: events and time in, comparable actions out. Pure; it calls nothing,
// waits for nothing and asks no clock. Its driver is lifecycle.hpp.
#pragma once

#include <cstddef>
#include <optional>
#include <variant>
#include <vector>

#include "lastcall/core/clock.hpp"

namespace lastcall::inline v0 {

/// How long a shutdown may take, counted from the request.
struct shutdown_budget {
  duration grace;    ///< the deadline: everything is over by then
  duration reserve;  ///< what of it is kept for force and the last stops
  duration readiness_delay = duration::zero();
  bool announce = true;
};

/// The order of an end.
///  1. `request`: announce to all, then wait the readiness delay.
///  2. Drain a component once all that need it have stopped; stop it once it has drained. Branches do not wait for each
///     other.
///  3. At the drain end (deadline − reserve) force all that have neither drained nor stopped, at once. Those whose
///  drain
///     had not begun are stopped without it, still after all that need them.
///  4. Half of the reserve later, whoever has not come back holds nobody up any longer: what it needs is stopped, so
///  that
///     the rest of the reserve is there for flushing and closing.
///  5. When all have stopped, or at the deadline, finish, naming those that never came back.
/// One that is still starting when the end begins is waited for like one that drains: once it has started it takes its
/// turn, if its start fails it is gone, and it is forced at the drain end.
/// No action is repeated. Steps 3, 4 and 5 never come out of one tick, so that a driver that is late, or a reserve of
/// zero, still lets answers in between. Events that no longer matter are ignored.
/// Threads: one.
class shutdown_plan {
 public:
  struct announce {
    std::size_t node;
    bool operator==(const announce&) const = default;
  };
  struct drain {
    std::size_t node;
    time_point drain_end;
    bool operator==(const drain&) const = default;
  };
  struct force {
    std::size_t node;
    bool operator==(const force&) const = default;
  };
  struct stop {
    std::size_t node;
    bool operator==(const stop&) const = default;
  };
  struct hung {  ///< never came back; said just before finish
    std::size_t node;
    bool operator==(const hung&) const = default;
  };
  struct finish {
    bool operator==(const finish&) const = default;
  };
  using action = std::variant<announce, drain, force, stop, hung, finish>;
  using actions = std::vector<action>;

  /// `graph[i]` lists what node i needs, all of it before i. `starting[i]`: its start has not returned yet; left out,
  /// all have.   Errors: std::invalid_argument if not.
  shutdown_plan(std::vector<std::vector<std::size_t>> graph, shutdown_budget budget, std::vector<bool> starting = {});

  actions request(time_point now);
  /// Brings the drain end to `now`, and the deadline with it: a reserve later. Requests as well if nobody has.
  actions request_force(time_point now);
  /// Of one that was starting.
  actions started(std::size_t node, time_point now);
  actions start_failed(std::size_t node, time_point now);
  actions drained(std::size_t node, time_point now);
  actions stopped(std::size_t node, time_point now);
  /// Call again while `next_wake` is not in the future.
  actions tick(time_point now);

  /// When to tick next, unless an event comes before. Empty: nothing was requested, or all is over.
  std::optional<time_point> next_wake() const noexcept;
  bool finished() const noexcept { return phase_ == phase::over; }
  /// Both are time_point::max() until the request.
  time_point drain_end() const noexcept { return drain_end_; }
  time_point deadline() const noexcept { return deadline_; }

 private:
  enum class phase : unsigned char { serving, announcing, draining, forcing, leaving_behind, over };
  enum class state : unsigned char { starting, running, draining, stopping, stopped };

  struct node {
    std::vector<std::size_t> needs;
    std::size_t held_up_by = 0;  // how many that need it have neither stopped nor been left behind
    enum state state = state::running;
    bool holds_nobody_up = false;
  };

  void begin(time_point now, actions& out);
  void drain_free(time_point now, actions& out);
  void force_all(time_point now, actions& out);
  void leave_behind(time_point now, actions& out);
  void release_needs(std::size_t index, time_point now, actions& out);
  void go_on(std::size_t index, time_point now, actions& out);
  void gone(std::size_t index, time_point now, actions& out);
  void end(actions& out);

  std::vector<node> nodes_;
  shutdown_budget budget_;
  phase phase_ = phase::serving;
  std::size_t unstopped_;
  time_point drain_from_ = time_point::max();
  time_point drain_end_ = time_point::max();
  time_point deadline_ = time_point::max();
};

}  // namespace lastcall::inline v0
