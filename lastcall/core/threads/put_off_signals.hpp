// Works around ThreadSanitizer, which delays signal handlers. Without it nothing here has an effect.
//
// ThreadSanitizer runs a handler only when the thread enters or leaves a function that it intercepts. Seen with
// g++ 12.2:
//  - It does not run handlers in ppoll. A signal just before ppoll waits until ppoll returns. A program of 20 lines
//    without this library loses its first signal that way; without the sanitizer none of 200,000 was lost.
//  - A signal that is delivered to a thread which has just begun or is about to end may be lost. The kernel chooses the
//    thread among those that do not block the signal.
// With both handled, one in some dozens of first signals is still lost on a busy machine, so tests send them again.
#pragma once

#include <optional>

#include "lastcall/core/clock.hpp"
#include "lastcall/core/threads/signal_mask.hpp"

namespace lastcall::inline v0::detail {

#if defined(__SANITIZE_THREAD__)
inline constexpr std::optional<duration> longest_wait = std::chrono::milliseconds(20);  ///< for a signal, at a time

/// Threads that are made while it lives block signals. For threads that may end soon.
using signals_kept_out = no_signals_of_others;
#else
inline constexpr std::optional<duration> longest_wait{};
struct signals_kept_out {
  signals_kept_out() noexcept {}  // not trivial, so that the compiler does not warn of an unused variable
};
#endif

}  // namespace lastcall::inline v0::detail
