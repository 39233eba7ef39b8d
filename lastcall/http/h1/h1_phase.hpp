// Where an HTTP/1.1 connection stands in its conversation: one request at a time, and what may come next. Pure: told
// what happened, it says what follows. Knows no bytes and no socket.
#pragma once

#include "lastcall/core/namespace.hpp"

namespace lastcall::inline v0::http::detail {

/// idle, head, body, handler, sending, and back to idle, or to closing after the last response. body and sending are
/// left out where nothing is collected or follows. A response may be made in each state but idle and closing: a refusal
/// in head and body, an answer in handler.
class h1_phase {
 public:
  enum class at : unsigned char {
    idle,     ///< no byte of a request is here
    head,     ///< a request has begun
    body,     ///< its body is collected
    handler,  ///< it is complete, or its handler takes the body itself
    sending,  ///< the head of its response is made, and the body follows
    closing,  ///< the last response is made: nothing more is read, and the farewell comes once all is sent
  };

  at now() const noexcept { return now_; }
  /// The request counts as begun, and has no response yet.
  bool open() const noexcept { return now_ != at::idle && now_ != at::closing; }
  /// A further byte of the client may be read as HTTP.
  bool may_read() const noexcept { return now_ < at::handler; }
  bool closing() const noexcept { return now_ == at::closing; }
  /// The response that is made now is the last one.
  bool last() const noexcept { return last_; }

  /// False: it had begun before.
  bool first_byte() noexcept {
    if (now_ != at::idle) return false;
    now_ = at::head;
    return true;
  }
  void head_read(bool collects_body) noexcept { now_ = collects_body ? at::body : at::handler; }
  void body_read() noexcept { now_ = at::handler; }
  /// A head is made. `last`: it says that the connection closes.
  void responds(bool last) noexcept { last_ = last; }
  void body_follows() noexcept { now_ = at::sending; }
  /// The response is made.
  void responded() noexcept { now_ = last_ ? at::closing : at::idle; }
  /// The response on its way, or the one that is made already, becomes the last one after all.
  void ends_with_it() noexcept {
    last_ = true;
    if (now_ == at::idle) now_ = at::closing;
  }

 private:
  at now_ = at::idle;
  bool last_ = false;
};

}  // namespace lastcall::inline v0::http::detail
