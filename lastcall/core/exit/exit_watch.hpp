// Limits the time after main(), in which destructors of static objects and exit handlers may hang.
#pragma once

#include "lastcall/core/clock.hpp"

namespace lastcall::inline v0 {

/// When exit(3) begins, starts a thread that waits until `by`, at least 100 ms, and then ends the process with exit
/// code 4 and a line on standard error. Covers exit handlers that were registered, and static objects that were made,
/// before the first call. Only the last call's `by` counts.   Threads: any.
void watch_exit(time_point by) noexcept;

}  // namespace lastcall::inline v0
