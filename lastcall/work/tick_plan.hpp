// When the ticks of a periodic begin. Pure: it takes the time, and does not wait.
#pragma once

#include <algorithm>
#include <cstdint>

#include "lastcall/core/clock.hpp"

namespace lastcall::inline v0::detail {

/// Ticks have numbers: that of number n begins n periods after the first, and a random part of the jitter later. So
/// they do not drift.
class tick_plan {
 public:
  tick_plan(duration every, duration jitter, time_point first) noexcept
      : every_(every), jitter_(jitter), first_(first) {}

  /// When the next tick begins, which is never before `now`: those whose time has passed are skipped. `random` is from
  /// 0 up to 1.
  time_point next(time_point now, double random) noexcept {
    const duration late = duration(static_cast<duration::rep>(static_cast<double>(jitter_.count()) * random));
    const duration since = now - first_ - late;
    const auto not_passed = since <= duration::zero() ? 0 : (since.count() - 1) / every_.count() + 1;
    const auto number = std::max<duration::rep>(next_, not_passed);
    skipped_ += static_cast<std::uint64_t>(number - next_);
    next_ = number + 1;
    return first_ + every_ * number + late;
  }

  std::uint64_t skipped() const noexcept { return skipped_; }

 private:
  const duration every_, jitter_;
  const time_point first_;
  duration::rep next_ = 0;
  std::uint64_t skipped_ = 0;
};

}  // namespace lastcall::inline v0::detail
