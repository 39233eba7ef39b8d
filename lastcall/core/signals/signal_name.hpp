// The names of signals, and which of them a program can catch to shut down. Pure: it installs nothing.
#pragma once

#include <optional>
#include <string>

#include "lastcall/core/namespace.hpp"

namespace lastcall::inline v0 {

/// "SIGTERM", "SIGRTMIN+3"; "signal 99" for an unknown number.
std::string signal_name(int number);

/// Why this signal can't request a shutdown, and what to use instead. Empty: it can.
std::optional<std::string> why_not_catchable(int number);

}  // namespace lastcall::inline v0
