// What the thread that drives the lifecycle is doing right now, for the watchdog, which reads it from another thread.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>

#include "lastcall/core/lifecycle/verb.hpp"

namespace lastcall::inline v0 {

/// What the driving thread is doing in a component, or what it knows to hang.   Threads: any; one writes.
class driver_position {
 public:
  struct place {
    verb in = verb::none;
    std::size_t component = 0;
  };

  void enter(verb in, std::size_t component) noexcept {
    at_.store(static_cast<std::uint64_t>(component) << 8 | static_cast<std::uint64_t>(in), std::memory_order_relaxed);
  }
  void leave() noexcept { at_.store(0, std::memory_order_relaxed); }
  place at() const noexcept {
    const std::uint64_t at = at_.load(std::memory_order_relaxed);
    return {static_cast<verb>(at & 0xff), static_cast<std::size_t>(at >> 8)};
  }

 private:
  std::atomic<std::uint64_t> at_{0};  // one word, so that verb and component belong together
};

}  // namespace lastcall::inline v0
