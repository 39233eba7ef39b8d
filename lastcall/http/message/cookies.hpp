// Cookies: those that a client sent, and those that a response sets.
#pragma once

#include <chrono>
#include <optional>
#include <string>
#include <string_view>

#include "lastcall/core/namespace.hpp"

namespace lastcall::inline v0::http {

class request;
class response;

/// The first one of that name, as sent: nothing is decoded, and quotes stay. Lives as long as the request's head. Empty
/// without one.   Source: RFC 6265 section 4.2.
std::optional<std::string_view> cookie(const request& r, std::string_view name) noexcept;

/// To which requests a browser adds a cookie that come from another site's pages.
enum class same_site : unsigned char { strict, lax, none };

struct cookie_options {
  std::string path = "/";
  std::string domain = {};  ///< empty: this host alone
  /// Empty: until the browser ends. 0 or less removes the cookie.
  std::optional<std::chrono::seconds> max_age = {};
  bool secure = true;     ///< over TLS only; browsers take http://localhost for as good
  bool http_only = true;  ///< not for scripts
  http::same_site same_site = http::same_site::lax;
};

/// Adds Set-Cookie. Encodes nothing.   Errors: std::invalid_argument names what can't stand there: a name that is no
/// token, a value with white space, a quote, comma, semicolon, backslash or a byte that is not ASCII, a path or domain
/// with a semicolon, same_site none without secure.   Source: RFC 6265 section 4.1.1.
response& set_cookie(response& r, std::string_view name, std::string_view value, const cookie_options& o = {});

}  // namespace lastcall::inline v0::http
