// The stacks of threads of this process, with names: for the report on a hang, and for SIGQUIT. It only reads.
#pragma once

#include <sys/types.h>

#include <cstddef>
#include <span>
#include <string>
#include <vector>

#include "lastcall/core/clock.hpp"
#include "lastcall/core/function.hpp"
#include "lastcall/core/stacks/stack_signal.hpp"
#include "lastcall/core/stacks/watched_thread.hpp"

namespace lastcall::inline v0 {

/// One thread, at one moment.
struct thread_stack {
  pid_t tid = 0;
  std::string name{};       ///< as pthread_setname_np set it
  std::string component{};  ///< from watched_thread, as the next three; empty if the thread is not registered
  std::string role{};
  std::string activity{};
  duration age{};       ///< of the activity, or without one of the thread
  char state = '?';     ///< from the kernel: 'R' runs, 'S' sleeps, 'D' sleeps and takes no signal
  std::string waits{};  ///< what it sleeps in: "futex", "read on fd 7 (pipe:[81])"; empty when it runs
  /// Innermost first: "function (file:line)" or the part of it that is known. At most 64. Empty: see `answer`.
  std::vector<std::string> frames{};
  stack_answer answer = stack_answer::unasked;
};

struct stack_limits {
  /// How long to wait for the answers of each 32 threads.
  duration answer = std::chrono::milliseconds(20);
  /// How long to wait for names from debug information. After that, or with zero, the names come from symbol tables.
  duration names = std::chrono::milliseconds(500);
  /// At most so many threads are captured.
  std::size_t threads = 256;
};

/// The stacks of the registered threads that are `wanted`, without those that end meanwhile. Of a thread that does not
/// answer only what the kernel knows of it is filled in. Finding names can take long, so `before_names`, if given, is
/// called first, with places in files ("libx.so+0x1234") as frames. Interrupts the threads: see ask_for_stacks.
/// Threads: any.   Blocks: `limits`, and some milliseconds.
std::vector<thread_stack> capture_stacks(
    const function<bool(const thread_entry&)>& wanted, const stack_limits& limits = {},
    const function<void(const std::vector<thread_stack>&)>& before_names = nullptr);

/// Of each thread a line with its name, what it does, for how long and what it waits in; then a line for each frame.
/// Threads of one component with the same stack share their lines.
std::string to_text(std::span<const thread_stack> all);

/// The text that SIGQUIT writes: every registered thread. The first line says how many of how many threads these are.
/// Threads, Blocks: as capture_stacks.
std::string describe_threads(const stack_limits& limits = {});

}  // namespace lastcall::inline v0
