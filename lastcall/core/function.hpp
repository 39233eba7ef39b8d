// A move-only callable: takes what std::function refuses (lambdas that own something). Not copyable, not shared.
#pragma once

#include <cstddef>
#include <functional>
#include <memory>
#include <new>
#include <type_traits>
#include <utility>

#include "lastcall/core/namespace.hpp"

namespace lastcall::inline v0 {

template <class Signature> class function;

/// Owns one callable. Up to 48 bytes that move without throwing live inside; anything else costs one allocation. Empty
/// (also when made from a null pointer or an empty std::function) tests false. Calling is const, as with std::function.
/// Errors: calling an empty one throws std::bad_function_call.   Threads: as safe to call at once as the callable
/// itself.
template <class R, class... A> class function<R(A...)> {
 public:
  static constexpr std::size_t inside_bytes = 48;

  function() noexcept {}
  function(std::nullptr_t) noexcept {}
  template <class F, class D = std::decay_t<F>>
    requires(!std::is_same_v<D, function> && std::is_invocable_r_v<R, D&, A...>)
  function(F&& callable) {
    constexpr bool may_be_null = !std::is_function_v<std::remove_reference_t<F>>;  // a function itself never is
    if constexpr (may_be_null && requires { callable == nullptr; }) {
      if (callable == nullptr) return;
    }
    if constexpr (fits<D>) {
      ::new (static_cast<void*>(inside_)) D(std::forward<F>(callable));
      call_ = [](void* at, A&&... args) -> R { return invoke(*in_place<D>(at), std::forward<A>(args)...); };
      relocate_ = [](void* from, void* to) noexcept {
        D* callable_at = in_place<D>(from);
        if (to != nullptr) ::new (to) D(std::move(*callable_at));
        std::destroy_at(callable_at);
      };
    } else {
      ::new (static_cast<void*>(inside_)) D*(new D(std::forward<F>(callable)));
      call_ = [](void* at, A&&... args) -> R { return invoke(**in_place<D*>(at), std::forward<A>(args)...); };
      relocate_ = [](void* from, void* to) noexcept {
        D* owned = *in_place<D*>(from);
        to != nullptr ? static_cast<void>(::new (to) D*(owned)) : delete owned;
      };
    }
  }
  function(function&& other) noexcept { take(other); }
  function& operator=(function&& other) noexcept {
    if (this != &other) {
      clear();
      take(other);
    }
    return *this;
  }
  function& operator=(std::nullptr_t) noexcept {
    clear();
    return *this;
  }
  ~function() { clear(); }

  explicit operator bool() const noexcept { return relocate_ != nullptr; }
  bool operator==(std::nullptr_t) const noexcept { return relocate_ == nullptr; }
  R operator()(A... args) const { return call_(inside_, std::forward<A>(args)...); }

 private:
  template <class D>
  static constexpr bool fits =
      sizeof(D) <= inside_bytes && alignof(D) <= alignof(std::max_align_t) && std::is_nothrow_move_constructible_v<D>;

  template <class D> static D* in_place(void* at) noexcept { return std::launder(static_cast<D*>(at)); }
  template <class D> static R invoke(D& callable, A&&... args) {
    if constexpr (std::is_void_v<R>) {
      static_cast<void>(std::invoke(callable, std::forward<A>(args)...));
    } else {
      return std::invoke(callable, std::forward<A>(args)...);
    }
  }
  [[noreturn]] static R call_of_empty(void*, A&&...) { throw std::bad_function_call(); }

  void take(function& other) noexcept {
    if (other.relocate_ == nullptr) return;
    other.relocate_(other.inside_, inside_);
    call_ = std::exchange(other.call_, &call_of_empty);
    relocate_ = std::exchange(other.relocate_, nullptr);
  }
  void clear() noexcept {
    if (relocate_ == nullptr) return;
    call_ = &call_of_empty;
    std::exchange(relocate_, nullptr)(inside_, nullptr);
  }

  alignas(std::max_align_t) mutable std::byte inside_[inside_bytes];
  R (*call_)(void*, A&&...) = &call_of_empty;
  void (*relocate_)(void* from, void* to) noexcept = nullptr;  // to null: destroys only
};

}  // namespace lastcall::inline v0
