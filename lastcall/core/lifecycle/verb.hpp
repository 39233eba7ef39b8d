// The verbs of a component, and which of them a thread is in at this moment. A report that names a hang reads it.
#pragma once

#include <atomic>
#include <cstddef>
#include <string_view>

#include "lastcall/core/clock.hpp"

namespace lastcall::inline v0 {

enum class verb : unsigned char { none, start, announce, drain, force, stop, account, destroy, in_progress };

std::string_view to_text(verb v) noexcept;

/// The verb that a thread is in.
struct verb_place {
  verb in = verb::none;
  time_point since{};
  int thread = 0;  ///< as the kernel numbers it (gettid)
};

/// The verb that is under way in a component. One verb at a time is written.   Threads: one writes, any reads.
class verb_position {
 public:
  void enter(verb in, time_point now) noexcept;
  void leave() noexcept { in_.store(verb::none, std::memory_order_release); }
  /// At a change of verb, `since` and `thread` may belong to the verb before or after `in`.
  verb_place at() const noexcept;
  /// When the latest verb began, whether it has returned or not.
  time_point since() const noexcept { return since_.load(std::memory_order_relaxed); }

 private:
  std::atomic<verb> in_{verb::none};  // written last, with release; pairs with the acquire in at()
  std::atomic<time_point> since_{};
  std::atomic<int> thread_{0};
};

}  // namespace lastcall::inline v0
