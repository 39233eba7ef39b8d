// Waiting in a coroutine for time to pass or for a context's end, holding no thread.
#pragma once

#include <source_location>

#include "lastcall/core/context.hpp"
#include "lastcall/net/task.hpp"

namespace lastcall::inline v0::net {

/// True: the time passed. False: draining began first (at once if it had). As context::wait_for, for coroutines. While
/// it waits, whoever asks what is waited for is told, with the place of the call.
task<bool> wait_for(const context& until, duration time, std::source_location at = std::source_location::current());
/// The same for the second stage: false once forced, or once the client has gone.
task<bool> wait_until_forced_for(const context& until, duration time,
                                 std::source_location at = std::source_location::current());

}  // namespace lastcall::inline v0::net
