// One thread for the whole process, which advances contexts whose deadline has passed while callbacks wait for that. It
// is not a timer for others, and begins with the first alarm.
#pragma once

#include <condition_variable>
#include <map>
#include <memory>
#include <mutex>

#include "lastcall/core/clock.hpp"

namespace lastcall::inline v0::detail {

class context_state;

/// Threads: any.
class deadline_timer {
 public:
  struct alarm;

 private:
  struct target {
    context_state* of = nullptr;
    alarm* by = nullptr;
  };
  using alarms = std::multimap<time_point, target>;

 public:
  /// Owned by its context, which lends the node to the timer while it is set. The node is allocated with the context,
  /// so that setting it can't fail.
  struct alarm {
    alarms::node_type spare{};  // before it is set
    alarms::iterator place{};   // while it is set
    bool is_set = false;
  };

  /// Lives as long as the process.
  static deadline_timer& shared();

  static alarm alarm_at(time_point when);
  /// No effect if it is set, or has rung. If no thread can be begun, the context is forced only for those that read it.
  void set(alarm& it, context_state& of) noexcept;
  void cancel(alarm& it) noexcept;

 private:
  deadline_timer() = default;
  void run();
  // Defined beside context_state.
  static void ring(context_state& of, time_point when) noexcept;
  static std::shared_ptr<context_state> kept(context_state& of) noexcept;

  std::mutex mutex_;
  std::condition_variable earlier_;
  alarms alarms_;
  // Never after the first alarm. It may be before it: where alarms are set and cancelled again, as for each query of a
  // database, the thread is not woken for each.
  time_point wakes_at_ = time_point::max();
  bool runs_ = false;
};

}  // namespace lastcall::inline v0::detail
