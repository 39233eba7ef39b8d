#include "lastcall/core/app/shutdown_cause.hpp"

#include <chrono>
#include <csignal>

#include "lastcall/core/signals/signal_name.hpp"

namespace lastcall::inline v0 {

shutdown_request stamped(shutdown_request by, const clock& time) noexcept {
  const bool has_time = by.kind == cause_kind::signal && by.signal.at != time_point{} && &time == &steady();
  by.at = has_time ? by.signal.at : time.now();
  by.wall = std::chrono::system_clock::now();
  return by;
}

std::string describe_cause(const shutdown_request& by) {
  if (by.kind == cause_kind::signal) return signal_name(by.signal.number) + " from " + describe_sender(by.signal);
  return by.text.empty() ? "requested" : by.text;
}

std::string cause_for_log(const shutdown_request& by) {
  const bool failure = by.kind == cause_kind::failed_start || by.kind == cause_kind::failed_component;
  return failure ? std::string(to_text(by.kind)) : describe_cause(by);
}

bool from_terminal(const shutdown_request& by) noexcept {
  return by.kind == cause_kind::signal && by.signal.code == SI_KERNEL;
}

}  // namespace lastcall::inline v0
