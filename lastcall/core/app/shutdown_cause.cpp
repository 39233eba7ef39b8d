#include "lastcall/core/app/shutdown_cause.hpp"

#include <chrono>
#include <csignal>

namespace lastcall::inline v0 {

shutdown_request stamped(shutdown_request by, const clock& time) noexcept {
  const bool has_time = by.trigger == trigger::signal && by.signal.at != time_point{} && &time == &steady();
  by.at = has_time ? by.signal.at : time.now();
  by.wall = std::chrono::system_clock::now();
  return by;
}

std::string describe_cause(const shutdown_request& by) {
  if (by.trigger == trigger::signal) return signal_name(by.signal.number) + " from " + describe_sender(by.signal);
  return by.why.empty() ? "requested" : by.why;
}

bool from_terminal(const shutdown_request& by) noexcept {
  return by.trigger == trigger::signal && by.signal.code == SI_KERNEL;
}

}  // namespace lastcall::inline v0
