// What the server answered: hiredis' own reply, with typed reads.
#pragma once

#include <hiredis/hiredis.h>

#include <charconv>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>

#include "lastcall/core/namespace.hpp"

namespace lastcall::inline v0::redis {

namespace detail {
template <class T> inline constexpr bool is_optional = false;
template <class T> inline constexpr bool is_optional<std::optional<T>> = true;
}  // namespace detail

/// A reply, or one element of it. Valid as long as the `reply` that it is of.
class value {
 public:
  bool is_null() const noexcept { return of_->type == REDIS_REPLY_NIL; }
  bool is_array() const noexcept { return of_->type == REDIS_REPLY_ARRAY; }
  /// Only within the replies of a transaction or a pipeline: a whole reply that is an error is an `error`.
  bool is_error() const noexcept { return of_->type == REDIS_REPLY_ERROR; }

  /// Of a string, a status ("OK") or an error, with all its bytes; empty for anything else.
  std::string_view text() const noexcept {
    if (of_->type != REDIS_REPLY_STRING && of_->type != REDIS_REPLY_STATUS && of_->type != REDIS_REPLY_ERROR) return {};
    return {of_->str, static_cast<std::size_t>(of_->len)};
  }
  /// A number (also one that Redis keeps as a text), a bool (0 or 1), a std::string, or an optional of these, which is
  /// empty for nil. Errors: std::invalid_argument that says what it is instead.
  template <class T> T get() const;

  /// How many elements an array has; 0 for anything else.
  std::size_t size() const noexcept { return is_array() ? of_->elements : 0; }
  bool empty() const noexcept { return size() == 0; }
  /// Errors: std::invalid_argument that names the number when there is no such element.
  value operator[](std::size_t which) const;

  class iterator {
   public:
    value operator*() const noexcept { return value(*at_); }
    iterator& operator++() noexcept {
      ++at_;
      return *this;
    }
    bool operator==(const iterator& other) const noexcept { return at_ == other.at_; }

   private:
    friend class value;
    explicit iterator(redisReply** at) noexcept : at_(at) {}
    redisReply** at_;
  };
  iterator begin() const noexcept { return iterator(is_array() ? of_->element : nullptr); }
  iterator end() const noexcept { return iterator(is_array() ? of_->element + of_->elements : nullptr); }

  const redisReply* native_handle() const noexcept { return of_; }

 protected:
  explicit value(const redisReply* of) noexcept : of_(of) {}

 private:
  [[noreturn]] void refuse(const char* wanted) const;

  const redisReply* of_;
};

/// Owns a redisReply.   Threads: one at a time.
class reply : public value {
 public:
  /// Takes it over; it is not null.
  explicit reply(redisReply* of) noexcept : value(of), owned_(of) {}

 private:
  struct release {
    void operator()(redisReply* of) const noexcept { freeReplyObject(of); }
  };
  std::unique_ptr<redisReply, release> owned_;
};

template <class T> T value::get() const {
  if constexpr (detail::is_optional<T>) {
    if (is_null()) return std::nullopt;
    return get<typename T::value_type>();
  } else if constexpr (std::same_as<T, bool>) {
    const auto number = get<std::int64_t>();
    if (number != 0 && number != 1) refuse("a boolean");
    return number == 1;
  } else if constexpr (std::is_arithmetic_v<T>) {
    if (of_->type == REDIS_REPLY_INTEGER) {
      if constexpr (std::integral<T>) {
        if (!std::in_range<T>(of_->integer)) refuse("a number that fits");
      }
      return static_cast<T>(of_->integer);
    }
    const std::string_view from = is_error() ? std::string_view() : text();
    T number{};
    const auto [end, wrong] = std::from_chars(from.data(), from.data() + from.size(), number);
    if (wrong != std::errc() || end != from.data() + from.size()) refuse("a number that fits");
    return number;
  } else {
    if (of_->type == REDIS_REPLY_INTEGER) return T(std::to_string(of_->integer));
    if (of_->type != REDIS_REPLY_STRING && of_->type != REDIS_REPLY_STATUS) refuse("a text");
    return T(text());
  }
}

}  // namespace lastcall::inline v0::redis
