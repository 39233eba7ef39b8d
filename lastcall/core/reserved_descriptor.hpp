// A descriptor that is kept for the end: a program that has leaked all of its own must still be able to write its
// report.
#pragma once

#include <fcntl.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>

#include "lastcall/core/namespace.hpp"

namespace lastcall::inline v0::detail {

/// Holds one from its construction on, if there is one.   Threads: any; takes no lock.
class reserved_descriptor {
 public:
  reserved_descriptor() noexcept : held_(::open("/dev/null", O_RDONLY | O_CLOEXEC)) {}
  ~reserved_descriptor() { release(); }
  reserved_descriptor(const reserved_descriptor&) = delete;
  reserved_descriptor& operator=(const reserved_descriptor&) = delete;

  /// Gives it up, so that the next open finds one. Another thread may be quicker.
  void release() noexcept {
    if (const int held = held_.exchange(-1); held >= 0) ::close(held);
  }
  bool holds() const noexcept { return held_ >= 0; }

 private:
  std::atomic<int> held_;
};

}  // namespace lastcall::inline v0::detail
