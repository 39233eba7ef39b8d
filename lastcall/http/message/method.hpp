// The request methods the server knows by name. Not a list of what a router serves: any token can be routed.
#pragma once

#include <string_view>

#include "lastcall/core/namespace.hpp"

namespace lastcall::inline v0::http {

/// `other` is every method without a name here; its text is in `request::method()`.   Source: RFC 9110 section 9, RFC
/// 5789.
enum class method : unsigned char { get, head, post, put, delete_, options, patch, connect, trace, other };

/// Case-sensitive, as methods are: "get" is `other`.
method parse_method(std::string_view text) noexcept;

/// "GET" and so on; empty for `other`.
std::string_view to_text(method m) noexcept;

}  // namespace lastcall::inline v0::http
