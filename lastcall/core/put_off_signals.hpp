// How long a wait may last that a signal's handler is to end: as long as it likes, but under the thread sanitizer.
#pragma once

#include <optional>

#include "lastcall/core/clock.hpp"

namespace lastcall::inline v0::detail {

// The sanitizer puts a handler off until the thread enters or leaves a function that it knows, and ppoll is
// none in which it runs them. A signal that comes just before the wait would be put off until the wait is over; so
// there it is over now and then. Seen with g++ 12.2 in 20 lines without this library: the first signal was lost, while
// the same program without the sanitizer lost none of 200,000. Same fault for select: llvm-project issue 192401.
#if defined(__SANITIZE_THREAD__)
inline constexpr std::optional<duration> longest_wait = std::chrono::milliseconds(20);
#else
inline constexpr std::optional<duration> longest_wait{};
#endif

}  // namespace lastcall::inline v0::detail
