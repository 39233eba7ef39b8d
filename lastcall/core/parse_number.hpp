// A whole text as one integer. Knows no units: that is duration.
#pragma once

#include <charconv>
#include <optional>
#include <string_view>

#include "lastcall/core/namespace.hpp"

namespace lastcall::inline v0::detail {

/// Empty if the text is anything else, or too large for N. Of an unsigned N: digits only, at least one.
template <class N> std::optional<N> parse_number(std::string_view text, int radix = 10) noexcept {
  N value{};
  const auto [stop, error] = std::from_chars(text.data(), text.data() + text.size(), value, radix);
  return error == std::errc() && stop == text.data() + text.size() ? std::optional(value) : std::nullopt;
}

}  // namespace lastcall::inline v0::detail
