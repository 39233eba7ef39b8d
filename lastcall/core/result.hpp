// A value or why there is none, for what the outside world can refuse. Misuse by a caller throws instead.
#pragma once

#include <exception>
#include <memory>
#include <system_error>
#include <type_traits>
#include <utility>
#include <variant>

#include "lastcall/core/namespace.hpp"

namespace lastcall::inline v0 {

namespace detail {
[[noreturn]] inline void raise(const std::error_code& error) { throw std::system_error(error); }
// An error that is an exception may say by `raise_as(error)` that it is thrown as another one.
template <class E> [[noreturn]] void raise(const E& error) {
  if constexpr (requires { raise_as(error); }) raise_as(error);
  throw error;
}
}  // namespace detail

/// A value, or why there is none. E is a std::error_code, which is never empty when there is no value, or an exception
/// with more to tell. Errors: `value()`, `*` and `->` throw when there is no value: std::system_error, or that E.
template <class T, class E = std::error_code> class [[nodiscard]] result {
  static_assert(std::is_object_v<T> && !std::is_same_v<T, E>);
  static_assert(std::is_same_v<E, std::error_code> || std::is_base_of_v<std::exception, E>);

 public:
  template <class U = T>
    requires(std::is_convertible_v<U &&, T> && !std::is_same_v<std::remove_cvref_t<U>, result>)
  result(U&& value) : state_(std::in_place_index<0>, std::forward<U>(value)) {}
  result(E error) : state_(std::in_place_index<1>, std::move(error)) {}
  result(std::errc error) noexcept
    requires(std::is_same_v<E, std::error_code>)
      : result(std::make_error_code(error)) {}

  bool has_value() const noexcept { return state_.index() == 0; }
  explicit operator bool() const noexcept { return has_value(); }

  T& value() & { return **this; }
  const T& value() const& { return **this; }
  T&& value() && { return *std::move(*this); }
  template <class U> T value_or(U&& otherwise) const& {
    return has_value() ? **this : static_cast<T>(std::forward<U>(otherwise));
  }

  T& operator*() & { return *held(std::get_if<0>(&state_)); }
  const T& operator*() const& { return *held(std::get_if<0>(&state_)); }
  T&& operator*() && { return std::move(**this); }
  T* operator->() { return std::addressof(**this); }
  const T* operator->() const { return std::addressof(**this); }

  /// Empty (no error) when there is a value.
  std::error_code error() const noexcept
    requires(std::is_same_v<E, std::error_code>)
  {
    return has_value() ? std::error_code() : *std::get_if<1>(&state_);
  }
  /// Only when there is no value.   Errors: std::bad_variant_access.
  const E& error() const
    requires(!std::is_same_v<E, std::error_code>)
  {
    return std::get<1>(state_);
  }

 private:
  template <class P> P* held(P* value) const {
    if (!value) detail::raise(*std::get_if<1>(&state_));
    return value;
  }

  std::variant<T, E> state_;
};

/// Done, or why not. An empty error code means done.
template <> class [[nodiscard]] result<void, std::error_code> {
 public:
  result() noexcept = default;
  result(std::error_code error) noexcept : error_(error) {}
  result(std::errc error) noexcept : result(std::make_error_code(error)) {}

  bool has_value() const noexcept { return !error_; }
  explicit operator bool() const noexcept { return has_value(); }
  void value() const {
    if (error_) throw std::system_error(error_);
  }
  void operator*() const { value(); }
  std::error_code error() const noexcept { return error_; }

 private:
  std::error_code error_;
};

}  // namespace lastcall::inline v0
