// Where threads of this process stand, in words: for the report on what hangs, and for whoever asks a process that is
// running. It decides nothing and ends nothing.
#pragma once

#include <sys/types.h>

#include <chrono>
#include <cstddef>
#include <optional>
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
  std::string component{};  ///< this and the next three as it registered itself; empty if it did not
  std::string role{};
  std::string activity{};
  duration age{};       ///< of the activity, or of the thread where it has none
  char state = '?';     ///< the kernel's letter: 'R' runs, 'S' sleeps, 'D' sleeps and takes no signal
  std::string waits{};  ///< what it sleeps in: "futex", "read on fd 7 (pipe:[81])"; empty when it runs
  /// Innermost first: "function (file:line)" or as much as is known of it; at most 64. Empty: see `answer`.
  std::vector<std::string> frames{};
  stack_answer answer = stack_answer::unasked;
};

struct stack_limits {
  /// For threads to answer, 32 at a time.
  duration answer = std::chrono::milliseconds(20);
  /// For the names that debug information gives; then those of the symbol tables. Zero: these at once.
  duration names = std::chrono::milliseconds(500);
  /// The most threads that are looked at.
  std::size_t threads = 256;
};

/// Of any thread of this process, also the calling one; empty when there is none of that number. A thread that does not
/// answer is told by what the kernel knows of it. Interrupts it: see ask_for_stacks.
/// Threads: any.   Blocks: `limits`, and some milliseconds.
std::optional<thread_stack> capture_stack(pid_t tid, const stack_limits& limits = {});

/// Of the registered threads that are `wanted`; threads that end meanwhile are left out. `before_names`, if given, is
/// shown them on the way, with places in files ("libx.so+0x1234") for frames: finding names can take long.
/// Threads, Blocks: as above.
std::vector<thread_stack> capture_stacks(
    const function<bool(const thread_entry&)>& wanted, const stack_limits& limits = {},
    const function<void(const std::vector<thread_stack>&)>& before_names = nullptr);

/// Lines for people: who it is, what it does and for how long, what it waits in, and a line for each frame.
std::string to_text(const thread_stack& of);

/// The same for all, those with the same stack of the same component under one head.
std::string to_text(std::span<const thread_stack> all);

/// What SIGQUIT asks for: every registered thread, with a line before that says how many of how many threads these are.
/// Threads, Blocks: as capture_stacks.
std::string describe_threads(const stack_limits& limits = {});

}  // namespace lastcall::inline v0
