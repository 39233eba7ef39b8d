// Whether the conditions of a request (If-Match and others) hold for what would be sent. Pure. Not for a representation
// that does not exist yet.
#pragma once

#include <ctime>
#include <optional>
#include <string_view>

#include "lastcall/core/namespace.hpp"

namespace lastcall::inline v0::http {
class request;
}

namespace lastcall::inline v0::http::detail {

/// What identifies the state of a resource, as its response's ETag and Last-Modified would.
struct validators {
  std::string_view etag;                // with its quotes, and W/ when it is weak; empty: none
  std::optional<std::time_t> modified;  // seconds since 1970
};

enum class precondition : unsigned char {
  proceed,
  ignore_range,  // proceed, but with all of it: If-Range means another state, or a line is there twice
  not_modified,  // 304
  failed,        // 412
};

/// Evaluates in the order of RFC 9110 section 13.2.2. To be asked only where the answer would otherwise be 2xx. A date
/// that can't be read, or is given twice, is as if absent; so is every condition of CONNECT, OPTIONS and TRACE. A
/// modification time counts as strong for If-Range: a file that changes twice within a second needs an etag.
/// Source: RFC 9110 section 13.
precondition evaluate_preconditions(const request& r, const validators& current, std::time_t now) noexcept;

}  // namespace lastcall::inline v0::http::detail
