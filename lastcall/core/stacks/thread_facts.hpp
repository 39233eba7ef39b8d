// What the kernel tells about a thread of this process without asking the thread: /proc/self/task/TID. No stacks.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "lastcall/core/namespace.hpp"

namespace lastcall::inline v0 {

struct thread_facts {
  pid_t tid = 0;
  std::string name{};  ///< as pthread_setname_np set it
  char state = '?';    ///< 'R' runs, 'S' sleeps, 'D' sleeps and takes no signal, 'T' stopped, and so on (proc(5))
  /// What it sleeps in: "futex", "read on fd 7 (pipe:[81])", "syscall 451", or the kernel's function where the system
  /// call is hidden from us. Empty when it runs.
  std::string waits{};
  std::uint64_t blocked = 0;       ///< its signal mask; bit 0 is signal 1
  bool waits_for_signals = false;  ///< it waits for signals (sigwait): they don't run a handler
};

/// Empty when there is no such thread (any more).   Threads: any.   Blocks: no.
std::optional<thread_facts> facts_of_thread(pid_t tid);

/// The words for a line of /proc/…/syscall ("0 0x7 0x7ffc…", "running"); empty when it says nothing.
std::string waits_in(std::string_view syscall_line);

}  // namespace lastcall::inline v0
