// Boost.JSON, under another name: a program that has compiled it too, perhaps another version of it, still links with
// us.
#pragma once

#include <string_view>

#define json lastcall_json
#include <boost/json.hpp>
#undef json

namespace lastcall::inline v0::testing {

namespace json = boost::lastcall_json;

/// Errors: std::invalid_argument, with the offset, when it is not JSON (RFC 8259, 32 levels at most).
json::value parse_json(std::string_view text);

}  // namespace lastcall::inline v0::testing
