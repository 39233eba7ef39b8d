// For writes that have no MSG_NOSIGNAL flag, such as sendfile: EPIPE without SIGPIPE.
#pragma once

#include <pthread.h>

#include <cerrno>
#include <csignal>
#include <ctime>

#include "lastcall/core/namespace.hpp"

namespace lastcall::inline v0::net::detail {

/// Calls `write`, and returns its result, with its errno. Removes a SIGPIPE of this write; one that was pending before
/// stays pending.   Source: signal(7): the kernel sends it to the thread that wrote.
template <class Write> auto without_sigpipe(Write write) noexcept {
  sigset_t pipe, before, waiting;
  sigemptyset(&pipe);
  sigaddset(&pipe, SIGPIPE);
  sigemptyset(&waiting);
  pthread_sigmask(SIG_BLOCK, &pipe, &before);
  if (sigismember(&before, SIGPIPE)) sigpending(&waiting);  // it can be pending only if it was blocked
  const auto result = write();
  const int error = errno;
  if (result < 0 && error == EPIPE && !sigismember(&waiting, SIGPIPE)) {
    const timespec at_once{};
    while (sigtimedwait(&pipe, nullptr, &at_once) < 0 && errno == EINTR) {}
  }
  pthread_sigmask(SIG_SETMASK, &before, nullptr);
  errno = error;
  return result;
}

}  // namespace lastcall::inline v0::net::detail
