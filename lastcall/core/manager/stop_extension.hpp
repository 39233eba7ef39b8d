// When a service that ends asks systemd for more time, and when it may not hope for more. Pure: it reads no clock.
#pragma once

#include <algorithm>
#include <cstdint>
#include <optional>

#include "lastcall/core/clock.hpp"

namespace lastcall::inline v0::detail {

/// systemd kills `kill_after` after the request, and a second later for each second of more time. From half of
/// `kill_after` on a second is asked for each second, if anything was finished since the last time. So a service that
/// finishes nothing has half of `kill_after` left, or more.
class stop_extension {
 public:
  /// The process must be gone before it is killed: so long before, the deadline passes.
  static constexpr duration margin = std::chrono::milliseconds(250);
  static constexpr duration step = std::chrono::seconds(1);

  /// `reserve` is what the end takes once it is forced.
  stop_extension(time_point asked_at, duration kill_after, duration reserve) noexcept
      : last_words_(reserve + margin), half_(asked_at + kill_after / 2), killed_at_(asked_at + kill_after) {}

  /// `finished` grows with whatever is finished. The time to ask for from now on, when it is to be asked for.
  std::optional<duration> asks(time_point now, std::uint64_t finished) noexcept {
    if (now < half_) finished_ = finished;
    if (now < std::max(half_, next_) || finished == finished_ || forces(now)) return std::nullopt;
    finished_ = finished;
    next_ = now + step;
    killed_at_ += step;
    return killed_at_ - now;
  }

  /// No time is left but for the end itself.
  bool forces(time_point now) const noexcept { return now >= force_at(); }
  time_point force_at() const noexcept { return killed_at_ - last_words_; }
  time_point killed_at() const noexcept { return killed_at_; }

 private:
  duration last_words_;
  time_point half_;
  time_point next_{};
  time_point killed_at_;
  std::uint64_t finished_ = 0;
};

}  // namespace lastcall::inline v0::detail
