// What the kernel knows of a thread of this process, from /proc/self/task/TID. The thread is not interrupted. No
// stacks.
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
  /// What it sleeps in: "futex", "read on fd 7 (pipe:[81])", "syscall 451", or a kernel function if the system call
  /// can't be read. Empty when it runs.
  std::string waits{};
  std::uint64_t blocked = 0;       ///< its signal mask; bit 0 is signal 1
  bool waits_for_signals = false;  ///< it is in sigwait or the like, so a signal does not run a handler
};

/// Empty: there is no such thread, or it has ended.   Threads: any.   Blocks: no.
std::optional<thread_facts> facts_of_thread(pid_t tid);

/// Text for a line of /proc/…/syscall ("0 0x7 0x7ffc…"). Empty for "running".
std::string waits_in(std::string_view syscall_line);

}  // namespace lastcall::inline v0
