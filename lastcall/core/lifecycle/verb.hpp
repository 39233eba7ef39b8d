// What can be asked of a component, and where it is inside at this moment. For whoever names what hangs.
#pragma once

#include <atomic>
#include <cstddef>
#include <string_view>

#include "lastcall/core/clock.hpp"

namespace lastcall::inline v0 {

enum class verb : unsigned char { none, start, announce, drain, force, stop, account, destroy, in_progress };

std::string_view to_text(verb v) noexcept;

/// What a thread is doing in a component.
struct place {
  verb in = verb::none;
  time_point since{};
  int thread = 0;  ///< as the kernel numbers it (gettid)
};

/// Where one thread at a time writes down what it does in a component.   Threads: one writes, any read.
class position {
 public:
  void enter(verb in, time_point now) noexcept;
  void leave() noexcept { in_.store(verb::none, std::memory_order_release); }
  /// What belongs to a verb that has just begun may come with one that has just ended.
  place at() const noexcept;
  /// When the latest verb began, be it over or not.
  time_point since() const noexcept { return since_.load(std::memory_order_relaxed); }

 private:
  std::atomic<verb> in_{verb::none};  // written last, with release: the rest is there once it is seen
  std::atomic<time_point> since_{};
  std::atomic<int> thread_{0};
};

}  // namespace lastcall::inline v0
