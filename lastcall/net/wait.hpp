// Waiting in a coroutine for time to pass or for a context's end, holding no thread.
#pragma once

#include "lastcall/core/context.hpp"
#include "lastcall/net/task.hpp"

namespace lastcall::inline v0::net {

/// True: the time passed. False: draining began first (at once if it had). As context::wait_for, for coroutines.
task<bool> wait_for(const context& until, duration time);
/// The same for the second stage: false once forced, or once the client has gone.
task<bool> wait_until_forced_for(const context& until, duration time);

}  // namespace lastcall::inline v0::net
