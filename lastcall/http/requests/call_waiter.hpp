// How a coroutine waits until its call wakes it. For each kind of wait (input, output, answer, time) the call keeps one
// waiter: a function that resumes the coroutine, empty while nothing waits.   Threads: the loop's.
#pragma once

#include <stdexcept>

#include "lastcall/core/function.hpp"
#include "lastcall/net/loop/parked_step.hpp"

namespace lastcall::inline v0::http::detail {

/// Why a stream fails when the call has no connection any more.
inline constexpr const char* client_has_gone = "the client has gone";

/// Throws std::logic_error if a coroutine waits already: a second one would overwrite the waiter of the first, and the
/// first would never resume. Call this before anything changes.
inline void require_no_waiter(bool waits) {
  if (waits) throw std::logic_error("a coroutine waits here already; read, write and wait one at a time");
}

/// Throws std::logic_error on a thread for which this kind of function is not.
inline void require_thread(bool right) {
  if (!right)
    throw std::logic_error("a stream is used on the wrong thread; await on the loop's, and use what blocks elsewhere");
}

/// Suspends the coroutine that awaits the result, until `waiter` is called.   Errors: as require_no_waiter.
inline auto suspended(function<void()>& waiter) {
  require_no_waiter(static_cast<bool>(waiter));
  return net::suspended(waiter);
}

}  // namespace lastcall::inline v0::http::detail
