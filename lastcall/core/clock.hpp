// Where the time comes from: the one seam between real and virtual time. Not a timer; nothing here waits.
#pragma once

#include <chrono>
#include <optional>

#include "lastcall/core/namespace.hpp"

namespace lastcall::inline v0 {

using duration = std::chrono::steady_clock::duration;
using time_point = std::chrono::steady_clock::time_point;

/// Tells the time to whoever needs to ask more than once; pure classes take time points instead.
/// Threads: `now` may be called from any.
struct clock {
  virtual ~clock() = default;
  virtual time_point now() const noexcept = 0;

  /// Who has nothing to do until then (empty: until it is told) asks this before it waits. True: time has moved on, or
  /// something has happened; look again instead of waiting. For clocks of tests, in which nobody waits.
  virtual bool skip(std::optional<time_point> until) const noexcept {
    static_cast<void>(until);
    return false;
  }
};

/// The real one: std::chrono::steady_clock.
const clock& steady() noexcept;

}  // namespace lastcall::inline v0
