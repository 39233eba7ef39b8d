// The names of an enum's values, and how many there are, as the compiler knows them: nobody keeps a list beside the
// enum.
#pragma once

#include <array>
#include <cstddef>
#include <string_view>

#include "lastcall/core/namespace.hpp"

namespace lastcall::inline v0::detail {

// "… Value = lastcall::v0::verb::start]" of g++ and clang++; "… Value = (lastcall::v0::verb)9]" if there is no such
// value.
template <auto Value> constexpr std::string_view name_of_value() noexcept {
  std::string_view text = __PRETTY_FUNCTION__;
  text.remove_prefix(text.find("Value = "));
  text = text.substr(0, text.find_first_of(";]"));
  return text.find(')') == text.npos ? text.substr(text.rfind(':') + 1) : std::string_view();
}

/// Of an enum whose values are 0, 1, 2 and so on, at most 16.
template <class Enum>
inline constexpr auto enum_names = []<std::size_t... I>(std::index_sequence<I...>) {
  return std::array{name_of_value<static_cast<Enum>(I)>()...};
}(std::make_index_sequence<17>());

/// "unknown" for a number that is none of its values.
template <class Enum> constexpr std::string_view enum_name(Enum value) noexcept {
  const auto index = static_cast<std::size_t>(value);
  const auto& all = enum_names<Enum>;
  return index < all.size() && !all[index].empty() ? all[index] : std::string_view("unknown");
}

template <class Enum> consteval std::size_t enum_count() {
  std::size_t count = 0;
  while (!enum_names<Enum>[count].empty()) ++count;
  return count;
}

}  // namespace lastcall::inline v0::detail
