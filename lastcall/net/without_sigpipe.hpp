// A write that cannot be told MSG_NOSIGNAL, to a remote that may have gone: EPIPE is enough, and no signal comes of it.
#pragma once

#include <pthread.h>

#include <cerrno>
#include <csignal>
#include <ctime>

#include "lastcall/core/namespace.hpp"

namespace lastcall::inline v0::net::detail {

/// Calls `write`, and gives back its result and its errno. A SIGPIPE that was waiting for the thread before goes on
/// waiting; one of this write is taken away.   Source: signal(7): the kernel sends it to the thread that wrote.
template <class Write> auto without_sigpipe(Write write) noexcept {
  sigset_t pipe, before, waiting;
  sigemptyset(&pipe);
  sigaddset(&pipe, SIGPIPE);
  sigemptyset(&waiting);
  pthread_sigmask(SIG_BLOCK, &pipe, &before);
  if (sigismember(&before, SIGPIPE)) sigpending(&waiting);  // only one that was blocked already can wait
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
