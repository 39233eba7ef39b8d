// The right to answer one request later. Not a stream: it takes one complete response.
#pragma once

#include <utility>

#include "lastcall/core/namespace.hpp"

namespace lastcall::inline v0::http {

class response;

class responder;

namespace detail {
class pending_reply;
/// Takes over the caller's reference.
responder answers_through(pending_reply* p) noexcept;
}  // namespace detail

/// Move-only. The request stays valid until the answer is sent. If it is destroyed without an answer, the client gets
/// 500 and the log a line: so a lost responder never leaves a client waiting. It may outlive the server; then nothing
/// is sent. Threads: one at a time, any.
class responder {
 public:
  responder() = default;
  responder(responder&& other) noexcept : pending_(std::exchange(other.pending_, nullptr)) {}
  responder& operator=(responder&& other) noexcept;
  ~responder();

  /// Answers, and is empty from then on. Returns before anything is on the wire.
  /// Errors: std::logic_error when empty: a request is answered once.
  void send(response r);

  /// Whether an answer is still owed.
  explicit operator bool() const noexcept { return pending_ != nullptr; }
  /// Whether an answer would be dropped: the client has gone, the connection was cut, or the answer was sent.
  bool gone() const noexcept;

 private:
  friend responder detail::answers_through(detail::pending_reply*) noexcept;
  explicit responder(detail::pending_reply* p) noexcept : pending_(p) {}

  detail::pending_reply* pending_ = nullptr;
};

}  // namespace lastcall::inline v0::http
