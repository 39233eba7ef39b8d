// Asks threads of this process where they stand, by one real-time signal, and gets addresses. Names nothing: see
// symbols.hpp.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "lastcall/core/clock.hpp"
#include "lastcall/core/stacks/thread_facts.hpp"

namespace lastcall::inline v0 {

/// What became of asking one thread.
enum class stack_answer : unsigned char {
  given,
  late,     ///< none in time: it sleeps uninterruptibly, or gets no processor
  blocked,  ///< not asked: it blocks the signal, or takes signals itself (sigwait)
  gone,     ///< the thread has ended
  unasked,  ///< no signal number is free, the kernel's queue is full, or too many are late already
};

struct raw_stack {
  stack_answer answer = stack_answer::unasked;
  /// Innermost first. Each lies within the instruction that is being executed, so the one before the return address.
  std::vector<std::uintptr_t> addresses{};
};

inline constexpr std::size_t most_stack_frames = 64;

/// One for each of `threads`, in their order. Threads are asked in batches of 32; `each` bounds a batch.
///
/// The signal is one whose handling is the default and which the fewest of `threads` block, from SIGRTMAX downwards;
/// the handler (SA_RESTART, SA_SIGINFO, SA_ONSTACK) is there while this runs only, and what is still pending then is
/// dropped. It unwinds into memory that is never freed and never given to another question while a handler writes to
/// it, so one that runs late harms nothing. It neither locks nor allocates (glibc 2.35 and later; before, the unwinder
/// takes a lock of the dynamic loader for a moment).
/// A system call that a thread sleeps in may return EINTR although SA_RESTART is set: poll, epoll_wait, nanosleep,
/// sem_timedwait and others (signal(7)). So ask those that hang, or when somebody wants to look; not routinely.
/// Threads: any; one at a time, others wait.   Blocks: `each` for each 32 threads, and one more if a handler was cut
/// short of processor time in the middle.
std::vector<raw_stack> ask_for_stacks(std::span<const thread_facts> threads, duration each);

}  // namespace lastcall::inline v0
