// Blocks, on threads of the library, the signals that other processes send.
#pragma once

#include <pthread.h>

#include <csignal>
#include <initializer_list>

#include "lastcall/core/namespace.hpp"

namespace lastcall::inline v0::detail {

/// All signals except those of a fault of the thread itself (SIGSEGV). If a fault's signal is blocked, the kernel ends
/// the process at once, and the program's crash handler does not run.   Source: signal(7), sigaction(2).
inline sigset_t signals_of_others() noexcept {
  sigset_t set;
  sigfillset(&set);
  for (const int own : {SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGTRAP, SIGSYS}) sigdelset(&set, own);
  return set;
}

/// Blocks them on the calling thread while it lives. Threads that are made meanwhile inherit the mask for good.
class no_signals_of_others {
 public:
  no_signals_of_others() noexcept {
    const sigset_t set = signals_of_others();
    pthread_sigmask(SIG_BLOCK, &set, &before_);
  }
  ~no_signals_of_others() { pthread_sigmask(SIG_SETMASK, &before_, nullptr); }
  no_signals_of_others& operator=(no_signals_of_others&&) = delete;

 private:
  sigset_t before_{};
};

}  // namespace lastcall::inline v0::detail
