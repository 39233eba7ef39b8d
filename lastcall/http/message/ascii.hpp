// Character classes of RFC 9110 and comparison without case, for ASCII only. No locale, no Unicode.
#pragma once

#include <algorithm>
#include <array>
#include <string_view>

#include "lastcall/core/namespace.hpp"

namespace lastcall::inline v0::http::detail {

constexpr bool is_digit(char c) noexcept { return c >= '0' && c <= '9'; }
constexpr bool is_alpha(char c) noexcept { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); }
constexpr char lower(char c) noexcept { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + ('a' - 'A')) : c; }

/// 0 to 15; -1 for what is no hexadecimal digit.
constexpr int hex_digit(char c) noexcept {
  if (is_digit(c)) return c - '0';
  const char l = lower(c);
  return l >= 'a' && l <= 'f' ? l - 'a' + 10 : -1;
}

/// A byte that no field value may hold: controls other than the tab, and DEL.   Source: RFC 9110 section 5.5.
constexpr bool is_control(char c) noexcept {
  const auto u = static_cast<unsigned char>(c);
  return (u < 0x20 && u != '\t') || u == 0x7f;
}

/// True for letters, digits and `marks`.
consteval std::array<bool, 256> table_of_letters_digits_and(std::string_view marks) noexcept {
  std::array<bool, 256> table{};
  for (int c = 0; c < 128; ++c) table[c] = is_digit(static_cast<char>(c)) || is_alpha(static_cast<char>(c));
  for (const char c : marks) table[static_cast<unsigned char>(c)] = true;
  return table;
}
inline constexpr auto token_table = table_of_letters_digits_and("!#$%&'*+-.^_`|~");

/// Source: RFC 9110 section 5.6.2.
constexpr bool is_token_char(char c) noexcept { return token_table[static_cast<unsigned char>(c)]; }

constexpr bool is_token(std::string_view text) noexcept {
  return !text.empty() && std::all_of(text.begin(), text.end(), is_token_char);
}

/// Space and tab, the white space that headers may have around their parts.
constexpr bool is_space(char c) noexcept { return c == ' ' || c == '\t'; }

constexpr std::string_view trimmed(std::string_view text) noexcept {
  while (!text.empty() && is_space(text.front())) text.remove_prefix(1);
  while (!text.empty() && is_space(text.back())) text.remove_suffix(1);
  return text;
}

constexpr bool equal_ignoring_case(std::string_view a, std::string_view b) noexcept {
  return std::equal(a.begin(), a.end(), b.begin(), b.end(), [](char x, char y) { return lower(x) == lower(y); });
}

}  // namespace lastcall::inline v0::http::detail
