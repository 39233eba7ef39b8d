// What the thread sanitizer does to signals, and what is done about it where it is at work; elsewhere this is nothing.
//
// It runs a handler only when the thread enters or leaves a function that it knows, and puts it off until then. Seen
// with g++ 12.2, by a debugger at a program that stood still with nothing pending in the kernel:
//  - ppoll is none in which it runs handlers. A signal that comes just before it waits for the end of the wait. 20
//  lines
//    without this library lose the first signal that way, and none of 200,000 without the sanitizer.
//  - While it runs a handler it blocks all signals, so the next one goes to another thread; if that one is about to
//  end,
//    what it has put off is lost with it.
#pragma once

#include <pthread.h>

#include <csignal>
#include <optional>

#include "lastcall/core/clock.hpp"

namespace lastcall::inline v0::detail {

#if defined(__SANITIZE_THREAD__)
/// How long a wait that a handler is to end may last at most.
inline constexpr std::optional<duration> longest_wait = std::chrono::milliseconds(20);
/// On a thread of ours that may end soon.
inline void keep_signals_out() noexcept {
  sigset_t all;
  sigfillset(&all);
  pthread_sigmask(SIG_BLOCK, &all, nullptr);
}
#else
inline constexpr std::optional<duration> longest_wait{};
inline void keep_signals_out() noexcept {}
#endif

}  // namespace lastcall::inline v0::detail
