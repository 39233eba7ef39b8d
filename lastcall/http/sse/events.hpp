// Server-sent events: a route whose response is a stream of events, for as long as the client likes. Told of a drain,
// the stream ends by itself: no handler needs shutdown code.
#pragma once

#include <chrono>
#include <memory>
#include <string_view>
#include <type_traits>
#include <utility>

#include "lastcall/core/context.hpp"
#include "lastcall/core/function.hpp"
#include "lastcall/http/routing/handler.hpp"
#include "lastcall/http/routing/meant_as.hpp"
#include "lastcall/http/routing/router.hpp"
#include "lastcall/http/sse/event_text.hpp"
#include "lastcall/net/task.hpp"

namespace lastcall::inline v0::http::detail {
class call;
}

namespace lastcall::inline v0::sse {

struct options {
  /// A comment is sent when nothing was for so long, so that a client that has vanished is noticed. 0: never.
  duration heartbeat = std::chrono::seconds(15);
  /// How long a client is asked to wait before it comes back: at least so long, and a random part of `retry_spread`
  /// more, another for each, so that those of one server do not all come back at once. 0: it is not asked.
  duration retry = std::chrono::seconds(2);
  duration retry_spread = std::chrono::seconds(1);
};

/// The stream, as its handler has it.
/// Threads: one at a time; coroutines on their loop's, `_blocking` on any other. Two coroutines that both send, or both
/// wait, at the same time: the second gets std::logic_error.
///
/// What is sent returns true as long as there is a point in going on: false when the server drains (it was sent all
/// the same) or the client has gone. It waits while more than 64 KiB wait for the client, and who takes no byte for
/// limits.write_time is cut.
class stream {
 public:
  stream(http::detail::call& c, const http::request& r) noexcept : call_(c), request_(r) {}
  stream(const stream&) = delete;
  stream& operator=(const stream&) = delete;

  /// Errors: std::invalid_argument, as sse::append.
  task<bool> send(const event& e);
  task<bool> comment(std::string_view text);
  /// True: the time passed. False: the handler is to return: the server drains, or the client has gone.
  task<bool> wait_for(duration time);

  bool send_blocking(const event& e);
  bool comment_blocking(std::string_view text);
  bool wait_for_blocking(duration time) const;

  /// Of the last event that this client has had, if it has been here before; empty otherwise.
  std::string_view last_event_id() const noexcept { return request_.header("Last-Event-ID"); }
  const http::request& request() const noexcept { return request_; }
  /// For the library's own functions on streams.
  http::detail::call& call() const noexcept { return call_; }
  /// Draining from this stream's own moment in the jitter window on; forced when the server is, or the client has gone.
  const context& life() const noexcept;

 private:
  task<bool> write(std::string bytes);
  bool write_blocking(const std::string& bytes);

  http::detail::call& call_;
  const http::request& request_;
};

template <class F> struct on_pool {
  F call;
};
class handler;

namespace detail {
template <class F, class R>
concept streams =
    std::is_invocable_r_v<R, const F&, stream&> || std::is_invocable_r_v<R, const F&, const http::request&, stream&>;
template <class F> inline constexpr bool has_form = streams<F, task<>>;
template <class F> inline constexpr bool has_form<on_pool<F>> = streams<F, void>;
template <class F>
concept formless = http::detail::meant_as<F, handler> && !has_form<F>;
}  // namespace detail

/// Runs a stream's handler on a thread of the server's blocking pool, which it holds for as long as the stream lasts.
template <class F> auto blocking(F&& f) { return on_pool<std::decay_t<F>>{std::forward<F>(f)}; }

/// What a stream does: `task<>(stream&)`, a coroutine on the loop's thread, or `sse::blocking(f)` with `void(stream&)`;
/// each also with the `const http::request&` before. When it returns, the stream ends cleanly, and clients come back.
/// Called by several threads at once, so a mutable lambda is not accepted.   Errors: what it throws is a line of the
/// log, and the response is cut.
class handler {
 public:
  template <detail::streams<task<>> F>
  handler(F f)  // NOLINT: implicit
      : awaiting_([f = std::move(f)](const http::request& r, stream& s) { return invoke(std::as_const(f), r, s); }) {}
  template <detail::streams<void> F>
  handler(on_pool<F> f)  // NOLINT: implicit
      : blocking_([f = std::move(f.call)](const http::request& r, stream& s) { invoke(std::as_const(f), r, s); }) {}
  /// Deleted rather than absent, so that the compiler shows this line.
  template <detail::formless F>
  handler(F) = delete;  // it has none of the forms above: is it mutable, no coroutine, or takes no sse::stream&?

 private:
  friend http::handler route(handler, const options&);

  template <class F> static decltype(auto) invoke(const F& f, const http::request& r, stream& s) {
    if constexpr (std::is_invocable_v<const F&, stream&>) {
      return f(s);
    } else {
      return f(r, s);
    }
  }

  function<task<>(const http::request&, stream&)> awaiting_;
  function<void(const http::request&, stream&)> blocking_;
};

/// The handler of a route, for router::get. Answers 200 with `text/event-stream`, not to be
/// stored or buffered on its way.   Errors: std::invalid_argument for options that are negative or beyond a day.
http::handler route(handler h, const options& o = {});
/// For router::events.
inline http::handler handler_for(std::string_view, handler h, const options& o) { return route(std::move(h), o); }

}  // namespace lastcall::inline v0::sse
