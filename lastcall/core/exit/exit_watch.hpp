// What bounds the time after main(): destructors of static objects and exit handlers may hang as well.
#pragma once

#include "lastcall/core/clock.hpp"

namespace lastcall::inline v0 {

/// From the beginning of exit(3) on, a thread waits until `by`, or 100 ms if that has passed, and then ends the process
/// with exit code 4 and a line that says so. Covers exit handlers that were registered before the first call, and
/// static objects that were made before it. The last call counts.   Threads: any.
void watch_exit(time_point by) noexcept;

}  // namespace lastcall::inline v0
