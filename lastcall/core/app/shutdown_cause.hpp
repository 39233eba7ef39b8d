// What set the shutdown off: the time it counts from, and the words for it.
#pragma once

#include <string>

#include "lastcall/core/clock.hpp"
#include "lastcall/core/lifecycle/shutdown_requests.hpp"
#include "lastcall/core/signals/signals.hpp"

namespace lastcall::inline v0 {

/// Sets the times of a request: now, or with the real clock when its signal arrived.
shutdown_request stamped(shutdown_request by, const clock& time) noexcept;

/// "SIGTERM from pid 123 (kubelet)", "requested", or the text of the request or failure.
std::string describe_cause(const shutdown_request& by);
/// The same without the text of a failure, which has a line of the log already.
std::string cause_for_log(const shutdown_request& by);

/// It came from a terminal (Ctrl-C). The kernel sends such a signal, not a process.
bool from_terminal(const shutdown_request& by) noexcept;

}  // namespace lastcall::inline v0
