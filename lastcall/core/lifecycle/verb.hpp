// The verbs of a component, what else is asked of it, and their names in log and report.
#pragma once

#include <cstddef>
#include <string_view>

#include "lastcall/core/enum_names.hpp"

namespace lastcall::inline v0 {

/// A new one leads the compiler to each place that has to know of it: no switch over verbs has a default.
enum class verb : unsigned char { none, start, announce, drain, force, stop, account, destroy, in_progress };

constexpr std::string_view to_text(verb v) noexcept { return detail::enum_name(v); }
inline constexpr std::size_t verb_count = detail::enum_count<verb>();  ///< with `none`

}  // namespace lastcall::inline v0
