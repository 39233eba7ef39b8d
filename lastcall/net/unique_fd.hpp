// The owner of one file descriptor. Not shared, and no wrapper of the calls one makes on it.
#pragma once

#include <unistd.h>

#include <cerrno>
#include <utility>

#include "lastcall/core/namespace.hpp"

namespace lastcall::inline v0::net {

/// Closes its descriptor when it goes; empty is -1. Closing leaves errno as it was, so that an error path can report
/// the failure that led to it. EINTR is not retried: on Linux the descriptor is gone then too, and its number may be
/// another's.
class unique_fd {
 public:
  unique_fd() noexcept = default;
  explicit unique_fd(int fd) noexcept : fd_(fd) {}
  unique_fd(unique_fd&& other) noexcept : fd_(other.release()) {}
  unique_fd& operator=(unique_fd&& other) noexcept {
    reset(other.release());
    return *this;
  }
  unique_fd(const unique_fd&) = delete;
  unique_fd& operator=(const unique_fd&) = delete;
  ~unique_fd() { reset(); }

  int get() const noexcept { return fd_; }
  explicit operator bool() const noexcept { return fd_ >= 0; }

  /// Gives the descriptor away; the caller closes it.
  [[nodiscard]] int release() noexcept { return std::exchange(fd_, -1); }

  /// Closes what it has and owns `fd` instead. Handing it the descriptor it already owns changes nothing.
  void reset(int fd = -1) noexcept {
    if (fd == fd_) return;
    const int old = std::exchange(fd_, fd);
    if (old < 0) return;
    const int saved = errno;
    ::close(old);
    errno = saved;
  }

 private:
  int fd_ = -1;
};

}  // namespace lastcall::inline v0::net
