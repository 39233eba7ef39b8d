// A moment by which something has ended. There is no value for "never", so nothing can be told to wait for ever.
#pragma once

#include "lastcall/core/clock.hpp"

namespace lastcall::inline v0 {

/// At most 24 hours in the future when it is made. It may be in the past: then it has passed.
class deadline {
 public:
  static constexpr duration longest = std::chrono::hours(24);

  /// Errors: std::invalid_argument, naming the value, when it is negative, not a number, max() or more than 24 h.
  template <class R, class P>
  explicit deadline(std::chrono::duration<R, P> from_now)
      : when_((check(std::chrono::duration<long double>(from_now).count(), from_now == from_now.max()),
               steady().now() + std::chrono::duration_cast<duration>(from_now))) {}

  /// Errors: std::invalid_argument when `when` is time_point::max() or more than 24 h after `now`.
  static deadline at(time_point when, time_point now);

  time_point when() const noexcept { return when_; }
  /// Never negative.
  duration remaining(time_point now) const noexcept;
  bool passed(time_point now) const noexcept { return now >= when_; }

 private:
  struct checked {
    time_point when;
  };
  explicit deadline(checked moment) noexcept : when_(moment.when) {}
  static void check(long double seconds, bool endless);

  time_point when_;
};

}  // namespace lastcall::inline v0
