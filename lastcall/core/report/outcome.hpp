// How a shutdown ended. The exit code for it is exit/exit_code's.
#pragma once

#include <string_view>

#include "lastcall/core/enum_names.hpp"

namespace lastcall::inline v0 {

/// From good to bad. The text of graceful is "drained".
enum class outcome : unsigned char { graceful, forced, hung, failed };

constexpr std::string_view to_text(outcome how) noexcept {
  return how == outcome::graceful ? "drained" : detail::enum_name(how);
}

}  // namespace lastcall::inline v0
