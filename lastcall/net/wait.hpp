// Coroutines that wait for some time or for the end of a context, without a thread.
#pragma once

#include <source_location>

#include "lastcall/core/context/context.hpp"
#include "lastcall/net/task.hpp"

namespace lastcall::inline v0::net {

/// True: the time has passed. False: `until` drains, or began to drain meanwhile. As context::wait_for, for coroutines.
/// While it waits, the log line and the report of work in progress show the place of the call.
task<bool> wait_for(const context& until, duration time, std::source_location at = std::source_location::current());
/// The same, but false when `until` is forced, or the client has gone.
task<bool> wait_until_forced_for(const context& until, duration time,
                                 std::source_location at = std::source_location::current());

}  // namespace lastcall::inline v0::net
