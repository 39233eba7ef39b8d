// Server-sent events: a route whose response is a stream of events, for as long as the client likes. When the stream is
// told of a drain it ends by itself: a handler needs no shutdown code.
#pragma once

#include <chrono>
#include <string>
#include <string_view>

#include "lastcall/core/context/context.hpp"
#include "lastcall/http/requests/streaming.hpp"
#include "lastcall/http/routing/handler.hpp"
#include "lastcall/http/routing/router.hpp"
#include "lastcall/http/sse/event_text.hpp"
#include "lastcall/net/stream_handler.hpp"
#include "lastcall/net/task.hpp"

namespace lastcall::inline v0::sse {

/// Why `wait_for` gave false: the server drains, the client reads too slowly for its group, or it has gone.
using net::stream_end;

struct stream_options {
  /// A client to which nothing was sent for this time gets a comment, so that one that has vanished is noticed. 0:
  /// never.
  duration idle_ping_after = std::chrono::seconds(15);
  /// How long a client waits before it comes back: this time, and a random part of `retry_spread`, different for each
  /// client, so that they do not all come back at once. 0: the client decides.
  duration retry = std::chrono::seconds(2);
  duration retry_spread = std::chrono::seconds(1);
};

/// The stream that a handler sends events to: a handle.
/// Threads: one at a time; coroutines on their loop's thread, `_blocking` on any other. If two coroutines send, or
/// wait, at the same time, the second gets std::logic_error.
///
/// The functions that send return true if the event was taken, also while the server drains. False: not sent, because
/// nothing more can be sent: the client has gone, or the connection was cut. They wait while more than 64 KiB wait for
/// the client. A client that takes no byte for limits.write_time is cut.
class stream {
 public:
  /// Errors: std::invalid_argument, as sse::append.
  task<bool> send(const event& e);
  task<bool> comment(std::string_view text);
  /// True: the time passed. False: there is no reason to go on, see `end`. The handler should then return; it may send
  /// last events. One that waits for other things asks `life().draining()`.
  task<bool> wait_for(duration time);

  bool send_blocking(const event& e);
  bool comment_blocking(std::string_view text);
  bool wait_for_blocking(duration time) const;

  /// The id of the last event that this client received; empty if it was not connected before.
  std::string_view last_event_id() const noexcept { return request().header("Last-Event-ID"); }
  /// An empty one once the handler has returned.
  const http::request& request() const noexcept;
  /// Why the stream ends; `none` while it may go on.
  stream_end end() const noexcept;
  /// Drains at this stream's own moment in the jitter window. Forced with the server, or when the client has gone.
  const context& life() const noexcept;

 private:
  friend http::detail::stream_access;
  explicit stream(http::detail::stream_call c) noexcept : call_(std::move(c)) {}

  http::detail::stream_call call_;
};

using net::blocking;

/// A stream's handler: `task<>(stream)`, a coroutine on the loop's thread, or `sse::blocking(f)` with `void(stream)`;
/// each also with the `const http::request&` before. When it returns, the stream ends cleanly, and clients come back.
/// Called by several threads at once, so a mutable lambda is not accepted.   Errors: what it throws is a line of the
/// log, and the response is cut.
class handler : public net::stream_handler<stream, const http::request&> {
 public:
  using stream_handler::stream_handler;
};

/// For router::events. Answers 200 with `text/event-stream`, not to be
/// stored or buffered on its way.   Errors: std::invalid_argument for options that are negative or beyond a day.
http::handler handler_for(std::string_view pattern, handler h, const stream_options& o);

}  // namespace lastcall::inline v0::sse
