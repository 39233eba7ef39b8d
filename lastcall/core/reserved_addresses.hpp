// Addresses that are kept for the end: a program that has used up what RLIMIT_AS allows must still be able to end in
// order. Not memory: none is taken.
#pragma once

#include <sys/mman.h>

#include <cstddef>
#include <utility>

#include "lastcall/core/namespace.hpp"

namespace lastcall::inline v0::detail {

/// Holds them from its construction on, if there are any.   Threads: one.
class reserved_addresses {
 public:
  /// Enough for a thread with the usual stack of 8 MiB, and for what is allocated.
  static constexpr std::size_t bytes = 16 * 1024 * 1024;

  reserved_addresses() noexcept
      : at_(mmap(nullptr, bytes, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0)) {}
  ~reserved_addresses() { release(); }
  reserved_addresses& operator=(reserved_addresses&&) = delete;

  /// Gives them up. From here on others find them: malloc, new threads.
  void release() noexcept {
    if (void* const at = std::exchange(at_, MAP_FAILED); at != MAP_FAILED) munmap(at, bytes);
  }

 private:
  void* at_;
};

}  // namespace lastcall::inline v0::detail
