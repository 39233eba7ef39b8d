// How long to wait before a program is started again. Pure.
#pragma once

#include <algorithm>

#include "lastcall/core/clock.hpp"

namespace lastcall::inline v0::detail {

/// A pause doubles with each end, from `first` to `longest`, less a random part of up to half. It begins anew after a
/// run that lasted for `longest`.
class restart_pauses {
 public:
  restart_pauses(duration first, duration longest) noexcept : first_(first), longest_(longest), next_(first) {}

  /// After a run of this length. `random` is from 0 up to 1.
  duration after(duration ran, double random) noexcept {
    if (ran >= longest_) next_ = first_;
    const duration pause = std::min(next_, longest_);
    next_ = std::min(pause * 2, longest_);
    return pause - duration(static_cast<duration::rep>(static_cast<double>(pause.count()) * random / 2));
  }

 private:
  const duration first_, longest_;
  duration next_;
};

}  // namespace lastcall::inline v0::detail
