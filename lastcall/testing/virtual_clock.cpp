#include "lastcall/testing/virtual_clock.hpp"

#include <stdexcept>

#include "lastcall/core/duration.hpp"

namespace lastcall::inline v0::testing {

using lastcall::to_text;

void virtual_clock::advance(duration by) {
  if (by < duration::zero())
    throw std::invalid_argument("virtual_clock: " + to_text(by) + " is negative; time never goes back");
  time_point from = now_.load(std::memory_order_relaxed);
  while (!now_.compare_exchange_weak(from, lastcall::detail::later(from, by), std::memory_order_acq_rel,
                                     std::memory_order_relaxed)) {}
}

void virtual_clock::advance_to(time_point when) noexcept {
  time_point from = now_.load(std::memory_order_relaxed);
  while (from < when && !now_.compare_exchange_weak(from, when, std::memory_order_acq_rel, std::memory_order_relaxed)) {
  }
}

}  // namespace lastcall::inline v0::testing
