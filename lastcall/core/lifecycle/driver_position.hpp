// The verb that the driver of the lifecycle is in. The watchdog reads it from another thread, to name what hangs.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>

#include "lastcall/core/lifecycle/verb.hpp"

namespace lastcall::inline v0 {

/// The driver writes what it runs itself, or the first verb that it knows to hang.   Threads: one writes, any reads.
class driver_position {
 public:
  struct location {
    verb in = verb::none;
    std::size_t component = 0;
  };

  void enter(verb in, std::size_t component) noexcept {
    at_.store(static_cast<std::uint64_t>(component) << 8 | static_cast<std::uint64_t>(in), std::memory_order_relaxed);
  }
  void leave() noexcept { at_.store(0, std::memory_order_relaxed); }
  location at() const noexcept {
    const std::uint64_t at = at_.load(std::memory_order_relaxed);
    return {static_cast<verb>(at & 0xff), static_cast<std::size_t>(at >> 8)};
  }

 private:
  std::atomic<std::uint64_t> at_{0};  // one word, so that a reader never sees the verb of one component with another
};

}  // namespace lastcall::inline v0
