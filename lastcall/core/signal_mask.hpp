// Keeps the signals that others send away from threads of ours that have no use for them.
#pragma once

#include <pthread.h>

#include <csignal>
#include <initializer_list>

#include "lastcall/core/namespace.hpp"

namespace lastcall::inline v0::detail {

/// All but those that a thread brings upon itself by a fault. Were they blocked, the kernel would end the process at
/// once, and the program's crash handler would never see it.   Source: signal(7), sigaction(2).
inline sigset_t signals_of_others() noexcept {
  sigset_t set;
  sigfillset(&set);
  for (const int own : {SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGTRAP, SIGSYS}) sigdelset(&set, own);
  return set;
}

/// The calling thread, and threads that are made while it lives, take none of those.
class no_signals_of_others {
 public:
  no_signals_of_others() noexcept {
    const sigset_t set = signals_of_others();
    pthread_sigmask(SIG_BLOCK, &set, &before_);
  }
  ~no_signals_of_others() { pthread_sigmask(SIG_SETMASK, &before_, nullptr); }
  no_signals_of_others(const no_signals_of_others&) = delete;
  no_signals_of_others& operator=(const no_signals_of_others&) = delete;

 private:
  sigset_t before_{};
};

}  // namespace lastcall::inline v0::detail
