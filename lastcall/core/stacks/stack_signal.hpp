// Gets the stacks of threads of this process as addresses, by a real-time signal. Names are found in symbols.hpp.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "lastcall/core/clock.hpp"
#include "lastcall/core/stacks/thread_facts.hpp"

namespace lastcall::inline v0 {

/// The result for one thread.
enum class stack_answer : unsigned char {
  given,
  late,     ///< no answer in time: it sleeps uninterruptibly, or got no processor time
  blocked,  ///< not asked: it blocks the signal, or waits for signals itself (sigwait)
  gone,     ///< the thread has ended
  unasked,  ///< no signal number is free, the kernel's queue is full, or too many threads are late
};

struct raw_stack {
  stack_answer answer = stack_answer::unasked;
  /// Innermost first. Each lies within the instruction under way; for a call that is the byte before the return
  /// address.
  std::vector<std::uintptr_t> addresses{};
};

inline constexpr std::size_t most_stack_frames = 64;

/// One for each of `threads`, in their order. Asks 32 threads at a time, and waits `each` for them.
///
/// The signal is the highest real-time signal with default handling that the fewest of `threads` block. The handler
/// (SA_RESTART, SA_SIGINFO, SA_ONSTACK) is installed only during the call; signals that are pending at its end are
/// dropped. The handler writes the stack to memory that is never freed, and not reused while a handler may write to it,
/// so a late handler does no harm. It does not lock or allocate (glibc 2.35 and later; earlier unwinders take a lock of
/// the dynamic loader for a moment). Some system calls return EINTR although SA_RESTART is set: poll, epoll_wait,
/// nanosleep, sem_timedwait and others (signal(7)). So call this for threads that hang, or on request, but not
/// routinely. Threads: any; one call at a time, others wait.   Blocks: `each` for each 32 threads, and once more when a
/// handler has begun and not finished.
std::vector<raw_stack> ask_for_stacks(std::span<const thread_facts> threads, duration each);

}  // namespace lastcall::inline v0
