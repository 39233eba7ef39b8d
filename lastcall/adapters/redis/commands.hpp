// Commands in the form in which the server takes them: their words, each with all its bytes.
#pragma once

#include <array>
#include <charconv>
#include <concepts>
#include <cstddef>
#include <ranges>
#include <span>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

#include "lastcall/adapters/redis/session_effect.hpp"
#include "lastcall/core/namespace.hpp"

namespace lastcall::inline v0::redis {

namespace detail {

inline void append_word(std::string& to, std::string_view word) {
  to.append("$").append(std::to_string(word.size())).append("\r\n").append(word).append("\r\n");
}

template <class T>
concept word = std::convertible_to<const T&, std::string_view> ||
               (std::is_arithmetic_v<T> && !std::same_as<T, bool> && !std::same_as<T, char>) ||
               std::convertible_to<const T&, std::span<const std::byte>>;
template <class T>
concept list_of_words = !word<T> && std::ranges::sized_range<const T> && word<std::ranges::range_value_t<const T>>;

template <word T> std::size_t words_in(const T&) { return 1; }
template <list_of_words T> std::size_t words_in(const T& all) { return std::ranges::size(all); }

template <word T> void append(std::string& to, const T& value) {
  if constexpr (std::convertible_to<const T&, std::string_view>) {
    append_word(to, value);
  } else if constexpr (std::is_arithmetic_v<T>) {
    std::array<char, 32> text{};
    const char* const end = std::to_chars(text.data(), text.data() + text.size(), value).ptr;
    append_word(to, {text.data(), static_cast<std::size_t>(end - text.data())});
  } else {
    const std::span<const std::byte> bytes = value;
    append_word(to, {reinterpret_cast<const char*>(bytes.data()), bytes.size()});
  }
}
template <list_of_words T> void append(std::string& to, const T& all) {
  for (const auto& each : all) append(to, each);
}

}  // namespace detail

/// A word of a command: text or bytes (std::span<const std::byte>) with all that is in them, or a number; or several
/// words: a range of these.
template <class T>
concept argument = detail::word<T> || detail::list_of_words<T>;

/// Commands that are sent together.   Threads: one at a time.
class commands {
 public:
  /// Errors: std::invalid_argument for a name that has a space (each word is an argument of its own), and for a command
  /// that takes its connection over: SUBSCRIBE and the like, MONITOR, SYNC. For those there is `subscription`.
  template <argument... A> commands& add(std::string_view name, const A&... values) {
    begin(name, (std::size_t{1} + ... + detail::words_in(values)));
    (detail::append(text_, values), ...);
    return *this;
  }
  std::size_t size() const noexcept { return count_; }
  bool empty() const noexcept { return count_ == 0; }
  /// "XADD", "XADD and 3 more": for errors and reports.
  std::string label() const;

 private:
  friend class connection;
  void begin(std::string_view name, std::size_t words);

  std::string text_;
  std::string first_;
  std::size_t count_ = 0;
  std::vector<detail::session_use> verbs_;  // those that concern the connection itself
};

}  // namespace lastcall::inline v0::redis
