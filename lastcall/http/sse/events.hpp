// Server-sent events: a route whose response is a stream of events, for as long as the client likes. When the stream is
// told of a drain it ends by itself: a handler needs no shutdown code.
#pragma once

#include <chrono>
#include <string_view>

#include "lastcall/core/context.hpp"
#include "lastcall/http/routing/handler.hpp"
#include "lastcall/http/routing/router.hpp"
#include "lastcall/http/routing/stream_handler.hpp"
#include "lastcall/http/sse/event_text.hpp"
#include "lastcall/net/task.hpp"

namespace lastcall::inline v0::http::detail {
class call;
}

namespace lastcall::inline v0::sse {

struct options {
  /// After this time without an event a comment is sent, so that a client that has vanished is noticed. 0: never.
  duration heartbeat = std::chrono::seconds(15);
  /// How long a client waits before it comes back: this time, and a random part of `retry_spread`, different for each
  /// client, so that they do not all come back at once. 0: the client decides.
  duration retry = std::chrono::seconds(2);
  duration retry_spread = std::chrono::seconds(1);
};

/// The stream that a handler sends events to.
/// Threads: one at a time; coroutines on their loop's thread, `_blocking` on any other. If two coroutines send, or
/// wait, at the same time, the second gets std::logic_error.
///
/// The functions that send return whether to continue. False: the server drains (the event was sent), or the client has
/// gone. They wait while more than 64 KiB wait for the client. A client that takes no byte for limits.write_time is
/// cut.
class stream {
 public:
  stream(http::detail::call& c, const http::request& r) noexcept : call_(c), request_(r) {}
  stream& operator=(stream&&) = delete;

  /// Errors: std::invalid_argument, as sse::append.
  task<bool> send(const event& e);
  task<bool> comment(std::string_view text);
  /// True: the time passed. False: the server drains, or the client has gone. The handler should then return.
  task<bool> wait_for(duration time);

  bool send_blocking(const event& e);
  bool comment_blocking(std::string_view text);
  bool wait_for_blocking(duration time) const;

  /// The id of the last event that this client received; empty if it was not connected before.
  std::string_view last_event_id() const noexcept { return request_.header("Last-Event-ID"); }
  const http::request& request() const noexcept { return request_; }
  /// For the library's own functions on streams.
  http::detail::call& call() const noexcept { return call_; }
  /// Drains at this stream's own moment in the jitter window. Forced with the server, or when the client has gone.
  const context& life() const noexcept;

 private:
  task<bool> write(std::string bytes);
  bool write_blocking(const std::string& bytes);

  http::detail::call& call_;
  const http::request& request_;
};

using net::blocking;

/// A stream's handler: `task<>(stream&)`, a coroutine on the loop's thread, or `sse::blocking(f)` with `void(stream&)`;
/// each also with the `const http::request&` before. When it returns, the stream ends cleanly, and clients come back.
/// Called by several threads at once, so a mutable lambda is not accepted.   Errors: what it throws is a line of the
/// log, and the response is cut.
class handler : public http::detail::stream_handler<stream&> {
 public:
  using stream_handler::stream_handler;
};

/// For router::events. Answers 200 with `text/event-stream`, not to be
/// stored or buffered on its way.   Errors: std::invalid_argument for options that are negative or beyond a day.
http::handler handler_for(std::string_view pattern, handler h, const options& o);

}  // namespace lastcall::inline v0::sse
