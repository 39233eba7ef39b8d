// Stop tokens of a context: a function runs when the drain begins, or when the work is forced. They are
// std::stop_token and std::stop_callback for contexts: libc++ 19 has those only as experimental.
#pragma once

#include <concepts>
#include <memory>
#include <type_traits>
#include <utility>
#include <version>

#ifdef __cpp_lib_jthread
#include <stop_token>
#endif

#include "lastcall/core/namespace.hpp"

namespace lastcall::inline v0 {

class context;

namespace detail {
class context_state;
class stop_link;
enum class stage : unsigned char { running, draining, forced };
}  // namespace detail

/// Says whether one stage of a context has begun: `context::draining_token()`, `context::forced_token()`. Copies share
/// the state of the context and keep it alive.   Threads: any.
class stop_token {
 public:
  /// Never stops.
  stop_token() noexcept = default;

  bool stop_requested() const noexcept;
  /// False: it is empty, or of a context of the background, and never stops.
  bool stop_possible() const noexcept { return state_ != nullptr; }

#ifdef __cpp_lib_jthread
  /// For functions that take the standard's token. It stops when this one does. Allocates at the first conversion of
  /// tokens of this stage.
  operator std::stop_token() const;
#endif

  friend bool operator==(const stop_token& a, const stop_token& b) noexcept {
    return a.state_ == b.state_ && (!a.state_ || a.at_ == b.at_);
  }

 private:
  friend class context;
  friend class detail::stop_link;
  stop_token(std::shared_ptr<detail::context_state> state, detail::stage at) noexcept
      : state_(std::move(state)), at_(at) {}

  std::shared_ptr<detail::context_state> state_;  // null: never stops
  detail::stage at_ = detail::stage::running;
};

namespace detail {

/// The place of one callback in the list of its context. Does not allocate.
class stop_link {
 public:
  /// Calls `run(of)` once: at once if the stage has begun.
  stop_link(stop_token until, void* of, void (*run)(void* of) noexcept) noexcept;
  ~stop_link();
  stop_link& operator=(stop_link&&) = delete;

 private:
  friend class context_state;

  const stop_token until_;
  void* const of_;
  void (*const run_)(void*) noexcept;
  stop_link* before_ = nullptr;
  stop_link* after_ = nullptr;
  bool linked_ = false;
};

}  // namespace detail

/// Calls `f()` once when the token stops: on the thread that ends the context, or in this constructor if the token has
/// stopped. `f` must not throw: that ends the process, as with std::stop_callback. Does not allocate.
/// Threads: any.   Blocks: the destructor waits while `f` runs on another thread; on the thread that runs `f` it does
/// not. So `f` must not wait for a lock that is held while the callback is destroyed.
template <std::invocable F> class stop_callback {
 public:
  template <class C>
    requires std::constructible_from<F, C>
  explicit stop_callback(stop_token until, C&& f) noexcept(std::is_nothrow_constructible_v<F, C>)
      : f_(std::forward<C>(f)), link_(std::move(until), this, [](void* of) noexcept {
          std::forward<F>(static_cast<stop_callback*>(of)->f_)();
        }) {}
  stop_callback& operator=(stop_callback&&) = delete;

 private:
  F f_;
  detail::stop_link link_;  // last: it runs `f_` when it is made, and no more when it is gone
};

template <class F> stop_callback(stop_token, F) -> stop_callback<F>;

}  // namespace lastcall::inline v0
