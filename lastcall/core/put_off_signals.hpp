// What the thread sanitizer does to signals, and what is done about it where it is at work; elsewhere this is nothing.
//
// It runs a handler only when the thread enters or leaves a function that it knows, and puts it off until then. Seen
// with g++ 12.2, by a debugger at programs that stood still with nothing pending in the kernel:
//  - ppoll is none in which it runs handlers. A signal that comes just before it waits for the end of the wait. 20
//  lines
//    without this library lose the first signal that way, and none of 200,000 without the sanitizer.
//  - A signal that is given to a thread which has just begun or is about to end is put off, and lost with that. Which
//    thread gets it is the kernel's choice among those that have it open; the main one often has not: while it makes a
//    thread, or while the sanitizer runs a handler on it.
// With both seen to, one in some dozens of first signals is lost all the same on a busy machine: given to the main
// thread, as strace shows, and no handler called. So tests send again there.
#pragma once

#include <optional>

#include "lastcall/core/clock.hpp"
#include "lastcall/core/signal_mask.hpp"

namespace lastcall::inline v0::detail {

#if defined(__SANITIZE_THREAD__)
/// How long a wait that a handler is to end may last at most.
inline constexpr std::optional<duration> longest_wait = std::chrono::milliseconds(20);

/// Threads that are made while it lives take nobody's signals. For those that may end soon.
using signals_kept_out = no_signals_of_others;
#else
inline constexpr std::optional<duration> longest_wait{};
struct signals_kept_out {
  signals_kept_out() noexcept {}  // not trivial: one that does nothing is no unused variable
};
#endif

}  // namespace lastcall::inline v0::detail
