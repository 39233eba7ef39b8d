#include "lastcall/http/h2/h2_farewell.hpp"

#include <algorithm>
#include <chrono>

namespace lastcall::inline v0::http::detail {

duration h2_farewell::patience(duration left) noexcept {
  return std::clamp<duration>(left / 10, duration::zero(), std::chrono::seconds(1));
}

/// The wait for the PING begins. It is short: the rest of the drain is for the streams.
h2_action h2_farewell::tell(time_point now, time_point drain_end) noexcept {
  if (stage_ != stage::serving) return h2_action::none;
  stage_ = stage::noticed;
  by_ = now + patience(std::max(drain_end, now) - now);
  return h2_action::notice;
}

/// An acknowledgement in any other stage belongs to no question of this class.
h2_action h2_farewell::acknowledged() noexcept { return stage_ == stage::noticed ? say_last() : h2_action::none; }

h2_action h2_farewell::passed(time_point now) noexcept {
  return stage_ == stage::noticed && now >= by_ ? say_last() : h2_action::none;
}

h2_action h2_farewell::say_last() noexcept {
  stage_ = stage::last;
  return h2_action::last;
}

/// Only after the last GOAWAY: before, a client may still open streams.
h2_action h2_farewell::open(std::size_t streams) noexcept {
  if (stage_ != stage::last || streams > 0) return h2_action::none;
  stage_ = stage::closed;
  return h2_action::close;
}

}  // namespace lastcall::inline v0::http::detail
