// Many coarse timers, each set and cancelled in O(1). Pure: reads no clock; its owner sleeps until `next_due`.
#pragma once

#include <algorithm>
#include <array>
#include <chrono>
#include <cstdint>
#include <optional>

#include "lastcall/core/clock.hpp"
#include "lastcall/net/loop/intrusive_list.hpp"

namespace lastcall::inline v0::net {

/// One timer, as a base class or a member. It leaves its wheel when it is destroyed.
class timer_node : public list_hook<class timer_wheel> {
 public:
  timer_node() = default;
  timer_node& operator=(timer_node&&) = delete;

  bool armed() const noexcept { return list_hook<timer_wheel>::is_linked(); }

  /// It does not fire before this moment. Valid while it is armed, and in its callback.
  time_point due() const noexcept { return due_; }

  /// Does nothing when not armed.
  void cancel() noexcept { list_hook<timer_wheel>::unlink(); }

 private:
  friend class timer_wheel;
  time_point due_{};
};

/// Fires each timer at the first tick that is not before its moment: never early, and at most one tick late. Four
/// levels of 64 slots: with ticks of 4 ms that is 18.6 hours. Later timers wait in a list and are placed after that
/// time. Threads: one.
class timer_wheel {
 public:
  static constexpr duration tick = std::chrono::milliseconds(4);

  /// `start`: no later call passes an earlier time.
  explicit timer_wheel(time_point start) noexcept : start_(start) {}
  timer_wheel& operator=(timer_wheel&&) = delete;

  /// Arms `node`, or moves it if it is armed. O(1). A moment in the past fires at the next tick; from a callback that
  /// is after the current `advance_while`, which therefore ends.
  void schedule(timer_node& node, time_point when) noexcept;

  /// Calls `expired(node)` for all that are due, in the order of their ticks; the node is no longer armed then. The
  /// callback may schedule, cancel and destroy any node, also one that is due in the same call. It must not throw, nor
  /// call `advance_while`. A time before the last one changes nothing. Ends early when `expired` returns false; the
  /// rest fires with the next call, for which next_due() is now.
  template <class F> void advance_while(time_point now, F&& expired) noexcept {
    if (now > start_) target_ = std::max(now_, static_cast<tick_number>((now - start_) / tick));
    while (timer_node* node = next_expired()) {
      if (!expired(*node)) return;
    }
  }

  /// When to call `advance_while` next; empty when nothing is armed. A distant timer causes at most three earlier
  /// wake-ups (four beyond 18.6 hours), which only move it to a finer level.
  std::optional<time_point> next_due() const noexcept;

 private:
  static constexpr unsigned levels = 4;
  static constexpr unsigned slot_bits = 6;
  static constexpr unsigned slots = 1U << slot_bits;
  using tick_number = std::uint64_t;
  using slot = intrusive_list<timer_node, timer_wheel>;

  tick_number first_tick_from(time_point) const noexcept;  // rounds up
  time_point time_of(tick_number) const noexcept;
  void place(timer_node&) noexcept;
  std::optional<tick_number> next_tick() const noexcept;
  timer_node* next_expired() noexcept;
  void open_slots() noexcept;

  const time_point start_;
  tick_number now_ = 0;     // every tick up to this one is done
  tick_number target_ = 0;  // where the current advance ends; otherwise now_
  // Ticks are numbers in base 64. A node is at the level of the highest digit in which its tick differs from now_, and
  // in the slot of that digit. So all of a level are due before any of the next, and no level wraps around.
  std::array<std::array<slot, slots>, levels> wheel_;
  mutable std::array<std::uint64_t, levels>
      filled_{};  // a bit for each slot; may be stale after a cancel, never missing
  slot later_;    // differs beyond the highest level
  slot firing_;   // due at now_, not yet called
};

}  // namespace lastcall::inline v0::net
