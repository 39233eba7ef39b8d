// The door of something that drains: open, it counts who goes in; closed, it lets nobody in and tells when the last is
// out. Not a lock: those inside run at the same time.
#pragma once

#include <cstddef>
#include <optional>
#include <utility>

#include "lastcall/core/function.hpp"
#include "lastcall/core/namespace.hpp"

namespace lastcall::inline v0 {

namespace detail {
class gate_state;
}

/// The right to be inside, for as long as it lives. May outlive its gate.
/// Threads: like any object; may be given up on another thread than it was taken on.
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

/// Counts those inside and closes once. Entering and leaving is one atomic operation on one word, without a lock.
/// Tickets share the state, so the gate may go before they do; what was passed to `close` is then still called.
/// Threads: every member from any, but destruction comes after all other calls.
class gate {
 public:
  gate();
  ~gate();
  gate(const gate&) = delete;
  gate& operator=(const gate&) = delete;

  /// Empty once closed.
  std::optional<ticket> enter() noexcept;
  /// Lets nobody in from now on. Calls `drained` once when the last ticket is gone: at once and on this thread if there
  /// is none, otherwise on the thread that gives it up. It must not throw. The first call counts; what later ones bring
  /// is dropped uncalled.
  void close(function<void()> drained) noexcept;

  bool closed() const noexcept;
  /// A moment's count.
  std::size_t inside() const noexcept;

 private:
  detail::gate_state* state_;
};

}  // namespace lastcall::inline v0
