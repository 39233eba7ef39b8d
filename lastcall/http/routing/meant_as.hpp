// Recognizes a type that was meant as a handler but has none of its forms, so that the compiler can say what is wrong.
#pragma once

#include <concepts>
#include <type_traits>

#include "lastcall/core/namespace.hpp"

namespace lastcall::inline v0::http::detail {

template <class F, class Handler>
concept turns_into = std::derived_from<F, Handler> || requires(F f) { f.operator Handler(); };

/// A class or a function, but neither a Handler nor what turns into one by itself.
template <class F, class Handler>
concept meant_as =
    !turns_into<F, Handler> && std::disjunction_v<std::is_class<F>, std::is_function<std::remove_pointer_t<F>>>;

}  // namespace lastcall::inline v0::http::detail
