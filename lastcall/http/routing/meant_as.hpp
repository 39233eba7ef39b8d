// Recognizes a type that was meant as a handler but has none of its forms, so that the compiler can say what is
// wrong; and one that is empty.
#pragma once

#include <concepts>
#include <type_traits>

#include "lastcall/net/on_pool.hpp"

namespace lastcall::inline v0::http::detail {

template <class F, class Handler>
concept turns_into = std::derived_from<F, Handler> || requires(F f) { f.operator Handler(); };

/// A class or a function, but neither a Handler nor what turns into one by itself.
template <class F, class Handler>
concept meant_as =
    !turns_into<F, Handler> && std::disjunction_v<std::is_class<F>, std::is_function<std::remove_pointer_t<F>>>;

/// A null pointer to a function, or an empty std::function: a route refuses it. Called, the first would crash.
template <class F> bool is_null(const F& f) noexcept {
  if constexpr (requires { f == nullptr; }) {
    return f == nullptr;
  } else {
    return false;
  }
}
template <class F> bool is_null(const net::on_pool<F>& f) noexcept { return is_null(f.call); }

}  // namespace lastcall::inline v0::http::detail
