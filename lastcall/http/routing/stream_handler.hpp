// The handler of a stream that lasts: a coroutine, or a function that blocks a thread. sse::handler and ws::handler are
// such handlers, and say what their streams are.
#pragma once

#include <type_traits>
#include <utility>

#include "lastcall/core/function.hpp"
#include "lastcall/http/message/request.hpp"
#include "lastcall/http/routing/meant_as.hpp"
#include "lastcall/net/on_pool.hpp"
#include "lastcall/net/task.hpp"

namespace lastcall::inline v0::http::detail {

/// `Stream` is the type of the parameter. A handler is `task<>(Stream)`, or net::blocking(f) with `void(Stream)`; each
/// also with a `const request&` before. Called by several threads at once, so a mutable lambda is not accepted.
template <class Stream> class stream_handler {
  template <class F, class R>
  static constexpr bool takes_request = std::is_invocable_r_v<R, const F&, const request&, Stream>;
  template <class F, class R>
  static constexpr bool converses = std::is_invocable_r_v<R, const F&, Stream> || takes_request<F, R>;

 public:
  template <class F>
    requires converses<F, task<>>
  stream_handler(F f)  // NOLINT: implicit
      : wants_request_(takes_request<F, task<>>) {
    if (!is_null(f)) awaiting_ = [f = std::move(f)](const request& r, Stream&& s) { return invoke<task<>>(f, r, s); };
  }
  template <class F>
    requires converses<F, void>
  stream_handler(net::on_pool<F> f)  // NOLINT: implicit
      : wants_request_(takes_request<F, void>) {
    if (!is_null(f)) blocking_ = [f = std::move(f.call)](const request& r, Stream&& s) { invoke<void>(f, r, s); };
  }
  /// Deleted rather than absent, so that the compiler shows this line.
  template <class F>
    requires(meant_as<F, stream_handler> && !converses<F, task<>>)
  stream_handler(F) = delete;  // it has none of the forms above: is it mutable, no coroutine, or takes no Stream?

  explicit operator bool() const noexcept { return awaiting_ || blocking_; }
  bool blocks() const noexcept { return static_cast<bool>(blocking_); }
  bool wants_request() const noexcept { return wants_request_; }
  task<> run(const request& r, Stream&& s) const { return awaiting_(r, static_cast<Stream&&>(s)); }
  void run_blocking(const request& r, Stream&& s) const { blocking_(r, static_cast<Stream&&>(s)); }

 private:
  template <class R, class F>
  static decltype(auto) invoke(const F& f, const request& r, std::remove_reference_t<Stream>& s) {
    if constexpr (takes_request<F, R>) {
      return f(r, static_cast<Stream&&>(s));
    } else {
      return f(static_cast<Stream&&>(s));
    }
  }

  function<task<>(const request&, Stream&&)> awaiting_;
  function<void(const request&, Stream&&)> blocking_;
  bool wants_request_ = false;
};

}  // namespace lastcall::inline v0::http::detail
