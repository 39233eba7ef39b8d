// Status codes and their reason phrases. Not a check of what a handler may send; `response` does that.
#pragma once

#include <string_view>

#include "lastcall/core/namespace.hpp"

namespace lastcall::inline v0::http {

/// "Not Found" for 404; empty for a code without a registered phrase.   Source: IANA HTTP Status Code Registry.
std::string_view reason_phrase(int status) noexcept;

/// Whether a response with this status may carry a body: not 1xx, 204, 205, 304.   Source: RFC 9110
/// sections 15.2, 15.3.5, 15.3.6, 15.4.5.
bool may_have_body(int status) noexcept;

}  // namespace lastcall::inline v0::http
