// What all streams that last have in common: how they end, and their handlers, which are a coroutine or a function that
// blocks a thread. ws::handler, sse::handler and net::session_handler say what their streams are.
#pragma once

#include <type_traits>
#include <utility>

#include "lastcall/core/function.hpp"
#include "lastcall/net/meant_as.hpp"
#include "lastcall/net/on_pool.hpp"
#include "lastcall/net/task.hpp"

namespace lastcall::inline v0::net {

namespace detail {
/// It takes a T by value, and gives an R. Called by several threads.
template <class F, class R, class T, class... Before>
concept converses = std::is_invocable_r_v<R, const F&, Before..., T> && takes_by_value<const F, T, Before...>;

}  // namespace detail

/// Why a stream has nothing more.
enum class stream_end : unsigned char {
  none,       ///< it has not ended
  remote,     ///< the remote's orderly end
  draining,   ///< the server drains, and all that has come was read
  too_long,   ///< the buffer is full without a delimiter
  too_slow,   ///< the remote read too slowly for its group
  timed_out,  ///< the remote's time after the goodbye is over
  gone,       ///< the connection has ended: by a reset, a timeout, or force
};

/// `task<>(Stream)`, or net::blocking(f) with `void(Stream)`; each also with `First...` before. It takes the
/// stream by value: a stream is a handle, which the handler owns. Called by several threads at once, so a mutable
/// lambda is not accepted.
template <class Stream, class... First> class stream_handler {
  template <class F, class R> static constexpr bool takes_first = detail::converses<F, R, Stream, First...>;
  template <class F, class R> static constexpr bool converses = takes_first<F, R> || detail::converses<F, R, Stream>;
  template <class F>
  static constexpr bool takes_reference =
      detail::takes_by_reference<const F, Stream> || detail::takes_by_reference<const F, Stream, First...>;

  template <class F> static constexpr bool is_meant = detail::meant_as<F, stream_handler> && !converses<F, task<>>;

 public:
  stream_handler() = default;
  template <class F>
    requires converses<F, task<>>
  stream_handler(F f)  // NOLINT: implicit
      : wants_first_(takes_first<F, task<>>) {
    if (!detail::is_null(f))
      awaiting_ = [f = std::move(f)](First... first, Stream&& s) { return invoke<task<>>(f, first..., std::move(s)); };
  }
  template <class F>
    requires converses<F, void>
  stream_handler(on_pool<F> f)  // NOLINT: implicit
      : wants_first_(takes_first<F, void>) {
    if (!detail::is_null(f))
      blocking_ = [f = std::move(f.call)](First... first, Stream&& s) { invoke<void>(f, first..., std::move(s)); };
  }
  // Deleted rather than absent, so that the compiler shows these lines.
  template <class F>
    requires(is_meant<F> && takes_reference<F>)
  stream_handler(F) = delete;  // take the stream by value: it is a handle, and the handler owns it
  template <class F>
    requires(!converses<F, void> && takes_reference<F>)
  stream_handler(on_pool<F>) = delete;  // take the stream by value: it is a handle, and the handler owns it
  template <class F>
    requires(is_meant<F> && !takes_reference<F>)
  stream_handler(F) = delete;  // it has none of the forms above: is it mutable, no coroutine, or takes no Stream?

  explicit operator bool() const noexcept { return awaiting_ || blocking_; }
  /// Made by `blocking`.
  bool blocks() const noexcept { return static_cast<bool>(blocking_); }
  /// Takes what is before the stream.
  bool wants_first() const noexcept { return wants_first_; }
  task<> run(First... first, Stream s) const { return awaiting_(first..., std::move(s)); }
  void run_blocking(First... first, Stream s) const { blocking_(first..., std::move(s)); }

 private:
  template <class R, class F> static decltype(auto) invoke(const F& f, First... first, Stream&& s) {
    if constexpr (takes_first<F, R>) {
      return f(first..., std::move(s));
    } else {
      return f(std::move(s));
    }
  }

  function<task<>(First..., Stream&&)> awaiting_;
  function<void(First..., Stream&&)> blocking_;
  bool wants_first_ = false;
};

}  // namespace lastcall::inline v0::net
