// A value or a std::error_code, for what the outside world can refuse. Misuse by a caller throws instead.
#pragma once

#include <memory>
#include <system_error>
#include <type_traits>
#include <utility>
#include <variant>

#include "lastcall/core/namespace.hpp"

namespace lastcall::inline v0 {

/// A value, or why there is none. The error is never empty when there is no value.
/// Errors: `value()`, `*` and `->` throw std::system_error when there is no value.
template <class T> class [[nodiscard]] result {
  static_assert(std::is_object_v<T> && !std::is_same_v<T, std::error_code>);

 public:
  template <class U = T>
    requires(std::is_convertible_v<U &&, T> && !std::is_same_v<std::remove_cvref_t<U>, result>)
  result(U&& value) : state_(std::in_place_index<0>, std::forward<U>(value)) {}
  result(std::error_code error) noexcept : state_(std::in_place_index<1>, error) {}
  result(std::errc error) noexcept : result(std::make_error_code(error)) {}

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
  std::error_code error() const noexcept { return has_value() ? std::error_code() : *std::get_if<1>(&state_); }

 private:
  template <class P> P* held(P* value) const {
    if (!value) throw std::system_error(error());
    return value;
  }

  std::variant<T, std::error_code> state_;
};

/// Done, or why not. An empty error code means done.
template <> class [[nodiscard]] result<void> {
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
