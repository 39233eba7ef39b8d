// The owner of one file descriptor.
#pragma once

#include <unistd.h>

#include <cerrno>
#include <utility>

#include "lastcall/core/namespace.hpp"

namespace lastcall::inline v0::net {

/// Closes its descriptor when it is destroyed; -1 is empty. Closing does not change errno, so that an error path can
/// still report its own error. Does not retry after EINTR: on Linux the descriptor is closed then, too, and its number
/// may be in use again.
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

  /// Gives up the ownership: the caller closes the descriptor.
  [[nodiscard]] int release() noexcept { return std::exchange(fd_, -1); }

  /// Closes its descriptor, and owns `fd` from now on. Nothing happens if that is the same one.
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
