// What a signal is called, and whether a program can catch it to shut down. Pure; installs nothing.
#pragma once

#include <optional>
#include <string>

#include "lastcall/core/namespace.hpp"

namespace lastcall::inline v0 {

/// "SIGTERM", "SIGRTMIN+3"; "signal 99" for what is none.
std::string signal_name(int number);

/// Why this number can't be the request to shut down, and what to use instead; empty when it can.
std::optional<std::string> why_not_catchable(int number);

}  // namespace lastcall::inline v0
