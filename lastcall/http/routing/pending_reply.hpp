// What a responder holds: the place in a connection where one answer is missing. Connections implement it; it does no
// I/O.
#pragma once

#include <atomic>
#include <cstdint>

#include "lastcall/core/namespace.hpp"

namespace lastcall::inline v0::http {
class response;
}

namespace lastcall::inline v0::http::detail {

/// Counted by reference, so that it may outlive its connection. It begins with one reference, which the creator owns.
/// Exactly one of `reply` and `unanswered` is called, once.   Threads: every member from any.
class pending_reply {
 public:
  pending_reply() = default;
  pending_reply& operator=(pending_reply&&) = delete;

  virtual void reply(response&& r) noexcept = 0;
  /// The responder was destroyed without an answer: the session sends a 500 and logs it.
  virtual void unanswered() noexcept = 0;
  /// The client has gone, or the connection was cut: an answer would be dropped.
  virtual bool gone() const noexcept = 0;

  void acquire() noexcept { references_.fetch_add(1, std::memory_order_relaxed); }
  /// Release pairs with the acquire of the last call: what other threads did happens before the object is deleted.
  void release() noexcept {
    if (references_.fetch_sub(1, std::memory_order_acq_rel) == 1) delete this;
  }

 protected:
  virtual ~pending_reply() = default;
  /// With one reference the caller has the only one, and may use the object again. Acquire: as in `release`.
  bool has_references(std::uint32_t count) const noexcept {
    return references_.load(std::memory_order_acquire) == count;
  }

 private:
  std::atomic<std::uint32_t> references_{1};
};

}  // namespace lastcall::inline v0::http::detail
