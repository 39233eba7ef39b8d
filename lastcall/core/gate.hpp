// Counts the work in progress of something that drains. Open, it admits work; closed, it admits none and calls back
// when the last work has ended. Not a lock: admitted work runs at the same time.
#pragma once

#include <cstddef>
#include <optional>
#include <utility>

#include "lastcall/core/function.hpp"

namespace lastcall::inline v0 {

namespace detail {
class gate_state;
}

/// One admitted piece of work, for as long as the ticket lives. May outlive its gate.
/// Threads: as any object; may be destroyed on another thread than it was made on.
class ticket {
 public:
  ticket(ticket&& other) noexcept : state_(std::exchange(other.state_, nullptr)) {}
  ticket& operator=(ticket&& other) noexcept {
    ticket taken(std::move(other));
    std::swap(state_, taken.state_);
    return *this;
  }
  ~ticket();

 private:
  friend class gate;
  explicit ticket(detail::gate_state* state) noexcept : state_(state) {}

  detail::gate_state* state_;  // null: moved from
};

/// Closes once. Entering and leaving is one atomic operation on one word, without a lock. Tickets share the state, so
/// the gate may be destroyed before them; the function passed to `close` is then still called. Threads: any; destroy it
/// after all other calls have returned.
class gate {
 public:
  gate();
  ~gate();
  gate& operator=(gate&&) = delete;

  /// Empty once closed.
  std::optional<ticket> enter() noexcept;
  /// Admits no more work. Calls `drained` once when the last ticket is gone: at once if there is none, otherwise on the
  /// thread that destroys the last one. `drained` must not throw. Only the first call counts; the functions of later
  /// calls are never called.
  void close(function<void()> drained) noexcept;

  bool closed() const noexcept;
  /// How many tickets there are at this moment.
  std::size_t inside() const noexcept;

 private:
  detail::gate_state* state_;
};

}  // namespace lastcall::inline v0
