// A counter that one thread writes and any thread reads.
#pragma once

#include <atomic>
#include <cstdint>

#include "lastcall/core/namespace.hpp"

namespace lastcall::inline v0::net {

/// Counts without a locked instruction. Memory order: relaxed; a reader sees each number by itself, not several that
/// belong together.
/// Threads: one writes; any may call `value`.
class tally {
 public:
  void add(std::uint64_t n = 1) noexcept {
    value_.store(value_.load(std::memory_order_relaxed) + n, std::memory_order_relaxed);
  }
  void subtract(std::uint64_t n = 1) noexcept { add(~n + 1); }
  std::uint64_t value() const noexcept { return value_.load(std::memory_order_relaxed); }

 private:
  std::atomic<std::uint64_t> value_{0};
};

}  // namespace lastcall::inline v0::net
