// The owner of a descriptor of a program that we start: a pipe's end, /dev/null, a pidfd.
#pragma once

#include <unistd.h>

#include <utility>

#include "lastcall/core/namespace.hpp"

namespace lastcall::inline v0::detail {

/// -1 is empty.
class descriptor {
 public:
  explicit descriptor(int fd = -1) noexcept : fd_(fd) {}
  descriptor(descriptor&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
  descriptor& operator=(descriptor&& other) noexcept {
    std::swap(fd_, other.fd_);
    return *this;
  }
  ~descriptor() { reset(); }

  int operator*() const noexcept { return fd_; }
  void reset() noexcept {
    if (fd_ >= 0) ::close(std::exchange(fd_, -1));
  }

 private:
  int fd_;
};

}  // namespace lastcall::inline v0::detail
