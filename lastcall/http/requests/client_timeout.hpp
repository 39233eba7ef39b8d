// How long a client says that it waits for its answer, in the header that server_options::timeout_header names.
#pragma once

#include <optional>
#include <string_view>

#include "lastcall/core/clock.hpp"

namespace lastcall::inline v0::http::detail {

/// One to eight digits, and perhaps a unit: H M S m u n are hours, minutes, seconds, milli-, micro- and nanoseconds;
/// without one it is milliseconds. Not more than 24 h. Empty: malformed, or zero.
/// Source: "gRPC over HTTP2", Timeout.
std::optional<duration> parse_timeout(std::string_view text) noexcept;

}  // namespace lastcall::inline v0::http::detail
