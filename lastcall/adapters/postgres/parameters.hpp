// The values of $1, $2, … in the form that libpq takes.
#pragma once

#include <array>
#include <charconv>
#include <concepts>
#include <cstddef>
#include <optional>
#include <span>
#include <stdexcept>
#include <string>
#include <string_view>
#include <type_traits>

#include "lastcall/core/namespace.hpp"

namespace lastcall::inline v0::postgres {

namespace detail {

/// libpq would cut a text at a NUL, and the server has none with one.   Errors: std::invalid_argument.
template <class T> const T& whole(const T& text, const char* what, const char* remedy) {
  if (const std::size_t at = text.find('\0'); at != T::npos)
    throw std::invalid_argument(std::string(what) + " has a NUL at byte " + std::to_string(at) +
                                ", which PostgreSQL does not take; " + remedy);
  return text;
}
/// A statement, or a name in one.
template <class T> const T& whole(const T& text, const char* what) { return whole(text, what, "leave it out"); }

/// One value. It refers to what it was made of, or holds its text.
class parameter {
 public:
  parameter(std::nullptr_t) noexcept {}                               // NOLINT: implicit
  parameter(std::nullopt_t) noexcept {}                               // NOLINT: implicit
  parameter(const char* text) noexcept : text_(text) {}               // NOLINT: implicit
  parameter(const std::string& text) : text_(whole(text).c_str()) {}  // NOLINT: implicit
  parameter(std::string_view text)
      : kept_(whole(text)), text_(kept_.c_str()) {}             // NOLINT: implicit; libpq wants an end
  parameter(bool value) noexcept : text_(value ? "t" : "f") {}  // NOLINT: implicit
  parameter(std::span<const std::byte> bytes) noexcept          // NOLINT: implicit
      : text_(bytes.empty() ? "" : reinterpret_cast<const char*>(bytes.data())),
        length_(static_cast<int>(bytes.size())),
        is_binary_(true) {}
  template <class N>
    requires(std::is_arithmetic_v<N> && !std::same_as<N, bool>)
  parameter(N value) noexcept {  // NOLINT: implicit
    text_ = number_.data();
    *std::to_chars(number_.data(), number_.data() + number_.size() - 1, value).ptr = '\0';
  }
  parameter& operator=(parameter&&) = delete;  // it may point into itself

  const char* value() const noexcept { return text_; }
  int length() const noexcept { return length_; }
  int is_binary() const noexcept { return is_binary_ ? 1 : 0; }

 private:
  template <class T> static const T& whole(const T& text) {
    return detail::whole(text, "a text value", "give std::span of bytes");
  }

  std::array<char, 32> number_{};
  std::string kept_;
  const char* text_ = nullptr;  // null: SQL's null
  int length_ = 0;
  bool is_binary_ = false;
};

/// What PQsendQueryParams takes.
struct parameter_lists {
  int count;
  const char* const* values;
  const int* lengths;  // these two are null if all is text: libpq has less to send then
  const int* formats;
};

template <class T> parameter parameter_of(const T& value) { return parameter(value); }
template <class T> parameter parameter_of(const std::optional<T>& value) {
  return value ? parameter(*value) : parameter(nullptr);
}

/// The values of one statement, however many.
struct any_parameters {
  virtual ~any_parameters() = default;
  virtual parameter_lists lists() const noexcept = 0;
};

/// It does not move: the lists point into it.
template <std::size_t N> class parameters final : public any_parameters {
 public:
  template <class... A> explicit parameters(const A&... values) : all_{parameter_of(values)...} {
    for (std::size_t i = 0; i < N; ++i) {
      texts_[i] = all_[i].value();
      lengths_[i] = all_[i].length();
      formats_[i] = all_[i].is_binary();
      is_text_ = is_text_ && formats_[i] == 0;
    }
  }
  parameters& operator=(parameters&&) = delete;

  parameter_lists lists() const noexcept override {
    return {static_cast<int>(N), texts_.data(), is_text_ ? nullptr : lengths_.data(),
            is_text_ ? nullptr : formats_.data()};
  }

 private:
  const std::array<parameter, N> all_;
  std::array<const char*, N> texts_{};
  std::array<int, N> lengths_{};
  std::array<int, N> formats_{};
  bool is_text_ = true;
};
template <class... A> parameters(const A&...) -> parameters<sizeof...(A)>;

}  // namespace detail

/// A value of $1, $2, …: a number, a bool, text, bytes (std::span<const std::byte>, sent as binary), null (nullptr) or
/// an optional of these.   Errors: a call that is given text with a NUL throws std::invalid_argument.
template <class T>
concept parameter = requires(const T& value) { detail::parameter_of(value); };

}  // namespace lastcall::inline v0::postgres
