// What a route calls: a callable in one of the forms below. Its type says which form it has. It may be move-only.
#pragma once

#include <concepts>
#include <cstdint>
#include <memory>
#include <optional>
#include <type_traits>
#include <utility>

#include "lastcall/core/clock.hpp"
#include "lastcall/core/context/context.hpp"
#include "lastcall/http/message/request.hpp"
#include "lastcall/http/message/response.hpp"
#include "lastcall/http/routing/erased_handler.hpp"
#include "lastcall/http/routing/responder.hpp"
#include "lastcall/net/meant_as.hpp"
#include "lastcall/net/on_pool.hpp"

namespace lastcall::inline v0::http {

class body_stream;
class handler;

namespace detail {

template <class R, class F, class... A>
concept gives = requires(const F& f, A... a) {
  { f(static_cast<A&&>(a)...) } -> std::same_as<R>;
};
template <class F, class... A> inline constexpr bool answers = std::is_invocable_r_v<response, const F&, A...>;

/// Which arguments a handler takes besides the request.
struct arguments {
  bool context = false;
  bool body = false;
};

template <class F, class... Before>
concept takes_body = net::detail::takes_by_value<const F, body_stream, Before...>;
template <class F>
concept takes_body_by_reference = net::detail::takes_by_reference<const F, body_stream, const request&> ||
                                  net::detail::takes_by_reference<const F, body_stream, const request&, context>;

/// The first that fits of (request), (request, context), (request, body_stream) and all three.
template <class F, template <class...> class Fits> constexpr std::optional<arguments> fitting() {
  if (Fits<const request&>::value) return arguments{};
  if (Fits<const request&, context>::value) return arguments{.context = true};
  // As a reference, because the stream is incomplete in programs that take bodies as a whole.
  if constexpr (takes_body<F, const request&>)
    if (Fits<const request&, body_stream&&>::value) return arguments{.body = true};
  if constexpr (takes_body<F, const request&, context>)
    if (Fits<const request&, context, body_stream&&>::value) return arguments{.context = true, .body = true};
  return std::nullopt;
}
template <class F> struct form_of {
  using task = response_task;  // complete by the time that F is known to return one
  template <class... A> using is_plain = std::bool_constant<answers<F, A...>>;
  template <class... A> using is_responder = std::bool_constant<gives<void, F, A..., responder>>;
  template <class... A> using is_coroutine = std::bool_constant<gives<response_task, F, A...>>;

  static constexpr auto plain = fitting<F, is_plain>();
  static constexpr auto later = fitting<F, is_responder>();
  static constexpr auto coroutine = fitting<F, is_coroutine>();
};

template <class F>
concept plain_handler = form_of<F>::plain.has_value() && !form_of<F>::plain->body;
template <class F>
concept responder_handler = !plain_handler<F> && form_of<F>::later.has_value() && !form_of<F>::later->body;
template <class F>
concept coroutine_handler = !plain_handler<F> && !responder_handler<F> && form_of<F>::coroutine.has_value();
template <class F>
concept blocking_handler = form_of<F>::plain.has_value();

template <class F> struct callable;  // complete for all that have a form
template <class F>
concept has_form = requires { sizeof(callable<F>); };
template <class F>
concept formless = net::detail::meant_as<std::decay_t<F>, handler> && !has_form<std::decay_t<F>>;

template <class F> inline constexpr bool keeps_no_body = takes_body_by_reference<F>;
template <class F> inline constexpr bool keeps_no_body<net::on_pool<F>> = takes_body_by_reference<F>;

body_stream body_of(call&) noexcept;
struct handler_access;

}  // namespace detail

using net::blocking;

/// Options of one route, in place of the server's defaults.
struct route_options {
  std::optional<std::uint64_t> max_body = {};  ///< instead of limits.body_bytes
  bool gone_at_fin = false;
  /// The response goes on for as long as the client likes. Its context drains at its own moment of the jitter window,
  /// and not with the server.
  bool long_lived = false;
  std::optional<duration> timeout = {};  ///< of the answer; see handler::timeout
};

/// One of
///   response(const request&)              answers at once, on the loop's thread
///   task<response>(const request&)        a coroutine on the loop's thread; may be given a body_stream last
///   void(const request&, responder)       answers through the responder, at any time, from any thread
///   http::blocking(f)                     on a pool of threads: `response(const request&)`, which may be given a
///                                         body_stream last (to be read with read_blocking). When the pool is full the
///                                         client gets 503 with Retry-After
/// each also with a context after the request. The context says when the server drains, when it is forced, and (except
/// for the first form) when the client has gone.
/// Called by several threads at once, so only through a const reference: a mutable lambda is not accepted. Neither is
/// one of the first form with a body_stream, since reading would block the loop: make it a coroutine or `blocking`. The
/// stream is taken by value: it is a handle, which the handler owns.
/// Blocks: the loop and all its connections, except in `blocking`.   Errors: an exception becomes a 500 and a line of
/// the log.
class handler {
  template <class F> static constexpr bool has_form = detail::has_form<std::decay_t<F>>;
  template <class F> static constexpr bool is_formless = detail::formless<F>;
  template <class F> static constexpr bool keeps_no_body = detail::keeps_no_body<std::decay_t<F>>;

 public:
  handler() = default;

  template <class F>
    requires(!std::same_as<std::decay_t<F>, handler> && has_form<F>)
  handler(F&& f)  // NOLINT: implicit
      : call_(net::detail::is_null(static_cast<const std::decay_t<F>&>(f))
                  ? nullptr
                  : std::make_unique<const detail::callable<std::decay_t<F>>>(std::forward<F>(f))) {}
  /// Deleted rather than absent, so that the compiler shows this line.
  template <class F>
    requires(is_formless<F> && !keeps_no_body<F>)
  handler(F&&) = delete;  // it has none of the forms above: is it mutable, or plain, and takes a body_stream?
  template <class F>
    requires(is_formless<F> && keeps_no_body<F>)
  handler(F&&) = delete;  // take the body_stream by value: it is a handle, and the handler owns it

  /// Takes bodies of up to that many bytes, in place of the server's limit.
  handler&& max_body(std::uint64_t bytes) && {
    options_.max_body = bytes;
    return std::move(*this);
  }
  /// Treats a FIN of the client (half-close) as a departure, and forces the context. Without it the client is answered,
  /// since many clients wait for that.
  handler&& gone_at_fin() && {
    options_.gone_at_fin = true;
    return std::move(*this);
  }
  /// The client has its answer after that time, or is told 504; from the call of the handler on, and in place of a
  /// `timeout` around the route. Then the handler's context is forced with cause `deadline`, and what it answers is
  /// dropped. One that blocks goes on until it returns; a plain one can't be interrupted, so its client gets the 504
  /// when it returns. A body that is made behind its head has the same end: it is cut, and its client sees that. A file
  /// has none once its head is made, and neither have `events` and `websocket` routes.
  /// Errors: std::invalid_argument when it is not positive, or more than 24 h.
  handler&& timeout(duration time) &&;

  explicit operator bool() const noexcept { return call_ != nullptr; }
  http::form form() const noexcept { return call_->form; }
  /// Whether it takes a context.
  bool wants_context() const noexcept { return call_->wants_context; }
  bool streams_body() const noexcept { return call_->streams_body; }
  const route_options& options() const noexcept { return options_; }

 private:
  friend detail::handler_access;

  std::unique_ptr<const detail::erased_handler> call_;
  route_options options_;
};

namespace detail {

/// `Call` is call. A template, because body_stream may be incomplete here.
template <arguments A, class F, class Call>
decltype(auto) invoke(const F& f, const request& r, const context& c, Call* streams) {
  if constexpr (A.context && A.body) {
    return f(r, c, body_of(*streams));
  } else if constexpr (A.body) {
    return f(r, body_of(*streams));
  } else if constexpr (A.context) {
    return f(r, c);
  } else {
    return f(r);
  }
}

/// What the callables of all forms have in common.
template <class F, form Form, arguments Takes> struct callable_as : erased_handler {
  template <class G>
  explicit callable_as(G&& g) : erased_handler(Form, Takes.context, Takes.body), f(std::forward<G>(g)) {}

  F f;
};

template <plain_handler F> struct callable<F> final : callable_as<F, form::plain, *form_of<F>::plain> {
  using callable::callable_as::callable_as;
  response answer(const request& r, const context& c, call* body) const override {
    return invoke<*form_of<F>::plain>(this->f, r, c, body);
  }
};

template <responder_handler F> struct callable<F> final : callable_as<F, form::responder, *form_of<F>::later> {
  using callable::callable_as::callable_as;
  void answer_later(const request& r, const context& c, responder reply) const override {
    if constexpr (form_of<F>::later->context) {
      this->f(r, c, std::move(reply));
    } else {
      this->f(r, std::move(reply));
    }
  }
};

template <coroutine_handler F> struct callable<F> final : callable_as<F, form::coroutine, *form_of<F>::coroutine> {
  using callable::callable_as::callable_as;
  typename form_of<F>::task run(const request& r, const context& c, call& body) const override {
    return invoke<*form_of<F>::coroutine>(this->f, r, c, &body);
  }
};

template <blocking_handler F>
struct callable<net::on_pool<F>> final : callable_as<F, form::blocking, *form_of<F>::plain> {
  explicit callable(net::on_pool<F> g) : callable::callable_as(std::move(g.call)) {}
  response answer(const request& r, const context& c, call* body) const override {
    return invoke<*form_of<F>::plain>(this->f, r, c, body);
  }
};

}  // namespace detail
}  // namespace lastcall::inline v0::http
