#include "lastcall/net/connection/drain_rules.hpp"

#include <algorithm>

namespace lastcall::inline v0::net {

drain_rules::drain_rules(duration silence, duration farewell, duration jitter, time_point began,
                         time_point drain_end) noexcept
    : silence_(silence), began_(began) {
  const duration whole = std::max(drain_end - began, duration::zero());
  window_ = std::clamp(jitter, duration::zero(), whole / 2);
  const duration margin = std::min(whole / 10, farewell);
  leave_by_ = drain_end - margin;
  linger_end_ = drain_end - margin / 4;
}

time_point drain_rules::close_at(connection_state state, const connection_past& past) const noexcept {
  if (state == connection_state::busy || state == connection_state::upgraded) return time_point::max();
  if (state != connection_state::fresh && state != connection_state::idle) return leave_by_;
  time_point quiet_until = past.last_active + silence_;
  if (silence_ > duration::zero()) {
    // A client that pauses for longer than the silence is waited for only if its next request is expected in time. If
    // not, waiting gains nothing, and the chance that it sends during the close is small: round trip over pause.
    const time_point expected_back = past.last_active + past.longest_pause + past.longest_pause / 4;
    if (expected_back < leave_by_) quiet_until = std::max(quiet_until, expected_back);
  }
  return std::min(std::max(quiet_until, began_), leave_by_);
}

time_point drain_rules::tell_at(double part) const noexcept {
  return began_ + std::chrono::duration_cast<duration>(window_ * part);
}

std::size_t drain_rules::tenth_of_window(time_point now) const noexcept {
  if (window_ <= duration::zero() || now <= began_) return 0;
  return static_cast<std::size_t>(std::min<duration::rep>((now - began_) * 10 / window_, 9));
}

time_point drain_rules::linger_until(time_point now, duration most) const noexcept {
  return now < linger_end_ ? std::min(now + most, linger_end_) : now + most;
}

}  // namespace lastcall::inline v0::net
