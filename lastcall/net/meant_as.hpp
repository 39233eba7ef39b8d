// Recognizes what was meant as a handler but has none of its forms, so that the compiler can say what is wrong: a type
// of another form, one that takes its stream by reference, one that is empty.
#pragma once

#include <concepts>
#include <type_traits>

#include "lastcall/net/on_pool.hpp"

namespace lastcall::inline v0::net::detail {

template <class F, class Handler>
concept turns_into = std::derived_from<F, Handler> || requires(F f) { f.operator Handler(); };

/// A class or a function, but neither a Handler nor what turns into one by itself.
template <class F, class Handler>
concept meant_as =
    !turns_into<F, Handler> && std::disjunction_v<std::is_class<F>, std::is_function<std::remove_pointer_t<F>>>;

/// Turns into a parameter of type T, and into no reference to one that is not const.
template <class T> struct only_by_value {
  operator const T() const;  // NOLINT: implicit, and never called
};

/// The last parameter is a T, taken by value. A reference would not live as long as a coroutine that takes it. F is
/// const for what several threads call.
template <class F, class T, class... Before>
concept takes_by_value =
    std::is_invocable_v<F&, Before..., only_by_value<T>> && !std::is_invocable_v<F&, Before..., T&>;

/// It could be called with a T, but takes it by reference.
template <class F, class T, class... Before>
concept takes_by_reference = !takes_by_value<F, T, Before...> &&
                             (std::is_invocable_v<F&, Before..., T&> || std::is_invocable_v<F&, Before..., T&&>);

/// A null pointer to a function, or an empty std::function: a route refuses it. Called, the first would crash.
template <class F> bool is_null(const F& f) noexcept {
  if constexpr (requires { f == nullptr; }) {
    return f == nullptr;
  } else {
    return false;
  }
}
template <class F> bool is_null(const on_pool<F>& f) noexcept { return is_null(f.call); }

}  // namespace lastcall::inline v0::net::detail
