// What a route calls: any callable that answers a request at once or through a responder. Move-only callables are
// welcome.
#pragma once

#include <concepts>
#include <memory>
#include <type_traits>
#include <utility>

#include "lastcall/core/context.hpp"
#include "lastcall/http/request.hpp"
#include "lastcall/http/responder.hpp"
#include "lastcall/http/response.hpp"

namespace lastcall::inline v0::http {

namespace detail {

template <class F, class... A>
concept returns_nothing = requires(F f, A... a) {
  { f(static_cast<A&&>(a)...) } -> std::same_as<void>;
};
template <class F> inline constexpr bool answers = std::is_invocable_r_v<response, const F&, const request&>;
template <class F>
inline constexpr bool answers_in_context = std::is_invocable_r_v<response, const F&, const request&, context>;
template <class F> inline constexpr bool answers_later = returns_nothing<const F&, const request&, responder>;
template <class F>
inline constexpr bool answers_later_in_context = returns_nothing<const F&, const request&, context, responder>;
template <class F>
inline constexpr bool handles = answers<F> || answers_in_context<F> || answers_later<F> || answers_later_in_context<F>;

}  // namespace detail

/// One of `response(const request&)`, `response(const request&, context)`, `void(const request&, responder)` and
/// `void(const request&, context, responder)`; of several that fit, the first.
/// Called by several threads at once, so only through a const reference: a mutable lambda is not accepted.
/// Blocks: its loop, so a handler that takes time answers later. Errors: what it throws becomes a 500 and a line of the
/// log.
class handler {
 public:
  handler() = default;

  template <class F>
  requires(!std::same_as<std::decay_t<F>, handler> && detail::handles<std::decay_t<F>>) handler(F&& f)
      : call_(std::make_unique<const callable<std::decay_t<F>>>(std::forward<F>(f))) {}  // NOLINT: implicit

  explicit operator bool() const noexcept { return call_ != nullptr; }
  /// Which of the two calls below it takes.
  bool answers_later() const noexcept { return call_->later; }
  /// Whether it looks at the context; if not, any will do.
  bool wants_context() const noexcept { return call_->with_context; }

  response operator()(const request& r, const context& c) const { return call_->answer(r, c); }
  /// The responder is taken even when the handler throws.
  void operator()(const request& r, const context& c, responder reply) const {
    call_->answer_later(r, c, std::move(reply));
  }

 private:
  struct erased {
    erased(bool l, bool c) noexcept : later(l), with_context(c) {}
    virtual ~erased() = default;
    virtual response answer(const request&, const context&) const { return status_only(500); }
    virtual void answer_later(const request&, const context&, responder) const {}
    const bool later, with_context;
  };

  template <class F> struct callable;

  std::unique_ptr<const erased> call_;
};

template <class F> struct handler::callable final : handler::erased {
  static constexpr bool at_once = detail::answers<F> || detail::answers_in_context<F>;

  explicit callable(F&& f)
      : erased(!at_once, !detail::answers<F> && (detail::answers_in_context<F> || !detail::answers_later<F>)),
        f_(std::move(f)) {}
  explicit callable(const F& f) requires std::copy_constructible<F> : callable(F(f)) {}

  response answer(const request& r, const context& c) const override {
    if constexpr (detail::answers<F>) {
      return f_(r);
    } else if constexpr (detail::answers_in_context<F>) {
      return f_(r, c);
    } else {
      return erased::answer(r, c);
    }
  }
  void answer_later(const request& r, const context& c, responder reply) const override {
    if constexpr (at_once) {
      reply.send(answer(r, c));
    } else if constexpr (detail::answers_later<F>) {
      f_(r, std::move(reply));
    } else {
      f_(r, c, std::move(reply));
    }
  }

  F f_;
};

}  // namespace lastcall::inline v0::http
