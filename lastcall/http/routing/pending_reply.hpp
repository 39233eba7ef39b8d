// What a responder holds: the place in a session where one answer is still missing. Sessions implement it; it does no
// I/O.
#pragma once

#include <atomic>
#include <cstdint>

#include "lastcall/core/namespace.hpp"

namespace lastcall::inline v0::http {
class response;
}

namespace lastcall::inline v0::http::detail {

/// Counted by reference, so that it may outlive its session. Begins with one reference, the creator's.
/// Exactly one of `reply` and `unanswered` is called, once.   Threads: every member from any.
class pending_reply {
 public:
  pending_reply() = default;
  pending_reply(const pending_reply&) = delete;
  pending_reply& operator=(const pending_reply&) = delete;

  virtual void reply(response&& r) noexcept = 0;
  /// The responder was destroyed without an answer: the session sends a 500 and logs it.
  virtual void unanswered() noexcept = 0;
  /// The client went away, or the session was cut: nobody will read an answer.
  virtual bool gone() const noexcept = 0;

  void acquire() noexcept { references_.fetch_add(1, std::memory_order_relaxed); }
  /// Release pairs with acquire in the last one: what others did with the object happens before it goes.
  void release() noexcept {
    if (references_.fetch_sub(1, std::memory_order_acq_rel) == 1) delete this;
  }

 protected:
  virtual ~pending_reply() = default;
  /// Of the caller, who may therefore use the object again. Acquire: as in `release`.
  bool sole_reference() const noexcept { return has_references(1); }
  bool has_references(std::uint32_t count) const noexcept {
    return references_.load(std::memory_order_acquire) == count;
  }

 private:
  std::atomic<std::uint32_t> references_{1};
};

}  // namespace lastcall::inline v0::http::detail
