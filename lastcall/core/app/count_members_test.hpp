// How many members an aggregate has: for a test that lists them, so that a new one is not forgotten.
#pragma once

#include <cstddef>

#include "lastcall/core/namespace.hpp"

namespace lastcall::inline v0::detail {

struct anything {
  template <class T> operator T() const;  // NOLINT: implicit, and never called
};

template <class T, class... A> consteval std::size_t members() {
  if constexpr (requires { T{A()..., anything()}; }) {
    return members<T, A..., anything>();
  } else {
    return sizeof...(A);
  }
}

}  // namespace lastcall::inline v0::detail
