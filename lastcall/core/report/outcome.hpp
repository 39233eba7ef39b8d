// How a shutdown ended. The exit code for it is exit/exit_code's.
#pragma once

#include <string_view>

#include "lastcall/core/namespace.hpp"

namespace lastcall::inline v0 {

/// From good to bad. The text of graceful is "drained".
enum class outcome : unsigned char { graceful, forced, hung, failed };

std::string_view to_text(outcome how) noexcept;

}  // namespace lastcall::inline v0
